//! How a collection is windowed.

use crate::WindowFn;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a collection is cut into windows and when their results are given.
///
/// Results come once, when the watermark passes the end of the window (Beam's default trigger without allowed
/// lateness); elements behind it are dropped and counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct WindowingStrategy {
    /// Assigns windows to elements.
    pub window_fn: WindowFn,
}

impl fmt::Display for WindowingStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window_fn.fmt(f)
    }
}
