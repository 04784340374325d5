//! Values by time.

use super::StateCell;
use crate::{Coded, Result, coder};
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

/// A cell with values by timestamp; values of one timestamp stay in the order in which they were added.
///
/// ```
/// use dataflow_core::state::OrderedList;
/// use dataflow_windows::Timestamp;
///
/// let at = Timestamp::from_seconds;
/// let mut readings = OrderedList::default();
/// readings.add(at(5), 'b');
/// readings.add(at(2), 'a');
/// readings.add(at(9), 'c');
/// assert!(readings.range(at(2)..at(9)).eq([(at(2), &'a'), (at(5), &'b')]));
/// readings.clear_range(..at(9));
/// assert!(readings.iter().eq([(at(9), &'c')]));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderedList<T> {
    entries: BTreeMap<(Timestamp, u64), T>,
    /// Numbers the values, for the order of those of one timestamp.
    next: u64,
}

impl<T> Default for OrderedList<T> {
    fn default() -> Self {
        OrderedList { entries: BTreeMap::new(), next: 0 }
    }
}

impl<T> OrderedList<T> {
    /// Adds a value.
    pub fn add(&mut self, timestamp: Timestamp, value: T) {
        self.entries.insert((timestamp, self.next), value);
        self.next += 1;
    }

    /// All values, by ascending time.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &T)> {
        self.entries.iter().map(|((t, _), value)| (*t, value))
    }

    /// The values with timestamps in `range`, by ascending time.
    pub fn range(&self, range: impl RangeBounds<Timestamp>) -> impl DoubleEndedIterator<Item = (Timestamp, &T)> {
        let bounds = numbered(range);
        bounds.into_iter().flat_map(|bounds| self.entries.range(bounds)).map(|((t, _), value)| (*t, value))
    }

    /// Removes the values with timestamps in `range`.
    pub fn clear_range(&mut self, range: impl RangeBounds<Timestamp>) {
        let Some(bounds) = numbered(range) else { return };
        while let Some((first, _)) = self.entries.range(bounds).next() {
            let first = *first;
            self.entries.remove(&first);
        }
    }

    /// The earliest value.
    pub fn first(&self) -> Option<(Timestamp, &T)> {
        self.entries.first_key_value().map(|((t, _), value)| (*t, value))
    }

    /// The latest value.
    pub fn last(&self) -> Option<(Timestamp, &T)> {
        self.entries.last_key_value().map(|((t, _), value)| (*t, value))
    }

    /// Takes the earliest value out.
    pub fn pop_first(&mut self) -> Option<(Timestamp, T)> {
        self.entries.pop_first().map(|((t, _), value)| (t, value))
    }

    /// Takes all out, by ascending time.
    pub fn take(&mut self) -> Vec<(Timestamp, T)> {
        std::mem::take(&mut self.entries).into_iter().map(|((t, _), value)| (t, value)).collect()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

type Bounds = (Bound<(Timestamp, u64)>, Bound<(Timestamp, u64)>);

/// The range over timestamps and numbers; none if it is empty, or the wrong way round.
fn numbered(range: impl RangeBounds<Timestamp>) -> Option<Bounds> {
    let start = match range.start_bound() {
        Bound::Included(t) => Bound::Included((*t, 0)),
        Bound::Excluded(t) => Bound::Excluded((*t, u64::MAX)),
        Bound::Unbounded => Bound::Unbounded,
    };
    let end = match range.end_bound() {
        Bound::Included(t) => Bound::Included((*t, u64::MAX)),
        Bound::Excluded(t) => Bound::Excluded((*t, 0)),
        Bound::Unbounded => Bound::Unbounded,
    };
    match (start, end) {
        (Bound::Included(s) | Bound::Excluded(s), Bound::Included(e) | Bound::Excluded(e)) if s >= e => None,
        _ => Some((start, end)),
    }
}

impl<T: Coded> StateCell for OrderedList<T> {
    #[inline]
    fn is_vacant(&self) -> bool {
        self.entries.is_empty()
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        coder::encode(&self.iter().collect::<Vec<_>>(), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        self.entries.clear();
        let entries: Vec<(Timestamp, T)> = coder::decode(from)?;
        entries.into_iter().for_each(|(t, value)| self.add(t, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_time_keep_their_order_and_leave_together() {
        let t = Timestamp::from_seconds;
        let mut list = OrderedList::default();
        [(3, 'x'), (1, 'b'), (1, 'a'), (2, 'c')].into_iter().for_each(|(at, v)| list.add(t(at), v));
        assert_eq!(list.range(t(1)..=t(1)).map(|(_, v)| *v).collect::<String>(), "ba");
        assert_eq!(list.range((Bound::Excluded(t(1)), Bound::Unbounded)).map(|(_, v)| *v).collect::<String>(), "cx");
        #[allow(clippy::reversed_empty_ranges)]
        let wrong_way_round = t(3)..t(1);
        assert_eq!(list.range(wrong_way_round.clone()).count() + list.range(t(2)..t(2)).count(), 0);
        list.clear_range(wrong_way_round);
        list.clear_range(t(1)..t(2));
        assert_eq!(list.take(), [(t(2), 'c'), (t(3), 'x')]);
    }

    #[test]
    fn a_decoded_list_goes_on_in_order() {
        let t = Timestamp::from_seconds(1);
        let (mut list, mut bytes) = (OrderedList::default(), Vec::new());
        ['b', 'a'].into_iter().for_each(|v| list.add(t, v));
        list.encode(&mut bytes).unwrap();
        let mut again = OrderedList::default();
        again.decode(&mut &bytes[..]).unwrap();
        again.add(t, 'c');
        assert_eq!(again.iter().map(|(_, v)| *v).collect::<String>(), "bac");
    }
}
