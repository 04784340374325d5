//! Sliding windows.

use super::Table;
use dataflow::prelude::{Duration, Timestamp};
use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};

/// Sliding windows over sums by key, made of slices: the next window is the last one, and what comes in, without what goes
/// out.
///
/// ```
/// use dataflow::prelude::{Duration, Timestamp};
/// use nexmark::by_hand::{Sliding, Table};
///
/// let mut windows = Sliding::of(Duration::seconds(4), Duration::seconds(2));
/// let at = Timestamp::from_seconds;
/// for (end, n) in [(2, 10), (4, 1)] {
///     windows.add(at(end), &mut Table::from_iter([("key", n)]));
/// }
/// let mut sums = Vec::new();
/// windows.advance(Timestamp::MAX, |end, window| sums.push((end, window["key"])));
/// assert_eq!(sums, [(at(2), 10), (at(4), 11), (at(6), 1)]);
/// ```
pub struct Sliding<K, V> {
    size: Duration,
    period: Duration,
    /// The slices that are part of a window that is not over, by where they end.
    slices: VecDeque<(Timestamp, Table<K, V>)>,
    /// So many of them are in the last window.
    merged: usize,
    /// Where the last window ended, and its sums.
    end: Timestamp,
    window: Table<K, V>,
    /// Empty tables.
    spare: Vec<Table<K, V>>,
}

impl<K, V> Sliding<K, V>
where
    K: Copy + Eq + std::hash::Hash,
    V: Copy + Default + PartialEq + AddAssign + SubAssign,
{
    /// Windows of `size` that end every `period`, as slices do. The one is to be a multiple of the other.
    pub fn of(size: Duration, period: Duration) -> Self {
        let (slices, window, spare) = Default::default();
        Sliding { size, period, slices, merged: 0, end: Timestamp::MIN, window, spare }
    }

    /// Adds a slice, or a part of one, that ends at `end`, and leaves an empty table.
    pub fn add(&mut self, end: Timestamp, slice: &mut Table<K, V>) {
        let at = self.slices.partition_point(|(other, _)| *other < end);
        match self.slices.get_mut(at) {
            Some((other, all)) if *other == end => {
                for (key, value) in slice.drain() {
                    *all.entry(key).or_default() += value;
                }
            }
            _ => {
                let slice = std::mem::replace(slice, self.spare.pop().unwrap_or_default());
                self.slices.insert(at, (end, slice));
            }
        }
    }

    /// Gives the windows that are over and not empty: all slices that end by `watermark` are there.
    pub fn advance(&mut self, watermark: Timestamp, mut over: impl FnMut(Timestamp, &Table<K, V>)) {
        loop {
            let next =
                if self.merged > 0 { Some(self.end + self.period) } else { self.slices.front().map(|(end, _)| *end) };
            let Some(end) = next.filter(|end| *end <= watermark) else { break };
            if let Some((_, new)) = self.slices.get(self.merged).filter(|(slice, _)| *slice == end) {
                for (key, value) in new {
                    *self.window.entry(*key).or_default() += *value;
                }
                self.merged += 1;
            }
            if let Some((_, mut old)) = self.slices.pop_front_if(|(slice, _)| *slice + self.size <= end) {
                for (key, value) in old.drain() {
                    if let hashbrown::hash_map::Entry::Occupied(mut left) = self.window.entry(key) {
                        *left.get_mut() -= value;
                        if *left.get() == V::default() {
                            left.remove();
                        }
                    }
                }
                self.spare.push(old);
                self.merged -= 1;
            }
            self.end = end;
            if !self.window.is_empty() {
                over(end, &self.window);
            }
        }
    }
}
