//! Which windows hold a timestamp, and when they end.

use crate::vectors::{GLOBAL_MAX, WindowFn, WindowRange};

/// The windows of an element.
pub(super) fn assign(window_fn: &WindowFn, t: i64) -> Vec<WindowRange> {
    match *window_fn {
        WindowFn::Global {} => vec![WindowRange::Global],
        WindowFn::Fixed { size_ms, offset_ms } => {
            let start = t - (t - offset_ms).rem_euclid(size_ms);
            vec![WindowRange::Interval(start, start + size_ms)]
        }
        // Of all that could hold it, those that begin with a period.
        WindowFn::Sliding { size_ms, period_ms } => (t - size_ms + 1..=t)
            .filter(|start| start.rem_euclid(period_ms) == 0)
            .map(|start| WindowRange::Interval(start, start + size_ms))
            .collect(),
        WindowFn::Sessions { gap_ms } => vec![WindowRange::Interval(t, t + gap_ms)],
    }
}

impl WindowRange {
    /// The last timestamp in it.
    pub(super) fn max(self) -> i64 {
        match self {
            WindowRange::Global => GLOBAL_MAX,
            WindowRange::Interval(_, end) => end - 1,
        }
    }

    /// The watermark is past this when the window has expired.
    pub(super) fn expiry(self, lateness: i64) -> i64 {
        match self {
            WindowRange::Global => GLOBAL_MAX,
            WindowRange::Interval(..) => self.max().saturating_add(lateness).min(GLOBAL_MAX),
        }
    }

    /// Sessions that only touch do not overlap.
    pub(super) fn overlaps(self, other: WindowRange) -> bool {
        match (self, other) {
            (WindowRange::Interval(a, b), WindowRange::Interval(c, d)) => a < d && c < b,
            _ => true,
        }
    }

    pub(super) fn joined(self, other: WindowRange) -> WindowRange {
        match (self, other) {
            (WindowRange::Interval(a, b), WindowRange::Interval(c, d)) => WindowRange::Interval(a.min(c), b.max(d)),
            _ => WindowRange::Global,
        }
    }
}
