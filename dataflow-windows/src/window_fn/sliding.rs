//! Windows that overlap.

use super::WindowFn;
use crate::{Duration, Timestamp, Window};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// Windows of one size, of which one begins every period: `[offset + k * period, offset + k * period + size)`.
///
/// An element is in `size / period` of them. With a period longer than the size there are gaps, whose elements are in
/// none.
///
/// ```
/// use dataflow_windows::{Duration, SlidingWindows, Timestamp};
/// let sliding = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5));
/// let starts: Vec<_> = sliding.assign(Timestamp::from_seconds(12)).map(|w| w.start()).collect();
/// assert_eq!(starts, [Timestamp::from_seconds(5), Timestamp::from_seconds(10)]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SlidingWindows {
    size: Duration,
    period: Duration,
    offset: Duration,
}

impl SlidingWindows {
    /// Windows of `size`, of which one begins with each size: give a period by [`every`](Self::every).
    pub const fn of(size: Duration) -> Self {
        SlidingWindows { size, period: size, offset: Duration::ZERO }
    }

    /// A window begins every `period`.
    pub const fn every(self, period: Duration) -> Self {
        SlidingWindows { period, ..self }
    }

    /// The same windows, shifted by `offset`.
    pub const fn offset(self, offset: Duration) -> Self {
        SlidingWindows { offset, ..self }
    }

    /// The size of each window.
    pub const fn size(self) -> Duration {
        self.size
    }

    /// How far apart they begin.
    pub const fn period(self) -> Duration {
        self.period
    }

    /// The windows that hold `t`, in the order in which they end. At the ends of time they are cut to the range of
    /// [`Timestamp`].
    #[inline]
    pub fn assign(self, t: Timestamp) -> impl DoubleEndedIterator<Item = Window> + Clone {
        self.windows_of_slice(self.slice_number(t)).map(move |number| self.numbered(number))
    }

    /// A stretch of time around `t` whose elements all are in the same windows.
    #[inline]
    pub fn slice(self, t: Timestamp) -> Window {
        let (_, since) = self.last_before(t);
        let (from, to) = if since < self.rest() { (0, self.rest()) } else { (self.rest(), self.micros().1) };
        // Both from `t`: a start that is cut must not move the end.
        let t = t.as_micros();
        let (start, end) = (t.saturating_sub(since - from), t.saturating_add(to - since));
        Window::new(Timestamp::from_micros(start), Timestamp::from_micros(end))
    }

    /// The number of the [`slice`](Self::slice) of `t`: they are numbered in their order, with gaps.
    ///
    /// ```
    /// use dataflow_windows::{Duration, SlidingWindows, Timestamp};
    /// let sliding = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5));
    /// let slice = sliding.slice_number(Timestamp::from_seconds(12));
    /// let starts: Vec<_> = sliding.windows_of_slice(slice).map(|n| sliding.numbered(n).start()).collect();
    /// assert_eq!(starts, [Timestamp::from_seconds(5), Timestamp::from_seconds(10)]);
    /// ```
    #[inline]
    pub fn slice_number(self, t: Timestamp) -> i64 {
        // Within a period, the windows change where one begins and where an older one ends.
        let (number, since) = self.last_before(t);
        number.saturating_mul(2).saturating_add(i64::from(since >= self.rest()))
    }

    /// The numbers of the windows that hold a slice, in the order in which they end. They are numbered such that the one
    /// that begins with the offset has number 0.
    #[inline]
    pub fn windows_of_slice(self, slice: i64) -> RangeInclusive<i64> {
        let (size, period) = self.micros();
        let last = slice.div_euclid(2);
        let earlier = size / period - slice.rem_euclid(2);
        last - earlier..=last
    }

    /// The number of the first slice of a window.
    #[inline]
    pub fn first_slice(self, window: i64) -> i64 {
        window.saturating_mul(2)
    }

    /// The window with a number, cut to the range of [`Timestamp`].
    #[inline]
    pub fn numbered(self, window: i64) -> Window {
        let (size, period) = self.micros();
        let start = i128::from(self.offset.as_micros()) + i128::from(window) * i128::from(period);
        Window::new(cut(start), cut(start + i128::from(size)))
    }

    /// The number of the first window that is not over at `watermark`; `i64::MAX` if all are.
    #[inline]
    pub fn first_open(self, watermark: Timestamp) -> i64 {
        if watermark == Timestamp::MAX {
            return i64::MAX;
        }
        let (size, period) = self.micros();
        let over = i128::from(watermark.as_micros()) - i128::from(self.offset.as_micros()) - i128::from(size);
        clamp(over.div_euclid(i128::from(period)) + 1)
    }

