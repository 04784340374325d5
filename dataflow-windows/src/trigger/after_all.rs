//! When all are ready.

use super::{IntoTriggers, Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Ready when all of its triggers are ready at once; then finished.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterAll, AfterProcessingTime, Duration, Repeatedly, Trigger};
/// // Enough elements, and not too often.
/// let trigger = Repeatedly::forever(AfterAll::of((
///     AfterCount::at_least(100),
///     AfterProcessingTime::delay(Duration::seconds(10)),
/// )));
/// assert_eq!(
///     Trigger::from(trigger).to_string(),
///     "repeatedly(after_all(after_count(100), after_processing_time(10s)))",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AfterAll(Vec<Trigger>);

impl AfterAll {
    /// The triggers: an array, a vector or a tuple.
    pub fn of(triggers: impl IntoTriggers) -> Self {
        AfterAll(triggers.into_triggers())
    }
}

impl From<AfterAll> for Trigger {
    fn from(trigger: AfterAll) -> Self {
        Trigger::AfterAll(trigger.0)
    }
}

#[inline]
pub(super) fn should_fire(m: &TriggerMachine, node: usize, state: &TriggerState, context: &TriggerContext) -> bool {
    m.children(node).all(|child| m.is_ready(child, state, context))
}
