//! Intervals of event time.

use crate::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A half-open interval `[start, end)` of event time.
///
/// Ordered by end, then start, so that an ordered map of windows yields them in the order in which they close.
///
/// ```
/// use dataflow_windows::{Timestamp, Window};
/// let w = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(10));
/// assert!(w.contains(Timestamp::from_millis(9)));
/// assert!(!w.contains(w.end()));
/// assert_eq!(w.max_timestamp(), Timestamp::from_micros(9_999));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Window {
    end: Timestamp,
    start: Timestamp,
}

impl Window {
    /// The window of all time. Its last timestamp is a day before the end of time, as in Beam, so that there is time
    /// left in which it is over.
    pub const GLOBAL: Window = Window { start: Timestamp::MIN, end: Timestamp::from_micros(9_223_371_950_454_776_000) };

    /// The window `[start, end)`.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Window { end, start }
    }

    /// The first timestamp in the window.
    #[inline]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first timestamp after the window.
    #[inline]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// The last timestamp in the window: a microsecond before its end. Results of the window carry it by default.
    #[inline]
    pub fn max_timestamp(self) -> Timestamp {
        self.end - Duration::micros(1)
    }

    /// Whether `t` is in the window.
    #[inline]
    pub fn contains(self, t: Timestamp) -> bool {
        self.start <= t && t < self.end
    }

    /// Whether all of `other` is in the window.
    #[inline]
    pub fn covers(self, other: Window) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the end of the window is reached: no more elements on time are to be expected for it.
    #[inline]
    pub fn is_over(self, watermark: Timestamp) -> bool {
        watermark >= self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Window::GLOBAL { f.write_str("global window") } else { write!(f, "[{}, {})", self.start, self.end) }
    }
}
