//! A grouping: what comes of the elements of each key and window.

use super::trigger::{Now, Standing};
use super::windows::assign;
use crate::vectors::{Accumulation, Closing, Dropped, END_OF_TIME, Event, OnTime, PaneNumbers, PaneTiming};
use crate::vectors::{Pane, TimestampCombiner, WindowRange, Windowing};
use std::collections::BTreeSet;

/// The panes of a `group_by_key` that sees these events and then the end of time, and what it drops. Up to `bundle`
/// elements that follow each other come together: triggers are asked once for all of them.
pub fn group_by_key(strategy: &Windowing, events: &[Event], bundle: usize) -> (Vec<Pane>, Dropped) {
    let mut grouping = Grouping::new(strategy);
    let mut in_bundle = 0;
    for event in events {
        if in_bundle == bundle || !matches!(event, Event::Element(_)) {
            grouping.finish_bundle();
            in_bundle = 0;
        }
        match event {
            Event::Element(e) => {
                grouping.add(&e.key, e.value, e.timestamp_ms);
                in_bundle += 1;
            }
            Event::AdvanceWatermarkToMs(to) => grouping.watermark(*to),
            Event::AdvanceProcessingTimeByMs(by) => grouping.processing_time(*by),
        }
    }
    grouping.finish_bundle();
    grouping.watermark(END_OF_TIME);
    (grouping.panes, Dropped { lateness: grouping.dropped, ..Dropped::default() })
}

pub(super) struct Grouping<'a> {
    strategy: &'a Windowing,
    watermark: i64,
    processing: i64,
    cells: Vec<Cell>,
    pub(super) panes: Vec<Pane>,
    pub(super) dropped: u64,
}

/// What is known of one key and window.
#[derive(Clone)]
struct Cell {
    key: String,
    window: WindowRange,
    trigger: Standing,
    /// Values and times of the elements of this bundle.
    bundle: Vec<(i64, i64)>,
    /// Values that have been in a pane.
    old: Vec<i64>,
    /// Values that have not.
    new: Vec<New>,
    /// The trigger asked to be woken at the end of the window, and has not been yet.
    wake_at_end: bool,
    /// The processing times whose passing wakes it: what the trigger has ever waited for after an element.
    wake_at: BTreeSet<i64>,
    panes: u32,
    panes_not_early: u32,
}

#[derive(Clone)]
struct New {
    value: i64,
    timestamp: i64,
    /// It came before the end of the window.
    in_time: bool,
    /// It also was not behind the watermark: its timestamp counts.
    counts: bool,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(strategy: &'a Windowing) -> Self {
        Grouping { strategy, watermark: i64::MIN, processing: 0, cells: vec![], panes: vec![], dropped: 0 }
    }

    fn is_expired(&self, window: WindowRange) -> bool {
        self.watermark > window.expiry(self.strategy.allowed_lateness_ms)
    }

    /// Whether no more elements that are not late come for this window.
    pub(super) fn is_past(&self, window: WindowRange) -> bool {
        self.watermark > window.max()
    }

    fn now(&self, window: WindowRange) -> Now {
        Now { watermark: self.watermark, processing: self.processing, max: window.max() }
    }

    pub(super) fn element(&mut self, key: &str, value: i64, timestamp: i64) {
        self.add(key, value, timestamp);
        self.finish_bundle();
    }

    fn add(&mut self, key: &str, value: i64, timestamp: i64) {
        for window in assign(&self.strategy.window_fn, timestamp) {
            if self.is_expired(window) {
                self.dropped += 1;
                continue;
            }
            let mut cell = self.take_cell(key, window);
            cell.bundle.push((value, timestamp));
            self.cells.push(cell);
        }
    }

    fn finish_bundle(&mut self) {
        let mut cells = std::mem::take(&mut self.cells);
        for cell in cells.iter_mut().filter(|c| !c.bundle.is_empty()) {
            let now = self.now(cell.window);
            let in_time = now.watermark <= now.max;
            for (value, timestamp) in std::mem::take(&mut cell.bundle) {
                cell.new.push(New { value, timestamp, in_time, counts: in_time && timestamp >= now.watermark });
                cell.wake_at_end |= cell.trigger.element(now);
                cell.wake_at.extend(cell.trigger.awaited());
            }
            self.look(cell);
        }
        self.cells = cells;
    }

    /// The cell of this key and window, out of the list of cells: of a session, all those that it touches made one.
    fn take_cell(&mut self, key: &str, window: WindowRange) -> Cell {
        let is_session = matches!(self.strategy.window_fn, crate::vectors::WindowFn::Sessions { .. });
        let belongs =
            |c: &Cell| c.key == key && if is_session { c.window.overlaps(window) } else { c.window == window };
        let (found, others) = self.cells.drain(..).partition(belongs);
        self.cells = others;
        self.merge(found, key, window)
    }

