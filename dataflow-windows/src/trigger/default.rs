//! Whenever the watermark is past the end of the window.

use super::{Trigger, TriggerContext};

/// Ready at the end of the window, and then with every late element. Never finished.
///
/// ```
/// use dataflow_windows::{DefaultTrigger, Trigger};
/// assert_eq!(Trigger::from(DefaultTrigger), Trigger::default());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DefaultTrigger;

impl From<DefaultTrigger> for Trigger {
    fn from(_: DefaultTrigger) -> Self {
        Trigger::Default
    }
}

#[inline]
pub(super) fn should_fire(context: &TriggerContext) -> bool {
    context.is_past_end()
}
