//! What is known of a firing.

use serde::{Deserialize, Serialize};

/// When a pane was made, against the watermark's passing of the window's end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Timing {
    /// Not the result of a trigger.
    #[default]
    Unknown,
    /// Before the end of the window was reached.
    Early,
    /// When the end of the window was reached.
    OnTime,
    /// After that.
    Late,
}

/// Which of a window's results an element belongs to.
///
/// ```
/// use dataflow_windows::{PaneInfo, Timing};
/// assert_eq!(PaneInfo::ON_TIME_AND_ONLY.timing, Timing::OnTime);
/// assert!(PaneInfo::NO_FIRING.is_first && PaneInfo::NO_FIRING.is_last);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PaneInfo {
    /// Number of the pane among those of its key and window, from 0.
    pub index: u32,
    /// Number of the pane among those that are not early, from 0; -1 for early ones.
    pub non_speculative_index: i32,
    /// Early, on time or late.
    pub timing: Timing,
    /// Whether it is the first pane of its key and window.
    pub is_first: bool,
    /// Whether it is known to be the last one.
    pub is_last: bool,
}

impl PaneInfo {
    /// Of elements that no grouping has produced.
    pub const NO_FIRING: PaneInfo =
        PaneInfo { index: 0, non_speculative_index: 0, timing: Timing::Unknown, is_first: true, is_last: true };
    /// Of results of the default trigger without allowed lateness: one pane a window.
    pub const ON_TIME_AND_ONLY: PaneInfo =
        PaneInfo { index: 0, non_speculative_index: 0, timing: Timing::OnTime, is_first: true, is_last: true };
}
