//! The processing times at which a key and window is to be looked at.

use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The processing times after which a key and window is to be looked at, each once. Most often there is one at most, which
/// needs no memory of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Timers {
    #[default]
    None,
    One(Timestamp),
    /// In their order.
    Many(Box<VecDeque<Timestamp>>),
}

impl Timers {
    /// Sets one. Returns whether it was not set before.
    #[inline]
    pub(super) fn set(&mut self, t: Timestamp) -> bool {
        match self {
            Timers::None => *self = Timers::One(t),
            Timers::One(other) if *other == t => return false,
            Timers::One(other) => *self = Timers::Many(Box::new([t.min(*other), t.max(*other)].into())),
            // Time goes on, so it most often is the last one.
            Timers::Many(all) if all.back().is_none_or(|last| *last < t) => all.push_back(t),
            Timers::Many(all) => match all.binary_search(&t) {
                Ok(_) => return false,
                Err(at) => all.insert(at, t),
            },
        }
        true
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

    /// All that are set.
    pub(super) fn iter(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let (one, many) = match self {
            Timers::None => (None, None),
            Timers::One(t) => (Some(*t), None),
            Timers::Many(all) => (None, Some(all)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|all| all.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_time_is_set_once() {
        let mut timers = Timers::default();
        assert_eq!(
            [5, 5, 3, 9, 5, 3, 4, 9].map(|t| timers.set(at(t))),
            [true, false, true, true, false, false, true, false]
        );
        assert_eq!(timers.iter().collect::<Vec<_>>(), [3, 4, 5, 9].map(at));
    }

    #[test]
    fn only_times_that_have_passed_are_taken_out() {
        let mut timers = Timers::default();
        assert!(!timers.take_before(Timestamp::MAX));
        timers.set(at(5));
        assert!(!timers.take_before(at(5)), "at that very time it has not passed");
        assert!(timers.take_before(at(6)));
        [5, 7, 9].map(|t| timers.set(at(t)));
        assert!(timers.take_before(at(8)) && !timers.take_before(at(8)));
        assert_eq!(timers.iter().collect::<Vec<_>>(), [at(9)]);
        assert!(timers.take_before(Timestamp::MAX));
        assert_eq!(timers, Timers::None);
    }
}
