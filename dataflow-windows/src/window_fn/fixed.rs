//! Windows side by side.

use super::WindowFn;
use crate::{Duration, Timestamp, Window};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Windows of one size that lie side by side ("tumbling"): `[offset + k * size, offset + (k + 1) * size)`.
///
/// ```
/// use dataflow_windows::{Duration, FixedWindows, Timestamp};
/// let shifted = FixedWindows::of(Duration::hours(1)).offset(Duration::minutes(15));
/// assert_eq!(shifted.assign(Timestamp::from_seconds(0)).start(), Timestamp::from_seconds(-45 * 60));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FixedWindows {
    size: Duration,
    offset: Duration,
}

impl FixedWindows {
    /// Windows of `size`, aligned to 1970-01-01T00:00:00Z. A size below a millisecond is refused when the graph is built.
    pub const fn of(size: Duration) -> Self {
        FixedWindows { size, offset: Duration::ZERO }
    }

    /// The same windows, shifted by `offset`.
    pub const fn offset(self, offset: Duration) -> Self {
        FixedWindows { offset, ..self }
    }

    /// The size of each window.
    pub const fn size(self) -> Duration {
        self.size
    }

    /// The window that holds `t`. At the ends of time the window is cut to the range of [`Timestamp`].
    #[inline]
    pub fn assign(self, t: Timestamp) -> Window {
        let size = self.size.as_micros().max(1);
        let (t, offset) = (t.as_micros(), self.offset.as_micros());
        let since_start = match t.checked_sub(offset) {
            Some(since_offset) => since_offset.rem_euclid(size),
            None => (i128::from(t) - i128::from(offset)).rem_euclid(i128::from(size)) as i64,
        };
        // Both from `t`: a start that is cut must not move the end.
        let (start, end) = (t.saturating_sub(since_start), t.saturating_add(size - since_start));
        Window::new(Timestamp::from_micros(start), Timestamp::from_micros(end))
    }

    pub(super) fn check(self) -> Result<(), String> {
        if self.size < Duration::millis(1) {
            return Err(format!("fixed windows of {} are too small: give a size of at least 1ms", self.size));
        }
        Ok(())
    }
}

impl fmt::Display for FixedWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fixed windows of {}", self.size)?;
        if self.offset == Duration::ZERO { Ok(()) } else { write!(f, ", offset {}", self.offset) }
    }
}

impl From<FixedWindows> for WindowFn {
    fn from(fixed: FixedWindows) -> Self {
        WindowFn::Fixed(fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fixed_window_holds_its_element_and_is_aligned(
            t in -4_000_000_000_000_000i64..4_000_000_000_000_000,
            size in 1_000i64..100_000_000_000,
            offset in -100_000_000_000i64..100_000_000_000,
        ) {
            let fixed = FixedWindows::of(Duration::micros(size)).offset(Duration::micros(offset));
            let w = fixed.assign(Timestamp::from_micros(t));
            prop_assert!(w.contains(Timestamp::from_micros(t)));
            prop_assert_eq!(w.end() - w.start(), Duration::micros(size));
            prop_assert_eq!((w.start().as_micros() - offset).rem_euclid(size), 0);
        }
    }

    #[test]
    fn windows_at_the_ends_of_time_are_cut_and_still_end() {
        let fixed = FixedWindows::of(Duration::days(1));
        let first = fixed.assign(Timestamp::MIN);
        assert_eq!(first.start(), Timestamp::MIN);
        assert!(fixed.assign(Timestamp::MAX).is_over(Timestamp::MAX));
    }

    #[test]
    fn a_window_below_a_millisecond_is_refused() {
        let message = WindowFn::from(FixedWindows::of(Duration::micros(10))).check().unwrap_err();
        assert_eq!(message, "fixed windows of 10us are too small: give a size of at least 1ms");
    }
}
