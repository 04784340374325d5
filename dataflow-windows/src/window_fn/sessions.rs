//! Windows that grow with activity.

use super::WindowFn;
use crate::{Duration, Timestamp, Window};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sessions: an element opens a window of `gap` from its timestamp, and windows of a key that overlap become one.
///
/// Windows that only touch stay apart. With a [maximum length](Self::max_length) windows are not joined where the joint
/// one would be longer: a new session begins there, which overlaps the one before.
///
/// ```
/// use dataflow_windows::{Duration, Sessions, Timestamp, WindowFn};
/// let sessions = WindowFn::from(Sessions::with_gap(Duration::minutes(10)));
/// assert!(sessions.is_merging());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Sessions {
    gap: Duration,
    max_length: Option<Duration>,
}

impl Sessions {
    /// Sessions that end when nothing has come for `gap`.
    pub const fn with_gap(gap: Duration) -> Self {
        Sessions { gap, max_length: None }
    }

    /// No session becomes longer than `length`.
    ///
    /// Windows are joined as their elements come, and where a session is cut hangs on that order: with a gap of 10 and at
    /// most 20, elements at 0, 8 and 16 are in sessions 0 to 18 and 16 to 26; if they come as 16, 8 and 0, in 8 to 26
    /// and 0 to 10. So a run over the same elements in another order may give other sessions.
    pub const fn max_length(self, length: Duration) -> Self {
        Sessions { max_length: Some(length), ..self }
    }

    /// The gap.
    pub const fn gap(self) -> Duration {
        self.gap
    }

    /// Whether sessions have a maximum length.
    pub const fn has_max_length(self) -> bool {
        self.max_length.is_some()
    }

    /// The window of an element by itself.
    #[inline]
    pub fn assign(self, t: Timestamp) -> Window {
        Window::new(t, t + self.gap)
    }

    /// Whether two windows are of one session, and then the window of both.
    #[inline]
    pub fn join(self, a: Window, b: Window) -> Option<Window> {
        let joint = Window::new(a.start().min(b.start()), a.end().max(b.end()));
        let fits = self.max_length.is_none_or(|max| joint.end() - joint.start() <= max);
        (a.start() < b.end() && b.start() < a.end() && fits).then_some(joint)
    }

    pub(super) fn check(self) -> Result<(), String> {
        if self.gap < Duration::millis(1) {
            return Err(format!("{self} are too short: give a gap of at least 1ms"));
        }
        if self.max_length.is_some_and(|max| max < self.gap) {
            return Err(format!("{self}: the maximum length must be at least the gap"));
        }
        Ok(())
    }
}

impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions with a gap of {}", self.gap)?;
        self.max_length.map_or(Ok(()), |max| write!(f, ", at most {max} long"))
    }
}

impl From<Sessions> for WindowFn {
    fn from(sessions: Sessions) -> Self {
        WindowFn::Sessions(sessions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn w(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    #[test]
    fn overlapping_windows_join_and_touching_ones_do_not() {
        let sessions = Sessions::with_gap(Duration::millis(10));
        assert_eq!(sessions.join(w(0, 10), w(9, 19)), Some(w(0, 19)));
        assert_eq!(sessions.join(w(9, 19), w(0, 10)), Some(w(0, 19)));
        assert_eq!(sessions.join(w(0, 10), w(10, 20)), None);
    }

    #[test]
    fn no_session_is_longer_than_the_maximum() {
        let sessions = Sessions::with_gap(Duration::millis(10)).max_length(Duration::millis(15));
        assert_eq!(sessions.join(w(0, 10), w(5, 15)), Some(w(0, 15)));
        assert_eq!(sessions.join(w(0, 10), w(6, 16)), None);
    }

    #[test]
    fn a_gap_below_a_millisecond_or_above_the_maximum_length_is_refused() {
        let refused = |sessions: Sessions| sessions.check().unwrap_err();
        assert_eq!(
            refused(Sessions::with_gap(Duration::seconds(-1))),
            "sessions with a gap of -1s are too short: give a gap of at least 1ms"
        );
        assert_eq!(
            refused(Sessions::with_gap(Duration::minutes(2)).max_length(Duration::minutes(1))),
            "sessions with a gap of 2m, at most 1m long: the maximum length must be at least the gap"
        );
        let fine = Sessions::with_gap(Duration::minutes(1)).max_length(Duration::minutes(1));
        assert_eq!(fine.check(), Ok(()));
    }
}
