//! A program with state and timers: each key and window by itself, but for the watermark that its timers hold.

use super::grouping::Grouping;
use super::programs::{self, Call, Timers, Vars};
use super::windows::assign;
use crate::vectors::{Accumulation, Dropped, END_OF_TIME, Ending, Event, Outcome, PaneTiming};
use crate::vectors::{ProgramVector, Text, WindowFn, WindowRange, Windowing};

/// What must come of a program with state.
pub(super) fn run(vector: &ProgramVector) -> Result<Ending, String> {
    if let WindowFn::Sessions { .. } = vector.window_fn {
        return Ok(Ending::Rejected("sessions are merged, state is not".to_owned()));
    }
    let after = vector.params.numbers.get("downstream_fixed_ms").map(|size_ms| Windowing {
        allowed_lateness_ms: vector.allowed_lateness_ms,
        accumulation: Accumulation::Discarding,
        ..Windowing::of(WindowFn::Fixed { size_ms: *size_ms, offset_ms: 0 })
    });
    let mut running = Running::new(vector);
    let mut after = after.as_ref().map(Grouping::new);
    for event in vector.events.iter().chain([&Event::AdvanceWatermarkToMs(END_OF_TIME)]) {
        if let Err(why) = running.event(event) {
            return Ok(Ending::Fails(why));
        }
        running.pass_on(after.as_mut());
    }
    let mut dropped = Dropped { lateness: running.dropped, ..Dropped::default() };
    let texts = match after {
        None => running.texts,
        Some(grouping) => {
            dropped.downstream = grouping.dropped;
            grouping.panes.iter().map(|p| pane_text(p, &running.texts)).collect()
        }
    };
    Ok(Ending::Outputs(Outcome::of(&texts, dropped)))
}

/// A pane of the grouping after the program, whose values are numbers of texts.
fn pane_text(pane: &crate::vectors::Pane, texts: &[Text]) -> Text {
    let mut parts: Vec<&str> = pane.values.iter().map(|n| texts[*n as usize].text.as_str()).collect();
    parts.sort_unstable();
    let timing = match pane.pane.timing {
        PaneTiming::OnTime => "on_time",
        PaneTiming::Late => "late",
        PaneTiming::Early | PaneTiming::Unknown => "early",
    };
    let text = format!("{timing} [{}]", parts.join(", "));
    Text { key: pane.key.clone(), text, timestamp_ms: pane.timestamp_ms, window: pane.window }
}

pub(super) struct Running<'a> {
    vector: &'a ProgramVector,
    watermark: i64,
    now: i64,
    /// The watermark of what comes out.
    held: i64,
    cells: Vec<Cell>,
    pub(super) texts: Vec<Text>,
    /// How many texts have gone to the grouping after the program.
    passed_on: usize,
    pub(super) dropped: u64,
}

struct Cell {
    key: String,
    window: WindowRange,
    vars: Vars,
    timers: Timers,
}

impl<'a> Running<'a> {
    pub(super) fn new(vector: &'a ProgramVector) -> Self {
        Running {
            vector,
            watermark: i64::MIN,
            now: 0,
            held: i64::MIN,
            cells: vec![],
            texts: vec![],
            passed_on: 0,
            dropped: 0,
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Element(e) => self.element(&e.key, e.value, e.timestamp_ms)?,
            Event::AdvanceWatermarkToMs(to) => self.watermark = self.watermark.max(*to),
            Event::AdvanceProcessingTimeByMs(by) => self.now += by,
        }
        self.settle()
    }

    pub(super) fn watermark(&mut self, to: i64) -> Result<(), String> {
        self.event(&Event::AdvanceWatermarkToMs(to))
    }

