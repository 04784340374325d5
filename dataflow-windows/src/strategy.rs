//! How a collection is windowed.

use crate::{Duration, Timestamp, Trigger, Window, WindowFn};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a collection is cut into windows, and when and how the results of a window are given.
///
/// By default they come once, when the watermark passes the end of the window, and elements behind it are dropped.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, Windowing};
///
/// let minutely = FixedWindows::of(Duration::minutes(1))
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
    pub closing: ClosingBehavior,
    /// Whether there is a result at the end of the window if nothing new has come.
    pub on_time: OnTimeBehavior,
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

/// Whether there is a last result for a window that has nothing new.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ClosingBehavior {
    /// Only if there is something new.
    #[default]
    FireIfNonEmpty,
    /// In any case.
    FireAlways,
}

/// Whether there is a result on time for a window that has nothing new then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum OnTimeBehavior {
    /// In any case.
    #[default]
    FireAlways,
    /// Only if there is something new.
    FireIfNonEmpty,
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
    pub fn closing(self, closing: ClosingBehavior) -> Self {
        WindowingStrategy { closing, ..self }
    }

    /// Whether there is a result at the end of the window if nothing new has come.
    #[must_use]
    pub fn on_time(self, on_time: OnTimeBehavior) -> Self {
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

    /// Whether each window has one result, at its end, with all its elements, since that is the default: the case that
    /// needs no trigger state.
    pub fn is_plain(&self) -> bool {
        self.trigger == Trigger::Default
            && self.is_one_pane()
            && !matches!(self.window_fn, WindowFn::Sliding(_))
            && !self.is_merging()
    }

    /// Whether each window has one result, at its end, with all its elements, also where windows overlap or become one.
    pub fn is_one_pane(&self) -> bool {
        self.why_several_panes().is_none()
    }

    /// Why a window may have more than one result, or one with another time than its last, if so: as a clause.
    ///
    /// ```
    /// use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, Windowing, WindowingStrategy};
    ///
    /// let minutes = FixedWindows::of(Duration::minutes(1));
    /// assert_eq!(WindowingStrategy::of(minutes).why_several_panes(), None);
    /// let early = minutes.triggering(AfterWatermark::past_end_of_window().early(AfterCount::at_least(1)));
    /// assert_eq!(early.why_several_panes().as_deref(), Some("the trigger fires early"));
    /// ```
    pub fn why_several_panes(&self) -> Option<String> {
        let times = |which| Some(format!("results have the {which} time of their elements"));
        if let Trigger::AfterWatermark { early: Some(_), .. } = &self.trigger {
            return Some("the trigger fires early".to_owned());
        }
        if !self.trigger.waits_for_end() {
            return Some(format!("the trigger {} may fire before the end of the window", self.trigger));
        }
        if self.allowed_lateness > Duration::ZERO {
            return Some(format!("elements may be late by {}", self.allowed_lateness));
        }
        match self.timestamp_combiner {
            TimestampCombiner::EndOfWindow => None,
            TimestampCombiner::Earliest => times("earliest"),
            TimestampCombiner::Latest => times("latest"),
        }
    }
}

impl WindowingStrategy {
    /// Says what cannot be, if something is so.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.window_fn.check()?;
        self.trigger.check()?;
        if self.allowed_lateness < Duration::ZERO {
            return Err(format!("an allowed lateness of {} is negative: give 0 or more", self.allowed_lateness));
        }
        Ok(())
    }

    /// Says why a grouping of a collection with this strategy would lose elements, or never give results, if so.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    ///
    /// ```
    /// use dataflow_windows::{AfterCount, GlobalWindows, Repeatedly, WindowingStrategy};
    /// let global = WindowingStrategy::of(GlobalWindows);
    /// assert!(global.check_grouping(false).is_ok());
    /// assert!(global.check_grouping(true).is_err(), "the end of all time will not come");
    /// let by_hundreds = global.triggering(Repeatedly::forever(AfterCount::at_least(100)));
    /// assert!(by_hundreds.check_grouping(true).is_ok());
    /// ```
    pub fn check_grouping(&self, unbounded: bool) -> Result<(), String> {
        if unbounded && self.window_fn == WindowFn::Global && self.trigger == Trigger::Default {
            return Err("unbounded input in the global window would never give a result by the default trigger: \
                        use windows that end, such as FixedWindows, or a trigger such as \
                        Repeatedly::forever(AfterCount::at_least(1))"
                .to_owned());
        }
        let trigger = &self.trigger;
        match trigger {
            Trigger::Never => Ok(()),
            // The window expires when it is finished.
            Trigger::AfterWatermark { .. } if self.allowed_lateness == Duration::ZERO => Ok(()),
            Trigger::AfterWatermark { .. } if trigger.may_finish() => Err(format!(
                "the trigger {trigger} is finished at the end of the window, and elements that come within the allowed \
                 lateness of {} would be lost: add .late(AfterCount::at_least(1)), or allow no lateness",
                self.allowed_lateness
            )),
            _ if trigger.may_finish() => Err(format!(
                "the trigger {trigger} may be finished before its window is over, and elements that come after that \
                 would be lost: wrap it in Repeatedly::forever(...)"
            )),
            _ => Ok(()),
        }
    }

    /// The strategy of the results of a grouping: the same windows, which are not merged again, and a trigger that
    /// passes results on as they come.
    #[must_use]
    pub fn after_grouping(&self) -> Self {
        let merged = self.merged || self.window_fn.is_merging();
        WindowingStrategy { trigger: self.trigger.continuation(), merged, ..self.clone() }
    }
}

