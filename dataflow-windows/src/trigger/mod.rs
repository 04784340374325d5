//! Triggers: when the elements of a window are given out.
//!
//! A [`Trigger`] is an expression; its parts are made by types named as in Beam. A [`TriggerMachine`] runs it, with a
//! [`TriggerState`] for each key and window. What a trigger does is in a file of its own: pure functions of state and
//! [context](TriggerContext), which know nothing of elements, timers or panes.

mod after_all;
mod after_any;
mod after_count;
mod after_each;
mod after_processing_time;
mod after_watermark;
mod default;
mod display;
mod machine;
mod never;
mod or_finally;
mod repeatedly;
mod state;

pub use after_all::AfterAll;
pub use after_any::AfterAny;
pub use after_count::AfterCount;
pub use after_each::AfterEach;
pub use after_processing_time::AfterProcessingTime;
pub use after_watermark::AfterWatermark;
pub use default::DefaultTrigger;
pub use machine::TriggerMachine;
pub use never::Never;
pub use or_finally::OrFinally;
pub use repeatedly::Repeatedly;
pub use state::TriggerState;

use crate::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// When a pane of a window is given out.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterWatermark, Trigger};
/// let trigger = Trigger::from(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)));
/// assert_eq!(trigger.to_string(), "after_watermark(late: after_count(1))");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Trigger {
    /// Whenever the watermark has passed the end of the window and there is something new.
    #[default]
    Default,
    /// Never: everything comes out when the window expires.
    Never,
    /// When so many elements have come.
    AfterCount(u64),
    /// Some time after the first element of a pane.
    AfterProcessingTime {
        /// How long after it.
        delay: Duration,
        /// The time is put off to the next multiple of this period.
        align_to: Option<Duration>,
    },
    /// When the watermark passes the end of the window, and by other triggers before and after that.
    AfterWatermark {
        /// Before the end, again and again.
        early: Option<Box<Trigger>>,
        /// After the end, again and again.
        late: Option<Box<Trigger>>,
    },
    /// Starts over when the inner one is finished.
    Repeatedly(Box<Trigger>),
    /// One after the other.
    AfterEach(Vec<Trigger>),
    /// When all are ready.
    AfterAll(Vec<Trigger>),
    /// When one is ready.
    AfterAny(Vec<Trigger>),
    /// The first one, until the second is ready, which ends it.
    OrFinally(Box<Trigger>, Box<Trigger>),
}

/// What a trigger may look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TriggerContext {
    /// The watermark.
    pub watermark: Timestamp,
    /// Processing time.
    pub now: Timestamp,
    /// The end of the window.
    pub end: Timestamp,
}

impl TriggerContext {
    /// Whether the end of the window is reached.
    #[inline]
    pub fn is_past_end(&self) -> bool {
        self.watermark >= self.end
    }
}

