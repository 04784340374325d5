//! Not at all.

use super::Trigger;

/// Never ready: everything comes out when the window expires.
///
/// ```
/// use dataflow_windows::{Never, Trigger};
/// assert_eq!(Trigger::from(Never::ever()), Trigger::Never);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Never(());

impl Never {
    /// Not ever.
    pub const fn ever() -> Self {
        Never(())
    }
}

impl From<Never> for Trigger {
    fn from(_: Never) -> Self {
        Trigger::Never
    }
}