/// Settings that can be given to any kind of windows.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, Windowing};
///
/// let minutely = FixedWindows::of(Duration::minutes(1))
///     .triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)))
///     .allowed_lateness(Duration::hours(1))
///     .accumulating();
/// assert_eq!(
///     minutely.to_string(),
///     "fixed windows of 1m, trigger after_watermark(late: after_count(1)), lateness 1h, accumulating"
/// );
/// ```
pub trait Windowing: Into<WindowFn> {
    /// See [`WindowingStrategy::triggering`].
    fn triggering(self, trigger: impl Into<Trigger>) -> WindowingStrategy {
        WindowingStrategy::of(self).triggering(trigger)
    }

    /// See [`WindowingStrategy::allowed_lateness`].
    fn allowed_lateness(self, lateness: Duration) -> WindowingStrategy {
        WindowingStrategy::of(self).allowed_lateness(lateness)
    }

    /// See [`WindowingStrategy::accumulating`].
    fn accumulating(self) -> WindowingStrategy {
        WindowingStrategy::of(self).accumulating()
    }

    /// See [`WindowingStrategy::discarding`].
    fn discarding(self) -> WindowingStrategy {
        WindowingStrategy::of(self).discarding()
    }

    /// See [`WindowingStrategy::closing`].
    fn closing(self, closing: ClosingBehavior) -> WindowingStrategy {
        WindowingStrategy::of(self).closing(closing)
    }

    /// See [`WindowingStrategy::on_time`].
    fn on_time(self, on_time: OnTimeBehavior) -> WindowingStrategy {
        WindowingStrategy::of(self).on_time(on_time)
    }

    /// See [`WindowingStrategy::timestamp_combiner`].
    fn timestamp_combiner(self, timestamp_combiner: TimestampCombiner) -> WindowingStrategy {
        WindowingStrategy::of(self).timestamp_combiner(timestamp_combiner)
    }
}

impl<W: Into<WindowFn>> Windowing for W {}

impl<W: Into<WindowFn>> From<W> for WindowingStrategy {
    fn from(window_fn: W) -> Self {
        WindowingStrategy::of(window_fn)
    }
}

