//! Some time after the first element.

use super::{Trigger, TriggerContext, TriggerState};
use crate::{Duration, Timestamp};

/// Ready when processing time is later than a delay after the first element; then finished. Beam's
/// `AfterProcessingTime.pastFirstElementInPane`.
///
/// ```
/// use dataflow_windows::{AfterProcessingTime, Duration, Trigger};
/// let on_the_minute = AfterProcessingTime::delay(Duration::seconds(10)).aligned_to(Duration::minutes(1));
/// assert_eq!(Trigger::from(on_the_minute).to_string(), "after_processing_time(10s, aligned to 1m)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AfterProcessingTime {
    delay: Duration,
    align_to: Option<Duration>,
}

impl AfterProcessingTime {
    /// So long after the first element.
    pub const fn delay(delay: Duration) -> Self {
        AfterProcessingTime { delay, align_to: None }
    }

    /// The time is put off to the next multiple of `period` since 1970, so that many windows are given out together.
    #[must_use]
    pub const fn aligned_to(self, period: Duration) -> Self {
        AfterProcessingTime { align_to: Some(period), ..self }
    }
}

impl From<AfterProcessingTime> for Trigger {
    fn from(trigger: AfterProcessingTime) -> Self {
        Trigger::AfterProcessingTime { delay: trigger.delay, align_to: trigger.align_to }
    }
}

#[inline]
pub(super) fn on_elements(state: &mut TriggerState, register: usize, context: &TriggerContext) {
    if state.time(register).is_none() {
        state.set_time(register, context.now);
    }
}

/// The earliest first element is the first one of all.
#[inline]
pub(super) fn on_merge(state: &mut TriggerState, register: usize, parts: &[TriggerState]) {
    // A part that is finished has no time.
    if let Some(first) = parts.iter().filter_map(|part| part.time(register)).min() {
        state.set_time(register, first);
    }
}

#[inline]
pub(super) fn should_fire(due: Option<Timestamp>, context: &TriggerContext) -> bool {
    due.is_some_and(|due| context.now > due)
}

/// The time after which it is ready.
#[inline]
pub(super) fn due(
    state: &TriggerState,
    register: usize,
    delay: Duration,
    align_to: Option<Duration>,
) -> Option<Timestamp> {
    let due = state.time(register)? + delay;
    Some(align_to.map_or(due, |period| round_up(due, period)))
}

fn round_up(t: Timestamp, period: Duration) -> Timestamp {
    let past_multiple = t.as_micros().rem_euclid(period.as_micros().max(1));
    if past_multiple == 0 { t } else { t + Duration::micros(period.as_micros() - past_multiple) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up_to_a_multiple() {
        let rounded = |t| round_up(Timestamp::from_seconds(t), Duration::seconds(10)).as_micros() / 1_000_000;
        assert_eq!([-11, -10, -1, 0, 1, 10, 11].map(rounded), [-10, -10, 0, 0, 10, 10, 20]);
        assert_eq!(round_up(Timestamp::MAX, Duration::days(1)), Timestamp::MAX);
    }
}
