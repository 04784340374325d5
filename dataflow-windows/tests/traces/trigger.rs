//! Runs the traces of triggers.

use crate::parse;
use dataflow_windows::{Timestamp, TriggerContext, TriggerMachine, TriggerState};
use std::collections::BTreeMap;

/// The triggers of some windows, and the clocks.
struct Run<'a> {
    machine: TriggerMachine,
    windows: BTreeMap<&'a str, (Timestamp, TriggerState)>,
    watermark: Timestamp,
    now: Timestamp,
}

pub(crate) fn run(case: &[(usize, &str)]) -> Result<(), (usize, String)> {
    let (&(first, head), lines) = case.split_first().ok_or((0, "a case without lines".to_owned()))?;
    let trigger = parse::trigger(head.trim_start_matches("trigger:")).map_err(|message| (first, message))?;
    trigger.check().map_err(|message| (first, message))?;
    let machine = TriggerMachine::new(&trigger);
    let start = (Timestamp::from_seconds(60), machine.start());
    let mut run = Run {
        machine,
        windows: BTreeMap::from([("w", start)]),
        watermark: Timestamp::MIN,
        now: Timestamp::from_micros(0),
    };
    for &(number, line) in lines {
        let (event, expected) = line.split_once("->").unwrap_or((line, ""));
        let answer = run.step(event.trim()).map_err(|message| (number, message))?;
        if answer != expected.trim() {
            return Err((number, format!("{} -> {answer}", event.trim())));
        }
    }
    Ok(())
}

impl<'a> Run<'a> {
    /// Does what a line says; what then is to be seen, or nothing where there is nothing to look at.
    fn step(&mut self, event: &'a str) -> Result<String, String> {
        let (name, event) = match event.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, event)) => (name, event.trim()),
            None => ("w", event),
        };
        let (verb, rest) = event.split_once(' ').unwrap_or((event, ""));
        match verb {
            "window" => {
                let end = rest.strip_prefix("ends ").ok_or("write: [name] window ends 60s")?;
                self.windows.insert(name, (parse::time(end)?, self.machine.start()));
                return Ok(String::new());
            }
            "merge" => self.merge(name, rest)?,
            "elements" => {
                let elements = rest.parse().map_err(|e| format!("{e}"))?;
                let (state, context) = self.window(name)?;
                let mut state = state.clone();
                self.machine.on_elements(&mut state, elements, &context);
                self.windows.insert(name, (context.end, state));
            }
            "watermark" => self.watermark = parse::time(rest)?,
            "time" => self.now = parse::time(rest)?,
            "look" => {}
            _ => return Err(format!("\"{verb}\" is no event")),
        }
        self.look(name)
    }

    fn window(&self, name: &str) -> Result<(&TriggerState, TriggerContext), String> {
        let (end, state) = self.windows.get(name).ok_or_else(|| format!("there is no window {name}"))?;
        Ok((state, TriggerContext { watermark: self.watermark, now: self.now, end: *end }))
    }

    /// `a, b, ends 90s`
    fn merge(&mut self, into: &'a str, text: &str) -> Result<(), String> {
        let (names, end) = text.split_once(", ends ").ok_or("write: [name] merge a, b, ends 90s")?;
        let context = TriggerContext { watermark: self.watermark, now: self.now, end: parse::time(end)? };
        let mut parts = Vec::new();
        for name in names.split(", ") {
            parts.push(self.windows.remove(name).ok_or_else(|| format!("there is no window {name}"))?.1);
        }
        let state = self.machine.on_merge(&parts, &context);
        parts.reverse();
        if state != self.machine.on_merge(&parts, &context) {
            return Err("the order of the parts makes a difference".to_owned());
        }
        self.windows.insert(into, (context.end, state));
        Ok(())
    }

    /// Fires if it is time, and says all that can be asked.
    fn look(&mut self, name: &'a str) -> Result<String, String> {
        let (state, context) = self.window(name)?;
        let mut state = state.clone();
        let mut seen = Vec::new();
        if self.machine.should_fire(&state, &context) {
            self.machine.on_fire(&mut state, &context);
            seen.push("fires".to_owned());
        }
        if self.machine.is_finished(&state) {
            seen.push("finished".to_owned());
        }
        if self.machine.waits_for_end_of_window(&state) && !context.is_past_end() {
            seen.push("waits for the end".to_owned());
        }
        if let Some(next) = self.machine.next_processing_time_from(&state, self.now) {
            seen.push(format!("waits for {}", next - Timestamp::from_micros(0)));
        }
        self.windows.insert(name, (context.end, state));
        Ok(if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") })
    }
}