/// The window function, and whatever is not as by default.
impl fmt::Display for WindowingStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowingStrategy {
            window_fn,
            trigger,
            accumulation,
            allowed_lateness,
            timestamp_combiner,
            closing,
            on_time,
            merged,
        } = self;
        write!(f, "{window_fn}")?;
        if *merged {
            f.write_str(", merged")?;
        }
        if *trigger != Trigger::Default {
            write!(f, ", trigger {trigger}")?;
        }
        if *allowed_lateness != Duration::ZERO {
            write!(f, ", lateness {allowed_lateness}")?;
        }
        f.write_str(match accumulation {
            Accumulation::Discarding => "",
            Accumulation::Accumulating => ", accumulating",
        })?;
        f.write_str(match timestamp_combiner {
            TimestampCombiner::EndOfWindow => "",
            TimestampCombiner::Earliest => ", earliest timestamp",
            TimestampCombiner::Latest => ", latest timestamp",
        })?;
        f.write_str(match closing {
            ClosingBehavior::FireIfNonEmpty => "",
            ClosingBehavior::FireAlways => ", always closing",
        })?;
        f.write_str(match on_time {
            OnTimeBehavior::FireAlways => "",
            OnTimeBehavior::FireIfNonEmpty => ", on time if not empty",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AfterCount, AfterEach, AfterWatermark, FixedWindows, GlobalWindows, Never, OrFinally, Repeatedly};
    use crate::{DefaultTrigger, Sessions};

    fn minutes() -> WindowingStrategy {
        WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
    }

    #[test]
    fn a_strategy_prints_what_is_not_as_by_default() {
        assert_eq!(minutes().to_string(), "fixed windows of 1m");
        let all = minutes()
            .triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)))
            .allowed_lateness(Duration::hours(1))
            .accumulating()
            .timestamp_combiner(TimestampCombiner::Earliest)
            .closing(ClosingBehavior::FireAlways)
            .on_time(OnTimeBehavior::FireIfNonEmpty);
        assert_eq!(
            all.to_string(),
            "fixed windows of 1m, trigger after_watermark(late: after_count(1)), lateness 1h, accumulating, \
             earliest timestamp, always closing, on time if not empty"
        );
        let sessions = WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1)));
        assert_eq!(sessions.after_grouping().to_string(), "sessions with a gap of 1m, merged");
    }

    #[test]
    fn a_negative_lateness_is_refused() {
        assert_eq!(
            minutes().allowed_lateness(Duration::seconds(-1)).check(),
            Err("an allowed lateness of -1s is negative: give 0 or more".to_owned())
        );
    }

    #[test]
    fn a_strategy_with_a_wrong_trigger_or_window_is_refused() {
        assert!(minutes().triggering(AfterCount::at_least(0)).check().is_err());
        assert!(WindowingStrategy::of(FixedWindows::of(Duration::ZERO)).check().is_err());
    }

    #[test]
    fn the_default_trigger_in_the_global_window_is_refused_for_unbounded_input_only() {
        let global = WindowingStrategy::of(GlobalWindows);
        assert!(global.check_grouping(true).is_err_and(|message| message.contains("use windows that end")));
        assert_eq!(global.check_grouping(false), Ok(()));
        assert_eq!(minutes().check_grouping(true), Ok(()));
    }

    #[test]
    fn a_trigger_that_may_finish_is_refused_with_the_way_out() {
        let with = |trigger: Trigger| minutes().triggering(trigger).check_grouping(false);
        assert_eq!(
            with(Trigger::AfterCount(3)).unwrap_err(),
            "the trigger after_count(3) may be finished before its window is over, and elements that come after that \
             would be lost: wrap it in Repeatedly::forever(...)"
        );
        assert!(with(AfterEach::in_order([AfterCount::at_least(1), AfterCount::at_least(2)]).into()).is_err());
        assert!(with(Repeatedly::forever(AfterCount::at_least(1)).or_finally(AfterCount::at_least(5))).is_err());
        assert!(with(DefaultTrigger.or_finally(DefaultTrigger)).is_err());
        assert!(with(AfterEach::in_order((AfterCount::at_least(1), DefaultTrigger)).into()).is_ok());
        assert!(with(Never::ever().into()).is_ok());
    }

    #[test]
    fn the_end_of_the_window_without_late_results_is_refused_if_elements_may_be_late() {
        let end = minutes().triggering(AfterWatermark::past_end_of_window().early(AfterCount::at_least(1)));
        assert_eq!(end.check_grouping(true), Ok(()));
        assert_eq!(
            end.allowed_lateness(Duration::hours(1)).check_grouping(true).unwrap_err(),
            "the trigger after_watermark(early: after_count(1)) is finished at the end of the window, and elements \
             that come within the allowed lateness of 1h would be lost: add .late(AfterCount::at_least(1)), or allow \
             no lateness"
        );
    }

    #[test]
    fn what_a_grouping_accepts_the_next_one_accepts_too() {
        let once = AfterCount::at_least(5);
        for trigger in [
            Trigger::Default,
            Trigger::Never,
            Repeatedly::forever(once).into(),
            AfterWatermark::past_end_of_window().early(once).into(),
            AfterWatermark::past_end_of_window().early(once).late(once).into(),
            AfterEach::in_order((once, Repeatedly::forever(once))).into(),
            Repeatedly::forever(Repeatedly::forever(once).or_finally(DefaultTrigger)).into(),
        ] {
            let strategy = minutes().triggering(trigger);
            assert_eq!(strategy.check_grouping(true), Ok(()));
            assert_eq!(strategy.after_grouping().check_grouping(true), Ok(()), "{strategy}");
            assert_eq!(strategy.after_grouping().check(), Ok(()));
        }
    }

    #[test]
    fn a_window_has_one_result_if_nothing_fires_early_or_late() {
        let with = |trigger: Trigger| minutes().triggering(trigger).why_several_panes();
        let once = AfterCount::at_least(3);
        let end = AfterWatermark::past_end_of_window();
        for trigger in [
            Trigger::Default,
            Trigger::Never,
            end.clone().into(),
            end.clone().late(once).into(),
            Repeatedly::forever(end.clone()).into(),
        ] {
            assert_eq!(with(trigger), None);
        }
        assert_eq!(with(end.clone().early(once).into()).unwrap(), "the trigger fires early");
        assert_eq!(
            with(Repeatedly::forever(once).into()).unwrap(),
            "the trigger repeatedly(after_count(3)) may fire before the end of the window"
        );
        assert!(with(Repeatedly::forever(end.early(once)).into()).is_some());
        let late = minutes().allowed_lateness(Duration::hours(1));
        assert_eq!(late.why_several_panes().unwrap(), "elements may be late by 1h");
        let earliest = minutes().timestamp_combiner(TimestampCombiner::Earliest);
        assert_eq!(earliest.why_several_panes().unwrap(), "results have the earliest time of their elements");
        assert!(minutes().is_one_pane() && minutes().is_plain());
        assert!(!WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1))).is_plain());
    }

    #[test]
    fn merged_windows_are_not_merged_again() {
        let sessions = WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1)));
        assert!(sessions.is_merging() && !sessions.after_grouping().is_merging());
        assert!(!minutes().after_grouping().merged);
    }
}