    fn merge(&self, parts: Vec<Cell>, key: &str, own: WindowRange) -> Cell {
        let window = parts.iter().fold(own, |w, c| w.joined(c.window));
        let standings: Vec<Standing> = parts.iter().map(|c| c.trigger.clone()).collect();
        // A window that was there before goes on, one that is new has no history.
        let mut merged = parts.iter().find(|c| c.window == window).cloned().unwrap_or_else(|| Cell {
            key: key.to_owned(),
            window,
            trigger: Standing::start(&self.strategy.trigger),
            bundle: vec![],
            old: vec![],
            new: vec![],
            wake_at_end: false,
            wake_at: BTreeSet::new(),
            panes: 0,
            panes_not_early: 0,
        });
        if matches!(self.strategy.window_fn, crate::vectors::WindowFn::Sessions { .. }) && !standings.is_empty() {
            merged.trigger = Standing::merged(&standings, self.now(window));
            merged.wake_at.extend(merged.trigger.awaited());
        }
        merged.bundle = parts.iter().flat_map(|c| c.bundle.clone()).collect();
        merged.old = parts.iter().flat_map(|c| c.old.clone()).collect();
        merged.new = parts.iter().flat_map(|c| c.new.clone()).collect();
        merged
    }

    pub(super) fn watermark(&mut self, to: i64) {
        self.watermark = self.watermark.max(to);
        let mut cells = std::mem::take(&mut self.cells);
        cells.retain_mut(|cell| {
            if self.is_expired(cell.window) {
                self.fire(cell, true);
                return false;
            }
            if self.watermark > cell.window.max() && cell.wake_at_end {
                self.look(cell);
                cell.wake_at_end = false;
            }
            true
        });
        self.cells = cells;
    }

    pub(super) fn processing_time(&mut self, by: i64) {
        let before = self.processing;
        self.processing += by;
        let passed = before..self.processing;
        let mut cells = std::mem::take(&mut self.cells);
        for cell in &mut cells {
            if cell.wake_at.iter().any(|t| passed.contains(t)) {
                self.look(cell);
            }
        }
        self.cells = cells;
    }

    fn look(&mut self, cell: &mut Cell) {
        if cell.trigger.is_ready(self.now(cell.window)) {
            self.fire(cell, false);
        }
    }

    fn fire(&mut self, cell: &mut Cell, is_expiry: bool) {
        let now = self.now(cell.window);
        let timing = self.timing(cell);
        if !is_expiry {
            cell.trigger.fire(now);
        }
        let is_wanted = !cell.new.is_empty()
            || (timing == PaneTiming::OnTime && self.strategy.on_time == OnTime::FireAlways)
            || (is_expiry && self.strategy.closing == Closing::FireAlways);
        let timestamp = self.timestamp(cell);
        let new = std::mem::take(&mut cell.new);
        let mut values: Vec<i64> = new.iter().map(|n| n.value).collect();
        if self.strategy.accumulation == Accumulation::Accumulating {
            cell.old.extend(&values);
            values = cell.old.clone();
        }
        if !is_wanted {
            return;
        }
        values.sort_unstable();
        let is_early = timing == PaneTiming::Early;
        let pane = PaneNumbers {
            index: cell.panes,
            non_speculative_index: if is_early { -1 } else { cell.panes_not_early as i32 },
            timing,
            is_first: cell.panes == 0,
            is_last: is_expiry,
        };
        cell.panes += 1;
        cell.panes_not_early += u32::from(!is_early);
        self.panes.push(Pane { key: cell.key.clone(), values, window: cell.window, timestamp_ms: timestamp, pane });
    }

    fn timing(&self, cell: &Cell) -> PaneTiming {
        if self.watermark <= cell.window.max() {
            return PaneTiming::Early;
        }
        let never_late = self.strategy.allowed_lateness_ms == 0;
        let owes = cell.wake_at_end || cell.new.iter().any(|n| n.in_time) || never_late;
        if cell.panes_not_early == 0 && owes { PaneTiming::OnTime } else { PaneTiming::Late }
    }

    fn timestamp(&self, cell: &Cell) -> i64 {
        let counting = cell.new.iter().filter(|n| n.counts).map(|n| n.timestamp);
        let of_elements = match self.strategy.timestamp_combiner {
            TimestampCombiner::EndOfWindow => None,
            TimestampCombiner::Earliest => counting.min(),
            TimestampCombiner::Latest => counting.max(),
        };
        of_elements.unwrap_or(cell.window.max())
    }
}
