//! A cell that is cleared when it has not been written to for long.

use super::{Call, StateCell};
use crate::{Result, coder};
use dataflow_windows::{Duration, Timestamp};
use std::ops::{Deref, DerefMut};

/// A cell with a time to live, which `#[state(ttl = "7d")]` on the field gives it: it is cleared when the watermark has
/// passed its last write by that much.
///
/// Time is event time: a write happens at the timestamp of the element at hand, or at the time of the timer that fires.
/// Any access through `&mut` is a write, and reads are none.
///
/// ```
/// use dataflow_core::state::{Expiring, StateRow, Value};
/// # use dataflow_derive::StateRow;
///
/// #[derive(Default, StateRow)]
/// struct Visitor {
///     #[state(ttl = "30m")]
///     page: Expiring<Value<String>>,
/// }
///
/// let mut visitor = Visitor::default();
/// visitor.page.set("home".to_owned());
/// assert_eq!(visitor.page.get().map(String::as_str), Some("home"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expiring<C> {
    cell: C,
    /// It has been written to in the call at hand.
    written: bool,
    /// It is to be cleared when the watermark is after this.
    until: Option<Timestamp>,
}

impl<C> Deref for Expiring<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        &self.cell
    }
}

impl<C> DerefMut for Expiring<C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut C {
        self.written = true;
        &mut self.cell
    }
}

impl<C: StateCell> Expiring<C> {
    pub(super) fn is_vacant(&self) -> bool {
        self.cell.is_vacant()
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        coder::encode(&self.until, to)?;
        self.cell.encode(to)
    }

    pub(super) fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        self.until = coder::decode(from)?;
        self.cell.decode(from)
    }

    /// Notes the time of what was written in `call`. Returns whether there was anything.
    #[inline]
    pub(super) fn settle(&mut self, ttl: Duration, call: &Call) -> bool {
        if !std::mem::take(&mut self.written) {
            return false;
        }
        // A write out of order must not shorten the life of a later one.
        let until = self.until.unwrap_or(Timestamp::MIN).max(call.event_time + ttl);
        self.until = (!self.cell.is_vacant()).then_some(until);
        true
    }

    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Clears it, if its time is up at `time`.
    pub(super) fn expire(&mut self, time: Timestamp) {
        if self.until.is_some_and(|until| until <= time) {
            *self = Self::default();
        }
    }
}