    /// The number of the last window that begins not after `t`, and how long before it does.
    #[inline]
    fn last_before(self, t: Timestamp) -> (i64, i64) {
        let (t, offset, period) = (t.as_micros(), self.offset.as_micros(), self.micros().1);
        match t.checked_sub(offset) {
            Some(since) => (since.div_euclid(period), since.rem_euclid(period)),
            None => {
                let (since, period) = (i128::from(t) - i128::from(offset), i128::from(period));
                (clamp(since.div_euclid(period)), since.rem_euclid(period) as i64)
            }
        }
    }

    /// By how much the size is more than a multiple of the period.
    #[inline]
    fn rest(self) -> i64 {
        let (size, period) = self.micros();
        size % period
    }

    /// Size and period.
    #[inline]
    fn micros(self) -> (i64, i64) {
        (self.size.as_micros().max(1), self.period.as_micros().max(1))
    }

    pub(super) fn check(self) -> Result<(), String> {
        if self.size < Duration::millis(1) || self.period < Duration::millis(1) {
            return Err(format!("{self} are too small: give a size and a period of at least 1ms"));
        }
        Ok(())
    }
}

fn cut(micros: i128) -> Timestamp {
    Timestamp::from_micros(clamp(micros))
}

fn clamp(n: i128) -> i64 {
    n.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl fmt::Display for SlidingWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sliding windows of {} every {}", self.size, self.period)?;
        if self.offset == Duration::ZERO { Ok(()) } else { write!(f, ", offset {}", self.offset) }
    }
}

impl From<SlidingWindows> for WindowFn {
    fn from(sliding: SlidingWindows) -> Self {
        WindowFn::Sliding(sliding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_element_is_in_all_windows_that_hold_it_and_in_no_other(
            t in -10_000i64..10_000, size in 1i64..300, period in 1i64..300, offset in -300i64..300,
        ) {
            let sliding = SlidingWindows::of(Duration::micros(size)).every(Duration::micros(period))
                .offset(Duration::micros(offset));
            let t = Timestamp::from_micros(t);
            let found: Vec<Window> = sliding.assign(t).collect();
            let naive: Vec<Window> = (-200_000 / period..200_000 / period)
                .map(|k| k * period + offset)
                .map(|s| Window::new(Timestamp::from_micros(s), Timestamp::from_micros(s + size)))
                .filter(|w| w.contains(t))
                .collect();
            prop_assert_eq!(&found, &naive);
            let slice = sliding.slice(t);
            prop_assert!(slice.contains(t));
            for other in [slice.start(), slice.max_timestamp()] {
                prop_assert_eq!(&sliding.assign(other).collect::<Vec<_>>(), &found);
                prop_assert_eq!(sliding.slice_number(other), sliding.slice_number(t));
            }
            let next = sliding.slice_number(slice.end());
            prop_assert!(next > sliding.slice_number(t));
            for number in sliding.windows_of_slice(sliding.slice_number(t)) {
                prop_assert!(sliding.first_slice(number) <= sliding.slice_number(t));
                prop_assert!(!sliding.windows_of_slice(sliding.first_slice(number) - 1).contains(&number));
            }
        }
    }

    #[test]
    fn the_first_open_window_is_the_first_that_is_not_over() {
        for (size, period, offset) in [(10, 5, 0), (10, 3, -2), (3, 10, 4), (7, 7, 1)] {
            let sliding = SlidingWindows::of(Duration::micros(size))
                .every(Duration::micros(period))
                .offset(Duration::micros(offset));
            for watermark in (-40..40).map(Timestamp::from_micros).chain([Timestamp::MIN]) {
                let first = sliding.first_open(watermark);
                assert!(!sliding.numbered(first).is_over(watermark) && sliding.numbered(first - 1).is_over(watermark));
            }
            assert_eq!(sliding.first_open(Timestamp::MAX), i64::MAX);
        }
    }

    #[test]
    fn windows_at_the_ends_of_time_are_cut() {
        let sliding = SlidingWindows::of(Duration::days(2)).every(Duration::days(1));
        for t in [Timestamp::MIN, Timestamp::MAX] {
            assert!(sliding.assign(t).all(|w| w.start() <= t && t <= w.end()));
        }
    }

    #[test]
    fn a_size_or_a_period_below_a_millisecond_is_refused() {
        let refused = |size, period| SlidingWindows::of(size).every(period).check().unwrap_err();
        assert_eq!(
            refused(Duration::seconds(10), Duration::ZERO),
            "sliding windows of 10s every 0s are too small: give a size and a period of at least 1ms"
        );
        assert_eq!(
            refused(Duration::seconds(-10), Duration::seconds(1)),
            "sliding windows of -10s every 1s are too small: give a size and a period of at least 1ms"
        );
        assert_eq!(SlidingWindows::of(Duration::seconds(1)).every(Duration::hours(1)).check(), Ok(()));
    }
}
