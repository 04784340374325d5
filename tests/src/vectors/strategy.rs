//! Windowing strategies as vectors write them, and as the engine has them.

use dataflow_windows as engine;
use dataflow_windows::{Duration, FixedWindows, GlobalWindows, Sessions, SlidingWindows, WindowingStrategy};
use serde::{Deserialize, Serialize};

/// How elements are windowed, and when panes come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windowing {
    /// Which windows an element is in.
    pub window_fn: WindowFn,
    /// When panes come out.
    pub trigger: Trigger,
    /// Whether a pane has the values of those before it.
    pub accumulation: Accumulation,
    /// How long after its end a window takes elements.
    pub allowed_lateness_ms: i64,
    /// Which timestamp a pane has.
    pub timestamp_combiner: TimestampCombiner,
    /// Whether there is an empty last pane.
    pub closing: Closing,
    /// Whether there is an empty on-time pane.
    pub on_time: OnTime,
}

/// Which windows an element is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum WindowFn {
    /// One for all time.
    Global {},
    /// Windows side by side.
    Fixed { size_ms: i64, offset_ms: i64 },
    /// Windows that overlap.
    Sliding { size_ms: i64, period_ms: i64 },
    /// Windows that grow with activity.
    Sessions { gap_ms: i64 },
}

/// When panes come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Trigger {
    /// Whenever the end of the window is reached.
    Default {},
    /// At expiry only.
    Never {},
    /// After so many elements.
    AfterCount { count: u64 },
    /// So long after the first element.
    AfterProcessingTime { delay_ms: i64 },
    /// At the end of the window, and by other triggers before and after it.
    AfterWatermark {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        early: Option<Box<Trigger>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<Box<Trigger>>,
    },
    /// Again and again.
    Repeatedly { of: Box<Trigger> },
    /// One after the other.
    AfterEach { of: Vec<Trigger> },
    /// All at once.
    AfterAll { of: Vec<Trigger> },
    /// Whichever is first.
    AfterAny { of: Vec<Trigger> },
    /// One until the other.
    OrFinally { of: Box<Trigger>, until: Box<Trigger> },
}

/// Whether a pane has the values of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accumulation {
    /// No.
    Discarding,
    /// Yes.
    Accumulating,
}

/// Which timestamp a pane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampCombiner {
    /// The last one of the window.
    EndOfWindow,
    /// The earliest of its elements.
    Earliest,
    /// The latest of its elements.
    Latest,
}

/// Whether there is an empty last pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// No.
    FireIfNonEmpty,
    /// Yes.
    FireAlways,
}

/// Whether there is an empty on-time pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTime {
    /// No.
    FireIfNonEmpty,
    /// Yes.
    FireAlways,
}

impl Windowing {
    /// These windows, with the default trigger and no lateness, discarding.
    pub fn of(window_fn: WindowFn) -> Self {
        Windowing {
            window_fn,
            trigger: Trigger::Default {},
            accumulation: Accumulation::Discarding,
            allowed_lateness_ms: 0,
            timestamp_combiner: TimestampCombiner::EndOfWindow,
            closing: Closing::FireIfNonEmpty,
            on_time: OnTime::FireAlways,
        }
    }

    /// The same for the engine.
    pub fn to_engine(&self) -> WindowingStrategy {
        WindowingStrategy {
            window_fn: self.window_fn.to_engine(),
            trigger: self.trigger.to_engine(),
            accumulation: match self.accumulation {
                Accumulation::Discarding => engine::Accumulation::Discarding,
                Accumulation::Accumulating => engine::Accumulation::Accumulating,
            },
            allowed_lateness: Duration::millis(self.allowed_lateness_ms),
            timestamp_combiner: match self.timestamp_combiner {
                TimestampCombiner::EndOfWindow => engine::TimestampCombiner::EndOfWindow,
                TimestampCombiner::Earliest => engine::TimestampCombiner::Earliest,
                TimestampCombiner::Latest => engine::TimestampCombiner::Latest,
            },
            closing: match self.closing {
                Closing::FireIfNonEmpty => engine::ClosingBehavior::FireIfNonEmpty,
                Closing::FireAlways => engine::ClosingBehavior::FireAlways,
            },
            on_time: match self.on_time {
                OnTime::FireIfNonEmpty => engine::OnTimeBehavior::FireIfNonEmpty,
                OnTime::FireAlways => engine::OnTimeBehavior::FireAlways,
            },
            ..WindowingStrategy::default()
        }
    }
}

impl WindowFn {
    /// The same for the engine.
    pub fn to_engine(&self) -> engine::WindowFn {
        match *self {
            WindowFn::Global {} => GlobalWindows.into(),
            WindowFn::Fixed { size_ms, offset_ms } => {
                FixedWindows::of(Duration::millis(size_ms)).offset(Duration::millis(offset_ms)).into()
            }
            WindowFn::Sliding { size_ms, period_ms } => {
                SlidingWindows::of(Duration::millis(size_ms)).every(Duration::millis(period_ms)).into()
            }
            WindowFn::Sessions { gap_ms } => Sessions::with_gap(Duration::millis(gap_ms)).into(),
        }
    }
}

impl Trigger {
    /// The same for the engine.
    pub fn to_engine(&self) -> engine::Trigger {
        let boxed = |t: &Trigger| Box::new(t.to_engine());
        let all = |of: &[Trigger]| of.iter().map(Trigger::to_engine).collect();
        match self {
            Trigger::Default {} => engine::Trigger::Default,
            Trigger::Never {} => engine::Trigger::Never,
            Trigger::AfterCount { count } => engine::Trigger::AfterCount(*count),
            Trigger::AfterProcessingTime { delay_ms } => {
                engine::Trigger::AfterProcessingTime { delay: Duration::millis(*delay_ms), align_to: None }
            }
            Trigger::AfterWatermark { early, late } => {
                engine::Trigger::AfterWatermark { early: early.as_deref().map(boxed), late: late.as_deref().map(boxed) }
            }
            Trigger::Repeatedly { of } => engine::Trigger::Repeatedly(boxed(of)),
            Trigger::AfterEach { of } => engine::Trigger::AfterEach(all(of)),
            Trigger::AfterAll { of } => engine::Trigger::AfterAll(all(of)),
            Trigger::AfterAny { of } => engine::Trigger::AfterAny(all(of)),
            Trigger::OrFinally { of, until } => engine::Trigger::OrFinally(boxed(of), boxed(until)),
        }
    }
}
