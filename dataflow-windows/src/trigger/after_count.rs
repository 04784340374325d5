//! After so many elements.

use super::{Trigger, TriggerState};

/// Ready when at least so many elements have come; then finished. Beam's `AfterPane.elementCountAtLeast`.
///
/// Triggers are asked once a bundle, so that a result may have more elements than that.
///
/// ```
/// use dataflow_windows::{AfterCount, Repeatedly, Trigger};
/// let by_hundreds = Trigger::from(Repeatedly::forever(AfterCount::at_least(100)));
/// assert_eq!(by_hundreds.to_string(), "repeatedly(after_count(100))");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AfterCount(u64);

impl AfterCount {
    /// When there are at least so many elements.
    pub const fn at_least(elements: u64) -> Self {
        AfterCount(elements)
    }
}

impl From<AfterCount> for Trigger {
    fn from(trigger: AfterCount) -> Self {
        Trigger::AfterCount(trigger.0)
    }
}

#[inline]
pub(super) fn on_elements(state: &mut TriggerState, register: usize, elements: u64) {
    state.set_count(register, state.count(register).saturating_add(elements));
}

/// Counts add.
#[inline]
pub(super) fn on_merge(state: &mut TriggerState, register: usize, parts: &[TriggerState]) {
    // A part that is finished has a count of 0.
    state.set_count(register, parts.iter().fold(0, |sum, part| sum.saturating_add(part.count(register))));
}

#[inline]
pub(super) fn should_fire(state: &TriggerState, register: usize, at_least: u64) -> bool {
    state.count(register) >= at_least
}
