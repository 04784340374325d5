//! Again and again.

use super::{Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Ready when its trigger is, which starts over when it is finished.
///
/// ```
/// use dataflow_windows::{AfterCount, Repeatedly, Trigger};
/// assert!(Trigger::from(AfterCount::at_least(100)).may_finish());
/// assert!(!Trigger::from(Repeatedly::forever(AfterCount::at_least(100))).may_finish());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeatedly(Trigger);

impl Repeatedly {
    /// Whenever `trigger` is ready.
    pub fn forever(trigger: impl Into<Trigger>) -> Self {
        Repeatedly(trigger.into())
    }
}

impl From<Repeatedly> for Trigger {
    fn from(trigger: Repeatedly) -> Self {
        Trigger::Repeatedly(Box::new(trigger.0))
    }
}

#[inline]
pub(super) fn on_fire(m: &TriggerMachine, node: usize, state: &mut TriggerState, context: &TriggerContext) {
    let child = m.first_child(node);
    m.fire(child, state, context);
    if m.has_finished(child, state) {
        m.reset(child, state);
    }
}
