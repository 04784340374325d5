//! What comes of a script, as lines that can be compared and read.

use dataflow_windows::{PaneInfo, Timing, Window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// A pane of a grouping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pane {
    /// The key.
    pub key: String,
    /// The values, in ascending order.
    pub values: Vec<i64>,
    /// The window.
    pub window: WindowRange,
    /// The timestamp.
    pub timestamp_ms: i64,
    /// Which pane of the window it is.
    pub pane: PaneNumbers,
}

/// Which pane of its window a pane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaneNumbers {
    /// How many panes came before it.
    pub index: u32,
    /// How many that were not early came before it; -1 if it is early itself.
    pub non_speculative_index: i32,
    /// When it came.
    pub timing: PaneTiming,
    /// It is the first.
    pub is_first: bool,
    /// There is no other after it.
    pub is_last: bool,
}

/// When a pane came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaneTiming {
    /// Before the end of the window.
    Early,
    /// At it.
    OnTime,
    /// After it.
    Late,
    /// No grouping has said. No vector expects it.
    Unknown,
}

/// An output of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The key.
    pub key: String,
    /// What the program says.
    pub text: String,
    /// The timestamp.
    pub timestamp_ms: i64,
    /// The window.
    pub window: WindowRange,
}

/// How much was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// Pairs of element and window that had expired.
    pub lateness: u64,
    /// What came after the trigger had finished: always 0.
    #[serde(default)]
    pub closed_window: u64,
    /// Outputs that the grouping after a program dropped.
    #[serde(default)]
    pub downstream: u64,
}

/// A window: half open, or the global one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "RawWindow", into = "RawWindow")]
pub enum WindowRange {
    /// All time.
    Global,
    /// From the first to before the second.
    Interval(i64, i64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    global: Option<bool>,
}

impl TryFrom<RawWindow> for WindowRange {
    type Error = &'static str;

    fn try_from(raw: RawWindow) -> Result<Self, &'static str> {
        match (raw.start_ms, raw.end_ms, raw.global) {
            (Some(start), Some(end), None) => Ok(WindowRange::Interval(start, end)),
            (None, None, Some(true)) => Ok(WindowRange::Global),
            _ => Err("a window is {\"start_ms\", \"end_ms\"} or {\"global\": true}"),
        }
    }
}

impl From<WindowRange> for RawWindow {
    fn from(window: WindowRange) -> Self {
        match window {
            WindowRange::Global => RawWindow { start_ms: None, end_ms: None, global: Some(true) },
            WindowRange::Interval(start, end) => RawWindow { start_ms: Some(start), end_ms: Some(end), global: None },
        }
    }
}

impl From<Window> for WindowRange {
    fn from(window: Window) -> Self {
        match window {
            Window::GLOBAL => WindowRange::Global,
            other => WindowRange::Interval(other.start().as_millis(), other.end().as_millis()),
        }
    }
}

impl From<PaneInfo> for PaneNumbers {
    fn from(info: PaneInfo) -> Self {
        let timing = match info.timing {
            Timing::Early => PaneTiming::Early,
            Timing::OnTime => PaneTiming::OnTime,
            Timing::Late => PaneTiming::Late,
            Timing::Unknown => PaneTiming::Unknown,
        };
        let PaneInfo { index, non_speculative_index, is_first, is_last, .. } = info;
        PaneNumbers { index, non_speculative_index, timing, is_first, is_last }
    }
}

impl fmt::Display for WindowRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WindowRange::Global => f.write_str("global"),
            WindowRange::Interval(start, end) => write!(f, "[{start}, {end})"),
        }
    }
}

impl fmt::Display for PaneTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PaneTiming::Early => "early",
            PaneTiming::OnTime => "on time",
            PaneTiming::Late => "late",
            PaneTiming::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Pane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PaneNumbers { index, non_speculative_index, timing, is_first, is_last } = self.pane;
        write!(f, "{} {} #{index} {timing} {:?} at {}", self.key, self.window, self.values, self.timestamp_ms)?;
        write!(f, ", non-speculative #{non_speculative_index}")?;
        f.write_str(if is_first { ", first" } else { "" })?;
        f.write_str(if is_last { ", last" } else { "" })
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} at {}", self.key, self.window, self.text, self.timestamp_ms)
    }
}

/// What came of a script: everything that is compared, and how it reads.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    /// The outputs, one line each, and how often each came.
    lines: BTreeMap<String, usize>,
    /// How much was dropped.
    pub dropped: Dropped,
}

impl Outcome {
    /// These outputs.
    pub fn of<T: fmt::Display>(outputs: &[T], dropped: Dropped) -> Self {
        let mut lines = BTreeMap::new();
        for output in outputs {
            *lines.entry(output.to_string()).or_default() += 1;
        }
        Outcome { lines, dropped }
    }

    /// What is different in `found`, for people; nothing if they are the same.
    pub fn difference(&self, found: &Outcome) -> Option<String> {
        if self == found {
            return None;
        }
        let mut text = String::new();
        let mut list = |word: &str, of: &Outcome, without: &Outcome| {
            for (line, n) in &of.lines {
                let more = n.saturating_sub(without.lines.get(line).copied().unwrap_or(0));
                for _ in 0..more {
                    let _ = writeln!(text, "  {word:<10} {line}");
                }
            }
        };
        list("missing", self, found);
        list("unexpected", found, self);
        for (what, expected, found) in [
            ("late", self.dropped.lateness, found.dropped.lateness),
            ("in closed windows", self.dropped.closed_window, found.dropped.closed_window),
            ("downstream", self.dropped.downstream, found.dropped.downstream),
        ] {
            if expected != found {
                let _ = writeln!(text, "  dropped {what}: {found} instead of {expected}");
            }
        }
        Some(text)
    }
}

/// What must come of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// These outputs.
    Outputs(Outcome),
    /// It is refused when the graph is checked, before any data.
    Rejected(String),
    /// The run ends with an error.
    Fails(String),
}

impl Ending {
    /// What a vector says. A vector that was parsed has one of the three.
    pub(super) fn of<T: fmt::Display>(
        outputs: Option<&[T]>,
        dropped: Option<Dropped>,
        rejected: Option<&str>,
        fails: Option<&str>,
    ) -> Self {
        match (rejected, fails) {
            (Some(why), _) => Ending::Rejected(why.to_owned()),
            (None, Some(why)) => Ending::Fails(why.to_owned()),
            (None, None) => Ending::Outputs(Outcome::of(outputs.unwrap_or(&[]), dropped.unwrap_or_default())),
        }
    }
}
