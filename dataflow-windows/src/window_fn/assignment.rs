//! Window functions that hang on the timestamp alone.

use super::{CalendarWindows, FixedWindows, Sessions, SlidingWindows};
use crate::{Timestamp, Window};

/// A window function of the timestamp alone, small and `Copy`, so that a whole batch of elements can be windowed by
/// storing it once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Assignment {
    /// Windows side by side.
    Fixed(FixedWindows),
    /// Overlapping windows: an element is in several, or none.
    Sliding(SlidingWindows),
    /// The windows that sessions begin with.
    Sessions(Sessions),
    /// Days, weeks, months or years of a time zone.
    Calendar(CalendarWindows),
}

impl Assignment {
    /// Whether each element is in exactly one window.
    #[inline]
    pub fn is_single(self) -> bool {
        !matches!(self, Assignment::Sliding(_))
    }

    /// The window of an element; the last one of several, or an empty window at `t` if there is none.
    #[inline]
    pub fn assign(self, t: Timestamp) -> Window {
        match self {
            Assignment::Fixed(fixed) => fixed.assign(t),
            Assignment::Sessions(sessions) => sessions.assign(t),
            Assignment::Calendar(calendar) => calendar.assign(t),
            Assignment::Sliding(sliding) => sliding.assign(t).next_back().unwrap_or(Window::new(t, t)),
        }
    }

    /// Adds all windows of an element.
    pub fn assign_all(self, t: Timestamp, windows: &mut Vec<Window>) {
        match self {
            Assignment::Sliding(sliding) => windows.extend(sliding.assign(t)),
            single => windows.push(single.assign(t)),
        }
    }
}
