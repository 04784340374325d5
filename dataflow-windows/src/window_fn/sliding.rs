//! Windows that overlap.

use super::WindowFn;
use crate::{Duration, Timestamp, Window};
use serde::{Deserialize, Serialize};
use std::fmt;

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
        let (size, period) = (self.size.as_micros().max(1), self.period.as_micros().max(1));
        let t = i128::from(t.as_micros());
        let since = (t - i128::from(self.offset.as_micros())).rem_euclid(i128::from(period));
        // The youngest begins `since` before t; each other one a period earlier, as long as it holds t.
        let count = (i128::from(size) - since + i128::from(period) - 1).div_euclid(i128::from(period)).max(0) as i64;
        let last = t - since;
        (0..count).rev().map(move |back| {
            let start = last - i128::from(back) * i128::from(period);
            Window::new(cut(start), cut(start + i128::from(size)))
        })
    }

    /// A stretch of time around `t` whose elements all are in the same windows.
    #[inline]
    pub fn slice(self, t: Timestamp) -> Window {
        let (size, period) = (self.size.as_micros().max(1), self.period.as_micros().max(1));
        let t = i128::from(t.as_micros());
        let since = (t - i128::from(self.offset.as_micros())).rem_euclid(i128::from(period));
        // Within a period, the windows change where one begins (0) and where an older one ends.
        let ends = i128::from(size.rem_euclid(period));
        let (from, to) = if since < ends { (0, ends) } else { (ends, i128::from(period)) };
        Window::new(cut(t - since + from), cut(t - since + to))
    }

    pub(super) fn check(self) -> Result<(), String> {
        if self.size < Duration::millis(1) || self.period < Duration::millis(1) {
            return Err(format!("{self} are too small: give a size and a period of at least 1ms"));
        }
        Ok(())
    }
}

fn cut(micros: i128) -> Timestamp {
    Timestamp::from_micros(micros.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
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
            }
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