impl Trigger {
    /// Says what cannot be, if something is so.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<(), String> {
        let parts = self.count_parts();
        if parts > TriggerState::MAX_PARTS {
            return Err(format!(
                "a trigger of {parts} parts is too large: {} is the most, so say it with fewer",
                TriggerState::MAX_PARTS
            ));
        }
        self.check_parameters()
    }

    fn check_parameters(&self) -> Result<(), String> {
        match self {
            Trigger::AfterCount(0) => {
                return Err(format!("{self} would give results without elements: give a count of at least 1"));
            }
            Trigger::AfterProcessingTime { delay, .. } if *delay < Duration::ZERO => {
                return Err(format!("{self} has a negative delay: give 0 or more"));
            }
            Trigger::AfterProcessingTime { align_to: Some(period), .. } if *period <= Duration::ZERO => {
                return Err(format!("{self} cannot be aligned: give a period above 0"));
            }
            Trigger::AfterEach(parts) | Trigger::AfterAll(parts) | Trigger::AfterAny(parts) if parts.is_empty() => {
                return Err(format!("{self} has no triggers: give at least one"));
            }
            _ => {}
        }
        self.parts().try_for_each(Trigger::check_parameters)
    }

    /// Whether it may be finished before its window expires. Elements that come after that would be lost, so
    /// [`check_grouping`](crate::WindowingStrategy::check_grouping) refuses most of these.
    ///
    /// ```
    /// use dataflow_windows::{AfterCount, AfterWatermark, Trigger};
    /// let trigger = AfterWatermark::past_end_of_window();
    /// assert!(Trigger::from(trigger.clone()).may_finish());
    /// assert!(!Trigger::from(trigger.late(AfterCount::at_least(1))).may_finish());
    /// ```
    pub fn may_finish(&self) -> bool {
        match self {
            Trigger::Default | Trigger::Repeatedly(_) => false,
            Trigger::Never
            | Trigger::AfterCount(_)
            | Trigger::AfterProcessingTime { .. }
            | Trigger::AfterAll(_)
            | Trigger::AfterAny(_)
            // By the second one, even if that would not be finished by itself.
            | Trigger::OrFinally(..) => true,
            Trigger::AfterWatermark { late, .. } => late.is_none(),
            Trigger::AfterEach(parts) => parts.iter().all(Trigger::may_finish),
        }
    }

    /// Whether it never fires before the end of the window.
    pub fn waits_for_end(&self) -> bool {
        match self {
            Trigger::Default | Trigger::Never | Trigger::AfterWatermark { early: None, .. } => true,
            Trigger::Repeatedly(of) => of.waits_for_end(),
            _ => false,
        }
    }

    /// The trigger for what a grouping with this one gives out: its results are to go on as soon as they come, but not
    /// before all of those that were given out together.
    ///
    /// ```
    /// use dataflow_windows::{AfterCount, Repeatedly, Trigger};
    /// let by_hundreds = Trigger::from(Repeatedly::forever(AfterCount::at_least(100)));
    /// assert_eq!(by_hundreds.continuation(), Repeatedly::forever(AfterCount::at_least(1)).into());
    /// ```
    #[must_use]
    pub fn continuation(&self) -> Trigger {
        let continued = self.continued();
        // It may have some more parts than the trigger itself.
        if continued.count_parts() <= TriggerState::MAX_PARTS { continued } else { Trigger::AfterCount(1).repeated() }
    }

    fn continued(&self) -> Trigger {
        let boxed = |trigger: &Trigger| Box::new(trigger.continued());
        let all = |parts: &[Trigger]| parts.iter().map(Trigger::continued).collect();
        match self {
            Trigger::Default => Trigger::Default,
            Trigger::Never => Trigger::Never,
            Trigger::AfterCount(_) | Trigger::AfterProcessingTime { .. } => Trigger::AfterCount(1),
            Trigger::AfterWatermark { early, late } => {
                Trigger::AfterWatermark { early: early.as_deref().map(boxed), late: late.as_deref().map(boxed) }
            }
            Trigger::Repeatedly(inner) => inner.continued().repeated(),
            // Which of them made a result cannot be seen from it.
            Trigger::AfterEach(parts) => Trigger::AfterAny(all(parts)).repeated(),
            Trigger::AfterAll(parts) => Trigger::AfterAll(all(parts)),
            Trigger::AfterAny(parts) => Trigger::AfterAny(all(parts)),
            Trigger::OrFinally(main, until) => Trigger::OrFinally(boxed(main), boxed(until)).repeated(),
        }
    }

    /// Repeated once: the trigger must not grow with each grouping.
    fn repeated(self) -> Trigger {
        if matches!(self, Trigger::Repeatedly(_)) { self } else { Trigger::Repeatedly(Box::new(self)) }
    }

    /// The triggers it is made of.
    fn parts(&self) -> impl Iterator<Item = &Trigger> {
        let (pair, list): ([Option<&Trigger>; 2], &[Trigger]) = match self {
            Trigger::Default | Trigger::Never | Trigger::AfterCount(_) | Trigger::AfterProcessingTime { .. } => {
                ([None, None], &[])
            }
            Trigger::AfterWatermark { early, late } => ([early.as_deref(), late.as_deref()], &[]),
            Trigger::Repeatedly(inner) => ([Some(inner), None], &[]),
            Trigger::AfterEach(parts) | Trigger::AfterAll(parts) | Trigger::AfterAny(parts) => ([None, None], parts),
            Trigger::OrFinally(main, until) => ([Some(main), Some(until)], &[]),
        };
        pair.into_iter().flatten().chain(list)
    }

    fn count_parts(&self) -> usize {
        1 + self.parts().map(Trigger::count_parts).sum::<usize>()
    }
}

