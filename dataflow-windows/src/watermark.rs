//! Watermark estimators: how far event time has come, judged from the elements seen.
//!
//! A watermark `W` says: no more elements with a timestamp before `W` are to be expected. An estimator looks at one
//! split of a source; the engine takes the minimum over all splits, read and unread.

use crate::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// Judges the watermark of one split from what is read of it.
///
/// ```
/// use dataflow_windows::watermark::WatermarkEstimator;
/// use dataflow_windows::{Duration, Timestamp};
///
/// let mut e = WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(5));
/// e.observe(Timestamp::from_seconds(20));
/// e.observe(Timestamp::from_seconds(17));
/// assert_eq!(e.watermark(), Timestamp::from_seconds(15));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WatermarkEstimator {
    kind: Kind,
    watermark: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Kind {
    BoundedOutOfOrderness(Duration),
    Manual,
}

impl WatermarkEstimator {
    /// Elements come in order of time: the watermark is the latest timestamp seen.
    pub const fn monotone() -> Self {
        Self::bounded_out_of_orderness(Duration::ZERO)
    }

    /// Elements come at most `bound` behind the latest seen so far.
    pub const fn bounded_out_of_orderness(bound: Duration) -> Self {
        WatermarkEstimator { kind: Kind::BoundedOutOfOrderness(bound), watermark: Timestamp::MIN }
    }

    /// Only [`set`](Self::set) moves the watermark; it stays at the beginning of time until then.
    pub const fn manual() -> Self {
        WatermarkEstimator { kind: Kind::Manual, watermark: Timestamp::MIN }
    }

    /// Notes an element. For a batch it is enough to note the latest timestamp.
    #[inline]
    pub fn observe(&mut self, t: Timestamp) {
        if let Kind::BoundedOutOfOrderness(bound) = self.kind {
            self.watermark = self.watermark.max(t - bound);
        }
    }

    /// Says that nothing before `t` will come; a step back has no effect.
    pub fn set(&mut self, t: Timestamp) {
        self.watermark = self.watermark.max(t);
    }

    /// The watermark; it never goes back.
    #[inline]
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monotone_estimator_never_goes_back() {
        let mut e = WatermarkEstimator::monotone();
        for (seen, expected) in [(5, 5), (3, 5), (9, 9)] {
            e.observe(Timestamp::from_seconds(seen));
            assert_eq!(e.watermark(), Timestamp::from_seconds(expected));
        }
    }

    #[test]
    fn a_manual_estimator_ignores_elements() {
        let mut e = WatermarkEstimator::manual();
        e.observe(Timestamp::from_seconds(5));
        assert_eq!(e.watermark(), Timestamp::MIN);
        e.set(Timestamp::from_seconds(4));
        e.set(Timestamp::from_seconds(2));
        assert_eq!(e.watermark(), Timestamp::from_seconds(4));
    }
}
