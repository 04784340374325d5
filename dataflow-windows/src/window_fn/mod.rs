//! Which windows an element belongs to.

mod assignment;
mod calendar;
mod custom;
mod fixed;
mod sessions;
mod sliding;

pub use assignment::Assignment;
pub use calendar::{CalendarWindows, Weekday};
pub use custom::{CustomWindowFn, CustomWindows};
pub use fixed::FixedWindows;
pub use sessions::Sessions;
pub use sliding::SlidingWindows;

use crate::{Timestamp, Window};
use std::fmt;

/// A window function.
///
/// ```
/// use dataflow_windows::{Duration, FixedWindows, Timestamp, Window, WindowFn};
/// assert_eq!(WindowFn::Global.windows(Timestamp::from_millis(5)), [Window::GLOBAL]);
/// let hourly = WindowFn::from(FixedWindows::of(Duration::hours(1)));
/// assert_eq!(hourly.to_string(), "fixed windows of 1h");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum WindowFn {
    /// One window for all time.
    #[default]
    Global,
    /// Windows of one size, side by side.
    Fixed(FixedWindows),
    /// Windows of one size that overlap.
    Sliding(SlidingWindows),
    /// Windows that grow with activity, per key.
    Sessions(Sessions),
    /// Days, weeks, months or years of a time zone.
    Calendar(CalendarWindows),
    /// What a user makes of it.
    Custom(CustomWindows),
}

impl WindowFn {
    /// The function as one of the timestamp alone, if it is one other than [`Global`](WindowFn::Global).
    pub fn assignment(&self) -> Option<Assignment> {
        match self {
            WindowFn::Fixed(fixed) => Some(Assignment::Fixed(*fixed)),
            WindowFn::Sliding(sliding) => Some(Assignment::Sliding(*sliding)),
            WindowFn::Sessions(sessions) => Some(Assignment::Sessions(*sessions)),
            WindowFn::Calendar(calendar) => Some(Assignment::Calendar(*calendar)),
            WindowFn::Global | WindowFn::Custom(_) => None,
        }
    }

    /// Adds the windows of an element with timestamp `t`.
    pub fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
        match self {
            WindowFn::Global => windows.push(Window::GLOBAL),
            WindowFn::Custom(custom) => custom.assign_once(t, windows),
            other => other.assignment().into_iter().for_each(|a| a.assign_all(t, windows)),
        }
    }

    /// The windows of an element with timestamp `t`.
    pub fn windows(&self, t: Timestamp) -> Vec<Window> {
        let mut windows = Vec::new();
        self.assign(t, &mut windows);
        windows
    }

    /// Whether windows of a key may become one.
    pub fn is_merging(&self) -> bool {
        match self {
            WindowFn::Sessions(_) => true,
            WindowFn::Custom(custom) => custom.is_merging(),
            _ => false,
        }
    }

    /// Whether two windows of a key are to become one, and which.
    pub fn join(&self, a: Window, b: Window) -> Option<Window> {
        match self {
            WindowFn::Sessions(sessions) => sessions.join(a, b),
            WindowFn::Custom(custom) => custom.join(a, b),
            _ => None,
        }
    }

    /// Says why this window function cannot be used, if so.
    ///
    /// # Errors
    /// What is wrong with its parameters.
    pub fn check(&self) -> Result<(), String> {
        match self {
            WindowFn::Fixed(fixed) => fixed.check(),
            WindowFn::Sliding(sliding) => sliding.check(),
            WindowFn::Sessions(sessions) => sessions.check(),
            WindowFn::Calendar(calendar) => calendar.check(),
            WindowFn::Global | WindowFn::Custom(_) => Ok(()),
        }
    }
}

impl fmt::Display for WindowFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WindowFn::Global => f.write_str("global window"),
            WindowFn::Fixed(w) => w.fmt(f),
            WindowFn::Sliding(w) => w.fmt(f),
            WindowFn::Sessions(w) => w.fmt(f),
            WindowFn::Calendar(w) => w.fmt(f),
            WindowFn::Custom(w) => w.fmt(f),
        }
    }
}

/// One window for all time: the windowing that every pipeline starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GlobalWindows;

impl From<GlobalWindows> for WindowFn {
    fn from(_: GlobalWindows) -> Self {
        WindowFn::Global
    }
}
