//! Vectors: scripts and what must come of them, one JSON object a line. The form is described in
//! `tests/conformance/README.md`; all times here are milliseconds, as there.

mod code;
mod composed;
mod file;
mod outcome;
mod strategy;

pub use code::{Script, events_code, window_fn_code};
pub use composed::{Composed, side_strategy};
pub use file::{Located, find_files, read_file};
pub use outcome::{Dropped, Ending, Outcome, Pane, PaneNumbers, PaneTiming, Text, WindowRange};
pub use strategy::{Accumulation, Closing, OnTime, TimestampCombiner, Trigger, WindowFn, Windowing};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last timestamp of the global window: the end of time minus a day.
pub const GLOBAL_MAX: i64 = 9_223_371_950_454_775;
/// Where watermarks end.
pub const END_OF_TIME: i64 = 9_223_372_036_854_775;

/// What happens in a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An element comes, as a bundle of its own.
    Element(Element),
    /// The watermark comes to this time.
    AdvanceWatermarkToMs(i64),
    /// Processing time moves on by this much.
    AdvanceProcessingTimeByMs(i64),
}

/// An element of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Element {
    /// Which input it comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: i64,
    /// Its event time.
    pub timestamp_ms: i64,
}

/// The inputs of a program with a side input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The main input.
    Main,
    /// The side input.
    Side,
}

/// A vector of either kind.
#[derive(Clone, Debug)]
pub enum Vector {
    /// A windowing strategy and the panes of a grouping.
    Windowing(WindowingVector),
    /// A program with state, timers or a side input, and its outputs.
    Program(ProgramVector),
}

/// A script for `TestStream -> window -> group_by_key`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowingVector {
    /// A name that no other vector of its file has.
    pub name: String,
    /// What is peculiar about it.
    pub tags: Vec<String>,
    /// How elements are windowed, and when panes come out.
    pub strategy: Windowing,
    /// What happens.
    pub events: Vec<Event>,
    /// The panes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Vec<Pane>>,
    /// How much was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// Why it must be refused before any data is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// A script for a program: `TestStream -> window -> program`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramVector {
    /// A name that no other vector of its file has.
    pub name: String,
    /// What is peculiar about it.
    pub tags: Vec<String>,
    /// The program.
    pub program: String,
    /// Its parameters.
    pub params: Params,
    /// How the main input is windowed.
    pub window_fn: WindowFn,
    /// How long after its end a window takes elements.
    pub allowed_lateness_ms: i64,
    /// What happens.
    pub events: Vec<Event>,
    /// The outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Vec<Text>>,
    /// How much was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// Why it must be refused before any data is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// The error that the run must end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
}

/// The parameters of a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// How the side input is windowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_window_fn: Option<WindowFn>,
    /// All others, by name.
    #[serde(flatten)]
    pub numbers: BTreeMap<String, i64>,
}

impl Params {
    /// The parameter `name`.
    ///
    /// # Errors
    /// If the vector has none of that name.
    pub fn get(&self, name: &str) -> Result<i64, String> {
        self.numbers
            .get(name)
            .copied()
            .ok_or_else(|| format!("the program needs a parameter {name}: add it to `params`"))
    }

    /// The parameter `name`, or `default`.
    pub fn get_or(&self, name: &str, default: i64) -> i64 {
        self.numbers.get(name).copied().unwrap_or(default)
    }

    /// How the side input is windowed.
    ///
    /// # Errors
    /// If the vector does not say.
    pub fn side_window_fn(&self) -> Result<&WindowFn, String> {
        self.side_window_fn.as_ref().ok_or_else(|| "a side program needs `side_window_fn` in `params`".to_owned())
    }
}

impl Vector {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Vector::Windowing(v) => &v.name,
            Vector::Program(v) => &v.name,
        }
    }

    /// What must come of it.
    pub fn ending(&self) -> Ending {
        match self {
            Vector::Windowing(v) => Ending::of(v.expected.as_deref(), v.dropped, v.rejected.as_deref(), None),
            Vector::Program(v) => {
                Ending::of(v.expected.as_deref(), v.dropped, v.rejected.as_deref(), v.fails.as_deref())
            }
        }
    }

    /// Reads a line. The kind of a vector is told by its fields.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn parse(line: &str) -> Result<Vector, String> {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("not a JSON object: {e}"))?;
        let name = value.get("name").and_then(|n| n.as_str()).map(|n| format!("{n}: ")).unwrap_or_default();
        let vector = if value.get("program").is_some() {
            serde_json::from_value(value).map(Vector::Program)
        } else if value.get("strategy").is_some() {
            serde_json::from_value(value).map(Vector::Windowing)
        } else {
            return Err(format!("{name}neither `strategy` nor `program`: a vector has one of them"));
        };
        let vector = vector.map_err(|e| format!("{name}{e}"))?;
        vector.check().map_err(|e| format!("{name}{e}"))?;
        Ok(vector)
    }

    fn check(&self) -> Result<(), String> {
        let (outcomes, dropped, events) = match self {
            Vector::Windowing(v) => ([v.expected.is_some(), v.rejected.is_some(), false], v.dropped, &v.events),
            Vector::Program(v) => {
                ([v.expected.is_some(), v.rejected.is_some(), v.fails.is_some()], v.dropped, &v.events)
            }
        };
        if outcomes.iter().filter(|o| **o).count() != 1 {
            return Err("give one of `expected`, `rejected` and (for programs) `fails`".to_owned());
        }
        if outcomes[0] && dropped.is_none() {
            return Err("`dropped` is missing beside `expected`".to_owned());
        }
        let has_side = matches!(self, Vector::Program(v) if v.program.starts_with("side_"));
        let mut watermark = i64::MIN;
        for event in events {
            match event {
                Event::Element(e) if has_side && e.input.is_none() => {
                    return Err("an element has no `input`: give `main` or `side`".to_owned());
                }
                Event::Element(e) if !has_side && e.input.is_some() => {
                    return Err("an element has an `input`, which only programs with a side input have".to_owned());
                }
                Event::AdvanceWatermarkToMs(to) if *to < watermark => {
                    return Err(format!("the watermark goes back from {watermark} to {to}"));
                }
                Event::AdvanceWatermarkToMs(to) => watermark = *to,
                Event::AdvanceProcessingTimeByMs(by) if *by < 0 => {
                    return Err(format!("processing time goes back by {by}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
