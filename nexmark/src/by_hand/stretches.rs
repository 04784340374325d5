//! Stretches of time.

use dataflow::prelude::{Duration, Timestamp, Window};
use std::collections::VecDeque;

/// Stretches of time, all of one size and side by side from 1970 on (fixed windows, or what sliding windows are made of),
/// with a `T` for each that is open, and for those between them. A `T` of a closed stretch is used again, so it is to be
/// left empty.
///
/// ```
/// use dataflow::prelude::{Duration, Timestamp};
/// use nexmark::by_hand::Stretches;
///
/// let at = Timestamp::from_seconds;
/// let mut counts: Stretches<u64> = Stretches::of(Duration::seconds(10));
/// for t in [3, 12, 9] {
///     if let Some(count) = counts.at(at(t)) {
///         *count += 1;
///     }
/// }
/// let mut closed = Vec::new();
/// counts.close(at(10), |stretch, count| closed.push((stretch.end(), std::mem::take(count))));
/// assert_eq!(closed, [(at(10), 2)]);
/// assert!(counts.at(at(9)).is_none()); // late
/// ```
pub struct Stretches<T> {
    size: i64,
    /// The start of the stretch that was used last, and its place.
    start: i64,
    used: usize,
    /// The start of the first one that is open.
    first: i64,
    open: VecDeque<T>,
    spare: Vec<T>,
    watermark: i64,
    /// Where the stretch ends that holds the watermark.
    due: i64,
}

impl<T: Default> Stretches<T> {
    /// Stretches of `size`.
    pub fn of(size: Duration) -> Self {
        let (start, watermark) = (0, Timestamp::MIN.as_micros());
        let (open, spare) = (VecDeque::new(), Vec::new());
        Stretches { size: size.as_micros(), start, used: 0, first: 0, open, spare, watermark, due: watermark }
    }

    /// That of the stretch that holds `t`; `None` if it is closed, so that what belongs to it is late.
    #[inline]
    pub fn at(&mut self, t: Timestamp) -> Option<&mut T> {
        let into = t.as_micros().wrapping_sub(self.start);
        if (into as u64) < self.size as u64 && self.used < self.open.len() {
            return self.open.get_mut(self.used);
        }
        self.find(t.as_micros())
    }

    #[cold]
    #[inline(never)]
    fn find(&mut self, t: i64) -> Option<&mut T> {
        let start = t - t.rem_euclid(self.size);
        if start.saturating_add(self.size) <= self.watermark {
            return None;
        }
        if self.open.is_empty() {
            self.first = start;
        }
        while start < self.first {
            self.open.push_front(self.spare.pop().unwrap_or_default());
            self.first -= self.size;
        }
        self.used = ((start - self.first) / self.size) as usize;
        self.start = start;
        while self.open.len() <= self.used {
            self.open.push_back(self.spare.pop().unwrap_or_default());
        }
        self.open.get_mut(self.used)
    }

    /// Whether any stretch, open or not, ends by `watermark` that had not when stretches were last closed.
    #[inline]
    pub fn is_due(&self, watermark: Timestamp) -> bool {
        watermark.as_micros() >= self.due
    }

    /// Calls `work` for all that are open, the earliest first.
    #[inline]
    pub fn each(&mut self, mut work: impl FnMut(Window, &mut T)) {
        let at = Timestamp::from_micros;
        let mut start = self.first;
        for open in &mut self.open {
            work(Window::new(at(start), at(start + self.size)), open);
            start += self.size;
        }
    }

    /// Closes the stretches that end at or before `watermark`, the earliest first. Where the last of them ends, open or not,
    /// if [there is any](Self::is_due).
    #[inline]
    pub fn close(&mut self, watermark: Timestamp, closed: impl FnMut(Window, &mut T)) -> Option<Timestamp> {
        self.is_due(watermark).then(|| self.close_due(watermark, closed))
    }

    fn close_due(&mut self, watermark: Timestamp, mut closed: impl FnMut(Window, &mut T)) -> Timestamp {
        self.watermark = watermark.as_micros();
        self.due = (self.watermark.div_euclid(self.size) + 1).saturating_mul(self.size);
        while self.first + self.size <= self.watermark {
            let Some(mut front) = self.open.pop_front() else { break };
            let at = Timestamp::from_micros;
            closed(Window::new(at(self.first), at(self.first + self.size)), &mut front);
            self.spare.push(front);
            self.first += self.size;
            // Whatever was used last is elsewhere now.
            (self.start, self.used) = (0, usize::MAX);
        }
        Timestamp::from_micros(self.watermark.div_euclid(self.size).saturating_mul(self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_seconds(s)
    }

    fn closed(stretches: &mut Stretches<Vec<i64>>, watermark: i64) -> Vec<(i64, Vec<i64>)> {
        let mut closed = Vec::new();
        stretches.close(at(watermark), |window, values| {
            closed.push((window.start().as_micros() / 1_000_000, values.clone()));
            values.clear();
        });
        closed
    }

    #[test]
    fn times_in_any_order_find_their_stretch() {
        let mut stretches: Stretches<Vec<i64>> = Stretches::of(Duration::seconds(10));
        assert!(stretches.is_due(at(-100)));
        stretches.close(Timestamp::MIN, |_, _| unreachable!());
        for t in [35, 31, 12, 39, 19, -1, 20, 0] {
            stretches.at(at(t)).unwrap().push(t);
        }
        assert_eq!(closed(&mut stretches, 9), [(-10, vec![-1])]);
        assert!(!stretches.is_due(at(9)) && stretches.is_due(at(10)));
        assert_eq!(closed(&mut stretches, 10), [(0, vec![0])]);
        assert_eq!(stretches.at(at(9)), None);
        stretches.at(at(14)).unwrap().push(14);
        stretches.at(at(39)).unwrap().push(38);
        assert_eq!(closed(&mut stretches, 40), [(10, vec![12, 19, 14]), (20, vec![20]), (30, vec![35, 31, 39, 38])]);
        stretches.at(at(1_000)).unwrap().push(1_000);
        assert_eq!(closed(&mut stretches, 999_999), [(1_000, vec![1_000])]);
        assert_eq!(stretches.at(at(999_998)), Some(&mut vec![]));
    }
}
