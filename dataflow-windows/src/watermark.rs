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
    idleness: Option<Idleness>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Kind {
    BoundedOutOfOrderness(Duration),
    Manual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Idleness {
    after: Duration,
    /// When, in processing time, something has come, or it was touched.
    active: Option<Timestamp>,
}

impl WatermarkEstimator {
    /// Elements come in order of time: the watermark is the latest timestamp seen.
    pub const fn monotone() -> Self {
        Self::bounded_out_of_orderness(Duration::ZERO)
    }

    /// Elements come at most `bound` behind the latest seen so far.
    pub const fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self::of(Kind::BoundedOutOfOrderness(bound))
    }

    /// Only [`set`](Self::set) moves the watermark; it stays at the beginning of time until then.
    pub const fn manual() -> Self {
        Self::of(Kind::Manual)
    }

    const fn of(kind: Kind) -> Self {
        WatermarkEstimator { kind, watermark: Timestamp::MIN, idleness: None }
    }

    /// A split from which nothing has come for a while of processing time [is idle](Self::is_idle), so that it does not
    /// hold back the others.
    ///
    /// What comes from it after that may be late.
    ///
    /// ```
    /// use dataflow_windows::watermark::WatermarkEstimator;
    /// use dataflow_windows::{Duration, Timestamp};
    ///
    /// let now = Timestamp::from_seconds(1_000);
    /// let mut e = WatermarkEstimator::monotone().with_idleness(Duration::minutes(1));
    /// e.observe_at(Timestamp::from_seconds(20), now);
    /// assert!(!e.is_idle(now + Duration::seconds(59)));
    /// assert!(e.is_idle(now + Duration::seconds(60)));
    /// ```
    #[must_use]
    pub const fn with_idleness(self, after: Duration) -> Self {
        WatermarkEstimator { idleness: Some(Idleness { after, active: None }), ..self }
    }

    /// Notes an element. For a batch it is enough to note the latest timestamp.
    #[inline]
    pub fn observe(&mut self, t: Timestamp) {
        if let Kind::BoundedOutOfOrderness(bound) = self.kind {
            self.watermark = self.watermark.max(t - bound);
        }
    }

    /// Notes an element, and the processing time at which it came.
    #[inline]
    pub fn observe_at(&mut self, t: Timestamp, now: Timestamp) {
        self.observe(t);
        self.touch(now);
    }

    /// Notes that the split is in use, though there may be no element: when its reading begins, or is resumed, so that
    /// it can become idle if nothing ever comes.
    #[inline]
    pub fn touch(&mut self, now: Timestamp) {
        if let Some(Idleness { active, .. }) = &mut self.idleness {
            *active = Some(active.map_or(now, |before| before.max(now)));
        }
    }

    /// Whether nothing has come for so long that the watermark of this split is not to be waited for.
    ///
    /// Never so without [`with_idleness`](Self::with_idleness), or before it was [touched](Self::touch).
    #[inline]
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.idle_from().is_some_and(|from| now >= from)
    }

    /// The processing time from which on it [is idle](Self::is_idle) if nothing comes: when to ask again.
    #[inline]
    pub fn idle_from(&self) -> Option<Timestamp> {
        let Idleness { after, active } = self.idleness?;
        Some(active? + after)
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

    /// Says why this estimator cannot be used, if so.
    ///
    /// # Errors
    /// What is wrong with its parameters.
    ///
    /// ```
    /// use dataflow_windows::Duration;
    /// use dataflow_windows::watermark::WatermarkEstimator;
    /// assert!(WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(-5)).check().is_err());
    /// ```
    pub fn check(&self) -> Result<(), String> {
        if let Kind::BoundedOutOfOrderness(bound) = self.kind
            && bound < Duration::ZERO
        {
            return Err(format!("a bound of {bound} for elements out of order is negative: give 0 or more"));
        }
        if let Some(Idleness { after, .. }) = self.idleness
            && after <= Duration::ZERO
        {
            return Err(format!("a split cannot be idle after {after}: give a time above 0"));
        }
        Ok(())
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

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn an_element_ends_idleness_and_the_watermark_stays() {
        let mut e = WatermarkEstimator::monotone().with_idleness(Duration::seconds(10));
        e.observe_at(at(100), at(0));
        assert_eq!(e.idle_from(), Some(at(10)));
        assert!(e.is_idle(at(10)));
        assert_eq!(e.watermark(), at(100));
        e.observe_at(at(90), at(15));
        assert!(!e.is_idle(at(24)) && e.is_idle(at(25)));
        assert_eq!(e.watermark(), at(100));
    }

    #[test]
    fn a_split_that_never_had_an_element_is_idle_after_its_beginning() {
        let mut e = WatermarkEstimator::manual().with_idleness(Duration::seconds(10));
        assert!(!e.is_idle(Timestamp::MAX), "not in use yet");
        e.touch(at(5));
        assert!(!e.is_idle(at(14)) && e.is_idle(at(15)));
    }

    #[test]
    fn processing_time_that_goes_back_does_not_make_a_split_idle_sooner() {
        let mut e = WatermarkEstimator::monotone().with_idleness(Duration::seconds(10));
        e.observe_at(at(0), at(20));
        e.observe_at(at(1), at(3));
        assert_eq!(e.idle_from(), Some(at(30)));
    }

    #[test]
    fn without_idleness_a_split_is_never_idle() {
        let mut e = WatermarkEstimator::monotone();
        e.observe_at(at(0), at(0));
        assert!(!e.is_idle(Timestamp::MAX));
        assert_eq!(e.idle_from(), None);
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let message = WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(-1)).check().unwrap_err();
        assert_eq!(message, "a bound of -1s for elements out of order is negative: give 0 or more");
        let message = WatermarkEstimator::manual().with_idleness(Duration::ZERO).check().unwrap_err();
        assert_eq!(message, "a split cannot be idle after 0s: give a time above 0");
        let fine = WatermarkEstimator::monotone().with_idleness(Duration::seconds(1));
        assert_eq!(fine.check(), Ok(()));
    }
}
