//! One trigger after the other.

use super::{IntoTriggers, Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Ready when the first unfinished one of its triggers is; finished with the last one. Only that one sees elements.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterEach, Repeatedly, Trigger};
/// // A first result soon, then fewer of them.
/// let trigger = AfterEach::in_order((AfterCount::at_least(1), Repeatedly::forever(AfterCount::at_least(100))));
/// assert!(!Trigger::from(trigger).may_finish());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AfterEach(Vec<Trigger>);

impl AfterEach {
    /// The triggers in this order: an array, a vector or a tuple.
    pub fn in_order(triggers: impl IntoTriggers) -> Self {
        AfterEach(triggers.into_triggers())
    }
}

impl From<AfterEach> for Trigger {
    fn from(trigger: AfterEach) -> Self {
        Trigger::AfterEach(trigger.0)
    }
}

/// The first unfinished one.
#[inline]
pub(super) fn active(m: &TriggerMachine, node: usize, state: &TriggerState) -> Option<usize> {
    m.children(node).find(|&child| !m.has_finished(child, state))
}

#[inline]
pub(super) fn on_elements(m: &TriggerMachine, node: usize, state: &mut TriggerState, n: u64, context: &TriggerContext) {
    if let Some(child) = active(m, node, state) {
        m.elements(child, state, n, context);
    }
}

/// As far as the part that is least far, whose elements have not had their results yet.
pub(super) fn on_merge(
    m: &TriggerMachine,
    node: usize,
    state: &mut TriggerState,
    parts: &[TriggerState],
    context: &TriggerContext,
) {
    for child in m.children(node) {
        m.merge(child, state, parts, context);
        if !m.has_finished(child, state) {
            return;
        }
    }
    m.finish(node, state);
}

#[inline]
pub(super) fn should_fire(m: &TriggerMachine, node: usize, state: &TriggerState, context: &TriggerContext) -> bool {
    active(m, node, state).is_some_and(|child| m.is_ready(child, state, context))
}

#[inline]
pub(super) fn on_fire(m: &TriggerMachine, node: usize, state: &mut TriggerState, context: &TriggerContext) {
    if let Some(child) = active(m, node, state) {
        m.fire(child, state, context);
    }
    if active(m, node, state).is_none() {
        m.finish(node, state);
    }
}
