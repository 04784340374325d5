//! How a collection is windowed.

use crate::{Duration, Timestamp, Trigger, Window, WindowFn};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a collection is cut into windows, and when and how the results of a window are given.
///
/// By default they come once, when the watermark passes the end of the window, and elements behind it are dropped.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, WindowingStrategy};
///
/// let minutely = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
///     .triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)))
///     .allowed_lateness(Duration::hours(1))
///     .accumulating();
/// assert!(minutely.check().is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WindowingStrategy {
    /// Assigns windows to elements.
    pub window_fn: WindowFn,
    /// When results are given.
    pub trigger: Trigger,
    /// What a result has of the elements of those before it.
    pub accumulation: Accumulation,
    /// How long after its end a window still takes elements.
    pub allowed_lateness: Duration,
    /// Which timestamp results have.
    pub timestamp_combiner: TimestampCombiner,
    /// Whether there is a result when the window expires and nothing new has come.
    pub closing: Firing,
    /// Whether there is a result at the end of the window if nothing new has come.
    pub on_time: OnTimeFiring,
    /// The windows have been merged by a grouping, and are not merged again.
    pub merged: bool,
}

/// What a result has of the elements of the results before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Accumulation {
    /// Nothing: each element is in one result.
    #[default]
    Discarding,
    /// All of them.
    Accumulating,
}

/// Which timestamp the result of a window has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum TimestampCombiner {
    /// The last one of the window.
    #[default]
    EndOfWindow,
    /// The earliest of the elements that are new in it and were not late.
    Earliest,
    /// The latest of them.
    Latest,
}

/// Whether there is a last result for a window that has nothing new: Beam's `ClosingBehavior`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Firing {
    /// Only if there is something new.
    #[default]
    IfNonEmpty,
    /// In any case.
    Always,
}

/// Whether there is a result on time for a window that has nothing new then: Beam's `OnTimeBehavior`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum OnTimeFiring {
    /// In any case.
    #[default]
    Always,
    /// Only if there is something new.
    IfNonEmpty,
}

impl WindowingStrategy {
    /// The default strategy with these windows.
    pub fn of(window_fn: impl Into<WindowFn>) -> Self {
        WindowingStrategy { window_fn: window_fn.into(), ..Self::default() }
    }

    /// Gives results when `trigger` says so.
    #[must_use]
    pub fn triggering(self, trigger: impl Into<Trigger>) -> Self {
        WindowingStrategy { trigger: trigger.into(), ..self }
    }

    /// Takes elements until the watermark has passed the end of their window by `lateness`.
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        WindowingStrategy { allowed_lateness: lateness, ..self }
    }

    /// A result has all elements of the window so far.
    #[must_use]
    pub fn accumulating(self) -> Self {
        WindowingStrategy { accumulation: Accumulation::Accumulating, ..self }
    }

    /// A result has the elements that came since the one before.
    #[must_use]
    pub fn discarding(self) -> Self {
        WindowingStrategy { accumulation: Accumulation::Discarding, ..self }
    }

    /// Which timestamp results have.
    #[must_use]
    pub fn timestamp_combiner(self, timestamp_combiner: TimestampCombiner) -> Self {
        WindowingStrategy { timestamp_combiner, ..self }
    }

    /// Whether there is a result when the window expires and nothing new has come.
    #[must_use]
    pub fn closing(self, closing: Firing) -> Self {
        WindowingStrategy { closing, ..self }
    }

    /// Whether there is a result at the end of the window if nothing new has come.
    #[must_use]
    pub fn on_time(self, on_time: OnTimeFiring) -> Self {
        WindowingStrategy { on_time, ..self }
    }

    /// Whether windows of a key may become one.
    pub fn is_merging(&self) -> bool {
        self.window_fn.is_merging() && !self.merged
    }

    /// The watermark at which a window expires: its state is forgotten, and elements for it are dropped from then on.
    #[inline]
    pub fn expiry(&self, window: Window) -> Timestamp {
        // Also the windows of all time, and those at its end, expire at last.
        (window.end() + self.allowed_lateness).min(Window::GLOBAL.end()).max(window.end())
    }

    /// Whether each window has one result, at its end, with all its elements: the case that needs no trigger state.
    pub fn is_plain(&self) -> bool {
        self.trigger == Trigger::Default
            && self.allowed_lateness == Duration::ZERO
            && self.timestamp_combiner == TimestampCombiner::EndOfWindow
            && !matches!(self.window_fn, WindowFn::Sliding(_))
            && !self.is_merging()
    }

    /// Says why collections of this strategy cannot be grouped, if so.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check_grouping(&self, unbounded: bool) -> Result<(), String> {
        if unbounded && self.window_fn == WindowFn::Global && self.trigger == Trigger::Default {
            return Err("its input never ends and is in the global window, so there would never be a result: use `window` first".to_owned());
        }
        Ok(())
    }

    /// The strategy of the results of a grouping.
    pub fn after_grouping(&self) -> Self {
        WindowingStrategy { merged: self.merged || self.window_fn.is_merging(), ..self.clone() }
    }
}

impl WindowingStrategy {
    /// Says what cannot be, if something is so.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.window_fn.check()?;
        if self.allowed_lateness < Duration::ZERO {
            return Err(format!("an allowed lateness of {} is negative: give 0 or more", self.allowed_lateness));
        }
        Ok(())
    }
}

impl<W: Into<WindowFn>> From<W> for WindowingStrategy {
    fn from(window_fn: W) -> Self {
        WindowingStrategy::of(window_fn)
    }
}

impl fmt::Display for WindowingStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window_fn.fmt(f)
    }
}
