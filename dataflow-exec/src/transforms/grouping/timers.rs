//! The processing times at which a key and window is to be looked at.

use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// More are kept only if they are waited for. A trigger that starts over again and again sets one each time, and those
/// before are left.
const MANY: usize = 16;

/// The processing times after which a key and window is to be looked at, each once. Most often there is one at most, which
/// needs no memory of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(clippy::box_collection)] // a row is to be small, and most have none or one
pub(super) enum Timers {
    #[default]
    None,
    One(Timestamp),
    /// In their order. Boxed, so that rows with fewer stay small.
    #[allow(clippy::box_collection)]
    Many(Box<VecDeque<Timestamp>>),
}

impl Timers {
    /// Sets one.
    #[inline]
    pub(super) fn set(&mut self, t: Timestamp) {
        match self {
            Timers::None => *self = Timers::One(t),
            Timers::One(other) if *other == t => {}
            Timers::One(other) => *self = Timers::Many(Box::new([t.min(*other), t.max(*other)].into())),
            Timers::Many(all) => {
                if let Err(at) = all.binary_search(&t) {
                    all.insert(at, t);
                }
            }
        }
    }

    /// Gives up the later ones if there are too many. Returns whether it does: those that are still waited for are to be
    /// set again then.
    #[inline]
    pub(super) fn cut(&mut self) -> bool {
        match self {
            Timers::Many(all) if all.len() > MANY => {
                all.truncate(MANY / 2);
                true
            }
            _ => false,
        }
    }

    /// The earliest.
    #[inline]
    pub(super) fn first(&self) -> Option<Timestamp> {
        match self {
            Timers::None => None,
            Timers::One(t) => Some(*t),
            Timers::Many(all) => all.front().copied(),
        }
    }

    /// Takes out those before `now`. Returns whether there are any.
    pub(super) fn take_before(&mut self, now: Timestamp) -> bool {
        match self {
            Timers::One(t) if *t < now => {
                *self = Timers::None;
                true
            }
            Timers::None | Timers::One(_) => false,
            Timers::Many(all) => {
                let passed = all.partition_point(|t| *t < now);
                all.drain(..passed);
                if all.is_empty() {
                    *self = Timers::None;
                }
                passed > 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::Duration;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn all(mut timers: Timers) -> Vec<Timestamp> {
        let mut all = Vec::new();
        while let Some(first) = timers.first() {
            all.push(first);
            assert!(timers.take_before(first + Duration::micros(1)));
        }
        all
    }

    #[test]
    fn a_time_is_set_once() {
        let mut timers = Timers::default();
        [5, 5, 3, 9, 5, 3, 4, 9].into_iter().for_each(|t| timers.set(at(t)));
        assert_eq!(all(timers), [3, 4, 5, 9].map(at));
    }

    #[test]
    fn of_very_many_times_the_later_ones_are_given_up() {
        let mut timers = Timers::default();
        (0..16).for_each(|t| timers.set(at(t)));
        assert!(!timers.cut());
        timers.set(at(16));
        assert!(timers.cut() && !timers.cut());
        assert_eq!(all(timers), (0..8).map(at).collect::<Vec<_>>());
    }

    #[test]
    fn only_times_that_have_passed_are_taken_out() {
        let mut timers = Timers::default();
        assert!(!timers.take_before(Timestamp::MAX));
        timers.set(at(5));
        assert!(!timers.take_before(at(5)), "at that very time it has not passed");
        assert!(timers.take_before(at(6)));
        [5, 7, 9].into_iter().for_each(|t| timers.set(at(t)));
        assert!(timers.take_before(at(8)) && !timers.take_before(at(8)));
        assert_eq!(timers.first(), Some(at(9)));
        assert!(timers.take_before(Timestamp::MAX));
        assert_eq!(timers, Timers::None);
    }
}
