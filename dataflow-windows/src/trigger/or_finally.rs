//! A trigger, until another one ends it.

use super::{Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Gives triggers an end.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterWatermark, OrFinally, Repeatedly};
///
/// // Every hundred elements, until the window ends.
/// let trigger = Repeatedly::forever(AfterCount::at_least(100)).or_finally(AfterWatermark::past_end_of_window());
/// assert_eq!(trigger.to_string(), "or_finally(repeatedly(after_count(100)), after_watermark)");
/// ```
pub trait OrFinally: Into<Trigger> {
    /// Ready when this trigger or `until` is; finished when this one is, or when `until` is ready.
    ///
    /// What `until` has seen is kept when this trigger is ready.
    fn or_finally(self, until: impl Into<Trigger>) -> Trigger {
        Trigger::OrFinally(Box::new(self.into()), Box::new(until.into()))
    }
}

impl<T: Into<Trigger>> OrFinally for T {}

#[inline]
pub(super) fn should_fire(m: &TriggerMachine, node: usize, state: &TriggerState, context: &TriggerContext) -> bool {
    m.children(node).any(|child| m.is_ready(child, state, context))
}

#[inline]
pub(super) fn on_fire(m: &TriggerMachine, node: usize, state: &mut TriggerState, context: &TriggerContext) {
    let main = m.first_child(node);
    let until = m.next_sibling(main);
    if !m.is_ready(until, state, context) {
        m.fire(main, state, context);
        if !m.has_finished(main, state) {
            return;
        }
    }
    m.finish(node, state);
}
