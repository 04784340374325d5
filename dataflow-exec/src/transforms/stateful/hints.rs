//! Which rows are to be looked at when time has come to a point.
//!
//! What is true is in the rows; hints may be too early, or for rows that are gone. So setting a timer later, or clearing it,
//! costs nothing here, and hints are never stored.

use dataflow_windows::{Timestamp, Window};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// Hints are put in order only when their time is near: those of about a second (2^20 µs) together.
const BUCKET_BITS: u32 = 20;

/// A row that has something to do at a time.
pub(super) struct Hint<K> {
    pub(super) at: Timestamp,
    pub(super) hash: u64,
    pub(super) window: Window,
    pub(super) key: K,
}

/// By time alone, the earliest being the greatest, as `BinaryHeap` gives out the greatest first.
impl<K> Ord for Hint<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl<K> PartialOrd for Hint<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> PartialEq for Hint<K> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<K> Eq for Hint<K> {}

/// Hints by time.
pub(super) struct Hints<K> {
    /// All before the first bucket of `far`.
    near: BinaryHeap<Hint<K>>,
    near_end: i64,
    far: BTreeMap<i64, Vec<Hint<K>>>,
}

impl<K> Default for Hints<K> {
    fn default() -> Self {
        Hints { near: BinaryHeap::new(), near_end: i64::MIN, far: BTreeMap::new() }
    }
}

impl<K> Hints<K> {
    pub(super) fn push(&mut self, hint: Hint<K>) {
        let bucket = hint.at.as_micros() >> BUCKET_BITS;
        if bucket < self.near_end {
            self.near.push(hint);
        } else {
            self.far.entry(bucket).or_default().push(hint);
        }
    }

    /// The time of the earliest hint, if it is before `time`.
    pub(super) fn earliest_before(&mut self, time: Timestamp) -> Option<Timestamp> {
        while self.near.is_empty() {
            let first = self.far.first_entry().filter(|b| *b.key() <= time.as_micros() >> BUCKET_BITS)?;
            self.near_end = *first.key() + 1;
            self.near = first.remove().into();
        }
        self.near.peek().map(|hint| hint.at).filter(|at| *at < time)
    }

    /// Takes the earliest hint out, if it is before `time`.
    pub(super) fn pop_before(&mut self, time: Timestamp) -> Option<Hint<K>> {
        self.earliest_before(time)?;
        self.near.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(at: i64) -> Hint<i64> {
        Hint { at: Timestamp::from_micros(at), hash: 0, window: Window::GLOBAL, key: at }
    }

    #[test]
    fn hints_come_in_order_also_those_pushed_while_others_are_taken() {
        let mut hints = Hints::default();
        for at in [5_000_000, 7, 3_000_001, 3_000_000, -4_000_000, i64::MAX] {
            hints.push(hint(at));
        }
        let mut take = |before| hints.pop_before(Timestamp::from_micros(before)).map(|h| h.key);
        assert_eq!(take(-4_000_000), None);
        assert_eq!(take(0), Some(-4_000_000));
        assert_eq!(take(7), None);
        assert_eq!(take(3_000_001), Some(7));
        assert_eq!(take(3_000_001), Some(3_000_000));
        assert_eq!(take(3_000_001), None);
        hints.push(hint(10));
        hints.push(hint(4_999_999));
        let mut left = vec![];
        while let Some(h) = hints.pop_before(Timestamp::from_micros(6_000_000)) {
            left.push(h.key);
        }
        assert_eq!(left, [10, 3_000_001, 4_999_999, 5_000_000]);
        assert_eq!(hints.earliest_before(Timestamp::MAX), None, "nothing is before the end of time but what is");
    }
}
