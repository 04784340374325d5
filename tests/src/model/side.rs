//! A program with a side input: each main element waits until its side window is ready.

use super::grouping::Grouping;
use super::programs::list;
use super::windows::assign;
use crate::vectors::{Dropped, END_OF_TIME, Element, Ending, Event, Input, Outcome};
use crate::vectors::{ProgramVector, Text, WindowFn, Windowing, side_strategy};
use std::collections::BTreeMap;

/// What must come of a program with a side input.
pub(super) fn run(vector: &ProgramVector) -> Result<Ending, String> {
    let side_fn = vector.params.side_window_fn()?;
    let strategy = side_strategy(&vector.program, side_fn, vector.allowed_lateness_ms);
    if let Some(why) = super::trigger::refused(&strategy) {
        return Ok(Ending::Rejected(why));
    }
    if vector.window_fn == (WindowFn::Global {}) && *side_fn != (WindowFn::Global {}) {
        return Ok(Ending::Fails("the global window has no side window that is not global".to_owned()));
    }
    let mut lookup = Lookup::new(&vector.program, &strategy);
    for event in vector.events.iter().chain([&Event::AdvanceWatermarkToMs(END_OF_TIME)]) {
        match event {
            Event::Element(e) if e.input == Some(Input::Side) => lookup.side_element(e),
            Event::Element(e) => {
                for window in assign(&vector.window_fn, e.timestamp_ms) {
                    let (key, text) = (e.key.clone(), e.value.to_string());
                    lookup.main(Text { key, text, timestamp_ms: e.timestamp_ms, window });
                }
            }
            Event::AdvanceWatermarkToMs(to) => lookup.side.watermark(*to),
            Event::AdvanceProcessingTimeByMs(_) => {}
        }
        lookup.settle()?;
    }
    let dropped = Dropped { lateness: lookup.side.dropped, ..Dropped::default() };
    Ok(Ending::Outputs(Outcome::of(&lookup.texts, dropped)))
}

/// Main elements that wait for their side windows, and the side input.
pub(super) struct Lookup<'a> {
    program: &'a str,
    side_fn: &'a WindowFn,
    pub(super) side: Grouping<'a>,
    elements: Vec<&'a Element>,
    waiting: Vec<Text>,
    /// What has come out.
    pub(super) texts: Vec<Text>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(program: &'a str, side: &'a Windowing) -> Self {
        let side_fn = &side.window_fn;
        Lookup { program, side_fn, side: Grouping::new(side), elements: vec![], waiting: vec![], texts: vec![] }
    }

    pub(super) fn side_element(&mut self, e: &'a Element) {
        self.side.element("", self.elements.len() as i64, e.timestamp_ms);
        self.elements.push(e);
    }

    /// A main element comes, which is this text.
    pub(super) fn main(&mut self, element: Text) {
        self.waiting.push(element);
    }

    /// Lets the main elements through whose side window is ready.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        for main in std::mem::take(&mut self.waiting) {
            let Some(side_window) = assign(self.side_fn, main.window.max()).into_iter().min() else { continue };
            let pane = self.side.panes.iter().rfind(|p| p.window == side_window);
            if pane.is_none() && !self.side.is_past(side_window) {
                self.waiting.push(main);
                continue;
            }
            let values = pane.iter().flat_map(|p| &p.values);
            let content: Vec<&Element> = values.map(|n| self.elements[*n as usize]).collect();
            let text = format!("{} side={}", main.text, show(self.program, &content)?);
            self.texts.push(Text { text, ..main });
        }
        Ok(())
    }
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