    /// Fires what is due, and forgets the windows that have expired.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        let mut cells = std::mem::take(&mut self.cells);
        for cell in &mut cells {
            self.fire_due(cell)?;
        }
        cells.retain_mut(|cell| {
            let is_expired = self.is_expired(cell.window);
            if is_expired {
                let last = cell.window.max();
                let expire = |c: &mut Call<'_>| {
                    programs::expiration(&self.vector.program, c);
                    Ok(())
                };
                let texts = self.call(cell, last, expire).unwrap_or_default();
                self.texts.extend(texts);
            }
            !is_expired
        });
        self.cells = cells;
        Ok(())
    }

    fn is_expired(&self, window: WindowRange) -> bool {
        self.watermark > window.expiry(self.vector.allowed_lateness_ms)
    }

    fn element(&mut self, key: &str, value: i64, ts: i64) -> Result<(), String> {
        let windows = assign(&self.vector.window_fn, ts);
        windows.into_iter().try_for_each(|window| self.element_in(window, key, value, ts))
    }

    /// An element comes that is in this window.
    pub(super) fn element_in(&mut self, window: WindowRange, key: &str, value: i64, ts: i64) -> Result<(), String> {
        if self.is_expired(window) {
            self.dropped += 1;
            return Ok(());
        }
        let at = self.cells.iter().position(|c| c.key == key && c.window == window);
        let mut cell = match at {
            Some(at) => self.cells.remove(at),
            None => Cell { key: key.to_owned(), window, vars: Vars::default(), timers: Timers::default() },
        };
        let call = |c: &mut Call<'_>| programs::element(&self.vector.program, c, value, ts);
        let texts = self.call(&mut cell, ts, call)?;
        self.texts.extend(texts);
        self.cells.push(cell);
        Ok(())
    }

    /// Fires the earliest timer that is due, looks anew, and so on. Those of processing time and of event time are never
    /// due by the same event, so they have no order.
    fn fire_due(&mut self, cell: &mut Cell) -> Result<(), String> {
        loop {
            let is_due = |t: &programs::Timer| t.time < if t.is_processing { self.now } else { self.watermark };
            let due = cell.timers.iter().filter(|(_, t)| is_due(t));
            // A processing-time timer of an expired window does nothing.
            let due = due.filter(|(_, t)| !t.is_processing || !self.is_expired(cell.window));
            let Some(name) = due.min_by_key(|(name, t)| (t.time, t.output, *name)).map(|(name, _)| name.clone()) else {
                return Ok(());
            };
            let Some(timer) = cell.timers.remove(&name) else { return Ok(()) };
            let fire = |c: &mut Call<'_>| programs::timer(&self.vector.program, c, &name, timer.time);
            let texts = self.call(cell, timer.output, fire)?;
            self.texts.extend(texts);
        }
    }

    fn call(
        &self,
        cell: &mut Cell,
        timestamp: i64,
        f: impl FnOnce(&mut Call<'_>) -> Result<(), String>,
    ) -> Result<Vec<Text>, String> {
        let mut call = Call {
            params: &self.vector.params,
            vars: &mut cell.vars,
            timers: &mut cell.timers,
            window: cell.window,
            expiry: cell.window.expiry(self.vector.allowed_lateness_ms),
            now: self.now,
            timestamp,
            emitted: vec![],
        };
        f(&mut call)?;
        let text = |(text, timestamp_ms)| Text { key: cell.key.clone(), text, timestamp_ms, window: cell.window };
        Ok(call.emitted.into_iter().map(text).collect())
    }

    /// Hands the outputs of an event to the grouping, and then the watermark as far as no timer holds it.
    fn pass_on(&mut self, after: Option<&mut Grouping<'_>>) {
        let Some(after) = after else { return };
        for (at, text) in self.texts.iter().enumerate().skip(self.passed_on) {
            after.element(&text.key, at as i64, text.timestamp_ms);
        }
        self.passed_on = self.texts.len();
        let holds = self.cells.iter().flat_map(|c| c.timers.values()).map(|t| t.output);
        let free = holds.fold(self.watermark, i64::min);
        self.held = self.held.max(free);
        after.watermark(self.held);
    }
}
