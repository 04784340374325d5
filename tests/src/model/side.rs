//! A program with a side input: each main element waits until its side window is ready.

use super::grouping::Grouping;
use super::programs::list;
use super::windows::assign;
use crate::vectors::{Accumulation, Dropped, END_OF_TIME, Element, Ending, Event, Input, Outcome};
use crate::vectors::{ProgramVector, Text, Trigger, WindowFn, WindowRange, Windowing};
use std::collections::BTreeMap;

/// What must come of a program with a side input.
pub(super) fn run(vector: &ProgramVector) -> Result<Ending, String> {
    let side_fn = vector.params.side_window_fn()?;
    let strategy = side_strategy(vector, side_fn);
    if let Some(why) = super::trigger::refused(&strategy) {
        return Ok(Ending::Rejected(why));
    }
    if vector.window_fn == (WindowFn::Global {}) && *side_fn != (WindowFn::Global {}) {
        return Ok(Ending::Fails("the global window has no side window that is not global".to_owned()));
    }
    let mut side = Grouping::new(&strategy);
    let mut elements: Vec<&Element> = vec![];
    let mut waiting: Vec<(&Element, WindowRange)> = vec![];
    let mut texts = vec![];
    for event in vector.events.iter().chain([&Event::AdvanceWatermarkToMs(END_OF_TIME)]) {
        match event {
            Event::Element(e) if e.input == Some(Input::Side) => {
                side.element("", elements.len() as i64, e.timestamp_ms);
                elements.push(e);
            }
            Event::Element(e) => waiting.extend(assign(&vector.window_fn, e.timestamp_ms).into_iter().map(|w| (e, w))),
            Event::AdvanceWatermarkToMs(to) => side.watermark(*to),
            Event::AdvanceProcessingTimeByMs(_) => {}
        }
        let mut still_waiting = vec![];
        for (e, window) in waiting {
            let Some(side_window) = assign(side_fn, window.max()).into_iter().min() else { continue };
            let pane = side.panes.iter().rfind(|p| p.window == side_window);
            if pane.is_none() && !side.is_past(side_window) {
                still_waiting.push((e, window));
                continue;
            }
            let content: Vec<&Element> = pane.iter().flat_map(|p| &p.values).map(|n| elements[*n as usize]).collect();
            let text = format!("{} side={}", e.value, show(&vector.program, &content)?);
            texts.push(Text { key: e.key.clone(), text, timestamp_ms: e.timestamp_ms, window });
        }
        waiting = still_waiting;
    }
    Ok(Ending::Outputs(Outcome::of(&texts, Dropped { lateness: side.dropped, ..Dropped::default() })))
}

fn side_strategy(vector: &ProgramVector, side_fn: &WindowFn) -> Windowing {
    let mut strategy = Windowing::of(side_fn.clone());
    strategy.allowed_lateness_ms = vector.allowed_lateness_ms;
    strategy.accumulation = Accumulation::Accumulating;
    if vector.program == "side_latest" {
        strategy.accumulation = Accumulation::Discarding;
        strategy.trigger = Trigger::Repeatedly { of: Box::new(Trigger::AfterCount { count: 1 }) };
    }
    strategy
}

fn show(program: &str, content: &[&Element]) -> Result<String, String> {
    let mut values = content.iter().map(|e| e.value);
    let mut by_key: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for e in content {
        by_key.entry(&e.key).or_default().push(e.value);
    }
    let map = |show: &dyn Fn(&Vec<i64>) -> String| {
        let entries: Vec<String> = by_key.iter().map(|(k, v)| format!("{k}={}", show(v))).collect();
        format!("{{{}}}", entries.join(", "))
    };
    Ok(match program {
        "side_sum" => values.sum::<i64>().to_string(),
        "side_singleton_default" => values.max().unwrap_or(-1).to_string(),
        "side_latest" => values.next_back().unwrap_or(-1).to_string(),
        "side_iterable" => list(values),
        "side_map" => map(&|values| values.iter().map(i64::to_string).collect()),
        "side_multimap" => map(&|values| list(values.iter().copied())),
        other => return Err(format!("there is no program {other}")),
    })
}

/// The events without main elements whose side window has expired when they come.
pub fn without_expired_sides(vector: &ProgramVector) -> Vec<Event> {
    let Some(side_fn) = &vector.params.side_window_fn else { return vector.events.clone() };
    let mut watermark = i64::MIN;
    let mut is_kept = |event: &Event| match event {
        Event::AdvanceWatermarkToMs(to) => {
            watermark = watermark.max(*to);
            true
        }
        Event::Element(e) if e.input != Some(Input::Side) => {
            let mains = assign(&vector.window_fn, e.timestamp_ms);
            let sides = mains.into_iter().filter_map(|w| assign(side_fn, w.max()).into_iter().min());
            sides.into_iter().all(|w| watermark <= w.expiry(vector.allowed_lateness_ms))
        }
        _ => true,
    };
    vector.events.iter().filter(|event| is_kept(event)).cloned().collect()
}
