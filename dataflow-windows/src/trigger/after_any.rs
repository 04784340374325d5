//! When one is ready.

use super::{IntoTriggers, Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Ready when one of its triggers is ready; then finished. Beam's `AfterFirst`.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterAny, AfterProcessingTime, Duration, Repeatedly, Trigger};
/// // Enough elements, or long enough.
/// let trigger = Repeatedly::forever(AfterAny::of((
///     AfterCount::at_least(100),
///     AfterProcessingTime::delay(Duration::seconds(10)),
/// )));
/// assert_eq!(
///     Trigger::from(trigger).to_string(),
///     "repeatedly(after_any(after_count(100), after_processing_time(10s)))",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AfterAny(Vec<Trigger>);

impl AfterAny {
    /// The triggers: an array, a vector or a tuple.
    pub fn of(triggers: impl IntoTriggers) -> Self {
        AfterAny(triggers.into_triggers())
    }
}

impl From<AfterAny> for Trigger {
    fn from(trigger: AfterAny) -> Self {
        Trigger::AfterAny(trigger.0)
    }
}

#[inline]
pub(super) fn should_fire(m: &TriggerMachine, node: usize, state: &TriggerState, context: &TriggerContext) -> bool {
    m.children(node).any(|child| m.is_ready(child, state, context))
}
