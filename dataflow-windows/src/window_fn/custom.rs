//! Window functions of users.

use super::WindowFn;
use crate::{Timestamp, Window};
use std::fmt;
use std::sync::Arc;

/// A window function of one's own.
///
/// ```
/// use dataflow_windows::{CustomWindowFn, CustomWindows, Duration, Timestamp, Window, WindowFn};
///
/// /// Minutes before noon (UTC), hours after it.
/// struct FinerInTheMorning;
///
/// impl CustomWindowFn for FinerInTheMorning {
///     fn describe(&self) -> String {
///         "minutes before noon, hours after".to_owned()
///     }
///
///     fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
///         let morning = t.as_micros().rem_euclid(86_400_000_000) < 43_200_000_000;
///         let size = if morning { 60_000_000 } else { 3_600_000_000 };
///         let start = Timestamp::from_micros(t.as_micros().div_euclid(size) * size);
///         windows.push(Window::new(start, start + Duration::micros(size)));
///     }
/// }
///
/// let windows = WindowFn::from(CustomWindows::new(FinerInTheMorning));
/// assert!(!windows.is_merging());
/// ```
pub trait CustomWindowFn: Send + Sync + 'static {
    /// What it does, with all its parameters: two functions that describe themselves alike are taken to be the same.
    fn describe(&self) -> String;

    /// Adds the windows of an element with timestamp `t`, in any order. A window that is added twice counts once.
    ///
    /// Each must hold `t`, that is, begin not after it and end after it; one that ends at the end of time holds that, too.
    /// An element for which there is none is in no window, and goes no further.
    fn assign(&self, t: Timestamp, windows: &mut Vec<Window>);

    /// Whether windows of a key are [joined](Self::join).
    fn is_merging(&self) -> bool {
        false
    }

    /// Whether two windows of a key are to become one, and which: it must hold both. Asked again until no two are to be
    /// joined.
    fn join(&self, _a: Window, _b: Window) -> Option<Window> {
        None
    }
}

/// A [`CustomWindowFn`] as part of a pipeline.
#[derive(Clone)]
pub struct CustomWindows {
    function: Arc<dyn CustomWindowFn>,
    description: Arc<str>,
}

impl CustomWindows {
    /// Windows as `function` has them.
    pub fn new(function: impl CustomWindowFn) -> Self {
        let description = function.describe().into();
        CustomWindows { function: Arc::new(function), description }
    }

    /// Adds the windows of an element, each once, in their order.
    pub(super) fn assign_once(&self, t: Timestamp, windows: &mut Vec<Window>) {
        let before = windows.len();
        self.function.assign(t, windows);
        let Some(own) = windows.get_mut(before..).filter(|own| own.len() > 1) else { return };
        own.sort_unstable();
        let (mut at, mut last) = (0, None);
        windows.retain(|w| {
            at += 1;
            at <= before || last.replace(*w) != Some(*w)
        });
    }
}

impl std::ops::Deref for CustomWindows {
    type Target = dyn CustomWindowFn;

    fn deref(&self) -> &Self::Target {
        &*self.function
    }
}

impl PartialEq for CustomWindows {
    fn eq(&self, other: &Self) -> bool {
        self.description == other.description
    }
}

impl Eq for CustomWindows {}

impl fmt::Debug for CustomWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CustomWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl From<CustomWindows> for WindowFn {
    fn from(custom: CustomWindows) -> Self {
        WindowFn::Custom(custom)
    }
}