/// Several triggers: an array or a vector of one kind, or a tuple of up to six of any.
///
/// ```
/// use dataflow_windows::{AfterAll, AfterCount, AfterProcessingTime, Duration, Trigger};
/// let alike = AfterAll::of([Trigger::Default, Trigger::AfterCount(3)]);
/// let mixed = AfterAll::of((Trigger::Default, AfterCount::at_least(3)));
/// assert_eq!(alike, mixed);
/// ```
pub trait IntoTriggers {
    /// All of them, in order.
    fn into_triggers(self) -> Vec<Trigger>;
}

impl<T: Into<Trigger>, const N: usize> IntoTriggers for [T; N] {
    fn into_triggers(self) -> Vec<Trigger> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Trigger>> IntoTriggers for Vec<T> {
    fn into_triggers(self) -> Vec<Trigger> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples_of_triggers {
    ($($($T:ident)+;)+) => {$(
        impl<$($T: Into<Trigger>),+> IntoTriggers for ($($T,)+) {
            fn into_triggers(self) -> Vec<Trigger> {
                #[allow(non_snake_case)]
                let ($($T,)+) = self;
                vec![$($T.into()),+]
            }
        }
    )+};
}

tuples_of_triggers! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(trigger: impl Into<Trigger>) -> String {
        Trigger::Repeatedly(Box::new(trigger.into())).check().unwrap_err()
    }

    #[test]
    fn wrong_parameters_are_refused_in_any_part() {
        assert_eq!(
            refused(AfterCount::at_least(0)),
            "after_count(0) would give results without elements: give a count of at least 1"
        );
        assert_eq!(
            refused(AfterProcessingTime::delay(Duration::seconds(-1))),
            "after_processing_time(-1s) has a negative delay: give 0 or more"
        );
        assert_eq!(
            refused(AfterProcessingTime::delay(Duration::seconds(1)).aligned_to(Duration::ZERO)),
            "after_processing_time(1s, aligned to 0s) cannot be aligned: give a period above 0"
        );
        assert_eq!(refused(AfterAll::of(Vec::<Trigger>::new())), "after_all() has no triggers: give at least one");
        let late = AfterWatermark::past_end_of_window().late(AfterCount::at_least(0));
        assert!(Trigger::from(late).check().is_err());
    }

    #[test]
    fn a_trigger_with_too_many_parts_is_refused() {
        let of = |n| Trigger::from(AfterAny::of(vec![AfterCount::at_least(1); n]));
        assert_eq!(of(31).check(), Ok(()));
        assert_eq!(
            of(32).check().unwrap_err(),
            "a trigger of 33 parts is too large: 32 is the most, so say it with fewer"
        );
    }

    #[test]
    fn continuations_pass_results_on_as_they_come() {
        let once = AfterCount::at_least(5);
        let late = AfterProcessingTime::delay(Duration::seconds(5));
        for (trigger, expected) in [
            (Trigger::Default, "default"),
            (Trigger::Never, "never"),
            (late.into(), "after_count(1)"),
            (
                AfterWatermark::past_end_of_window().early(once).late(late).into(),
                "after_watermark(early: after_count(1), late: after_count(1))",
            ),
            (AfterEach::in_order((once, late)).into(), "repeatedly(after_any(after_count(1), after_count(1)))"),
            (AfterAll::of((once, late)).into(), "after_all(after_count(1), after_count(1))"),
            (AfterAny::of((once, DefaultTrigger)).into(), "after_any(after_count(1), default)"),
            (
                Repeatedly::forever(once).or_finally(late),
                "repeatedly(or_finally(repeatedly(after_count(1)), after_count(1)))",
            ),
        ] {
            let continuation = trigger.continuation();
            assert_eq!(continuation.to_string(), expected);
            assert_eq!(continuation.continuation(), continuation, "it does not change with further groupings");
        }
    }
}
