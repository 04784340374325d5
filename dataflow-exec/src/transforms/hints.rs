//! Which rows are to be looked at when time has come to a point.
//!
//! What is true is in the rows; hints may be too early, or for rows that are gone. So setting a timer later, or clearing it,
//! costs nothing here, and hints are never stored.

use dataflow_windows::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// Hints are put in order only when their time is near: those of about a second (2^20 µs) together.
const BUCKET_BITS: u32 = 20;

/// So many emptied buckets keep their memory for later ones.
const SPARE_BUCKETS: usize = 8;

/// That a row has something to do at a time.
#[derive(Clone, Copy)]
pub(super) struct Hint<R> {
    pub(super) at: Timestamp,
    /// How the row is found.
    pub(super) row: R,
}

/// By time alone, the earliest being the greatest, as `BinaryHeap` gives out the greatest first.
impl<R> Ord for Hint<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl<R> PartialOrd for Hint<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> PartialEq for Hint<R> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<R> Eq for Hint<R> {}

/// Hints by time.
pub(super) struct Hints<R> {
    /// All before `near_end`, in buckets: those that were in order when it became near, the earliest last, and those that
    /// came later.
    near: Vec<Hint<R>>,
    added: BinaryHeap<Hint<R>>,
    near_end: i64,
    /// The bucket that was pushed to last; the next hint most often is of the same.
    last: (i64, Vec<Hint<R>>),
    far: BTreeMap<i64, Vec<Hint<R>>>,
    spare: Vec<Vec<Hint<R>>>,
}

impl<R> Default for Hints<R> {
    fn default() -> Self {
        Hints {
            near: Vec::new(),
            added: BinaryHeap::new(),
            near_end: i64::MIN,
            last: (i64::MAX, Vec::new()),
            far: BTreeMap::new(),
            spare: Vec::new(),
        }
    }
}

impl<R> Hints<R> {
    #[inline]
    pub(super) fn push(&mut self, at: Timestamp, row: R) {
        let bucket = at.as_micros() >> BUCKET_BITS;
        if bucket < self.near_end {
            self.added.push(Hint { at, row });
            return;
        }
        if bucket != self.last.0 {
            self.turn_to(bucket);
        }
        self.last.1.push(Hint { at, row });
    }

    #[cold]
    fn turn_to(&mut self, bucket: i64) {
        self.put_last_away();
        let hints = self.far.remove(&bucket).or_else(|| self.spare.pop());
        self.last = (bucket, hints.unwrap_or_default());
    }

    fn put_last_away(&mut self) {
        let (bucket, hints) = std::mem::replace(&mut self.last, (i64::MAX, Vec::new()));
        if !hints.is_empty() {
            self.far.insert(bucket, hints);
        }
    }

    /// The time of the earliest hint, if it is before `time`.
    #[inline]
    pub(super) fn earliest_before(&mut self, time: Timestamp) -> Option<Timestamp> {
        while self.near.is_empty() && self.added.is_empty() {
            if !self.bring_near(time.as_micros() >> BUCKET_BITS) {
                return None;
            }
        }
        let at = |hint: Option<&Hint<R>>| hint.map_or(Timestamp::MAX, |hint| hint.at);
        Some(at(self.near.last()).min(at(self.added.peek()))).filter(|at| *at < time)
    }

    /// Puts the first bucket in order, if it is none behind `until`.
    #[cold]
    fn bring_near(&mut self, until: i64) -> bool {
        let first = self.far.first_key_value().map_or(i64::MAX, |(bucket, _)| *bucket);
        let last = if self.last.1.is_empty() { i64::MAX } else { self.last.0 };
        if first.min(last) > until {
            return false;
        }
        self.put_last_away();
        let Some((bucket, mut hints)) = self.far.pop_first() else { return false };
        hints.sort_unstable();
        self.near_end = bucket + 1;
        let emptied = std::mem::replace(&mut self.near, hints);
        if self.spare.len() < SPARE_BUCKETS {
            self.spare.push(emptied);
        }
        true
    }

    /// Takes the earliest hint out, if it is before `time`.
    #[inline]
    pub(super) fn pop_before(&mut self, time: Timestamp) -> Option<Hint<R>> {
        self.earliest_before(time)?;
        match (self.near.last(), self.added.peek()) {
            (Some(near), Some(added)) if added > near => self.added.pop(),
            (None, _) => self.added.pop(),
            _ => self.near.pop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_in_order_also_those_pushed_while_others_are_taken() {
        let mut hints = Hints::default();
        let at = Timestamp::from_micros;
        for t in [5_000_000, 7, 3_000_001, 3_000_000, -4_000_000, i64::MAX] {
            hints.push(at(t), t);
        }
        let mut take = |before| hints.pop_before(at(before)).map(|h| h.row);
        assert_eq!(take(-4_000_000), None);
        assert_eq!(take(0), Some(-4_000_000));
        assert_eq!(take(7), None);
        assert_eq!(take(3_000_001), Some(7));
        assert_eq!(take(3_000_001), Some(3_000_000));
        assert_eq!(take(3_000_001), None);
        hints.push(at(10), 10);
        hints.push(at(4_999_999), 4_999_999);
        let mut left = vec![];
        while let Some(h) = hints.pop_before(at(6_000_000)) {
            left.push(h.row);
        }
        assert_eq!(left, [10, 3_000_001, 4_999_999, 5_000_000]);
        assert_eq!(hints.earliest_before(Timestamp::MAX), None, "nothing is before the end of time but what is");
    }

    #[test]
    fn hints_pushed_in_any_order_come_in_that_of_time() {
        let mut hints = Hints::default();
        let (mut pushed, mut taken) = (Vec::new(), Vec::new());
        for n in 0..10_000i64 {
            // Some are for a bucket that is near, some for far ones, in turn.
            let t = n * 1_000 + (n * 7_919) % 5_000_000;
            hints.push(Timestamp::from_micros(t), t);
            pushed.push(t);
            let now = Timestamp::from_micros(n * 1_000);
            while let Some(h) = hints.pop_before(now) {
                assert!(h.at < now);
                taken.push(h.row);
            }
        }
        while let Some(h) = hints.pop_before(Timestamp::MAX) {
            taken.push(h.row);
        }
        assert!(taken.is_sorted());
        pushed.sort_unstable();
        assert_eq!(taken, pushed);
    }
}
