//! The cells of a key, as the engine sees them.

use super::timer::Setting;
use super::{Call, Clock, Expiring, StateCell, TimerCell};
use crate::{Error, Result};
use dataflow_windows::{Duration, Timestamp};
use std::fmt::Debug;

/// The state of a key: a struct whose fields are cells. Derived, never written by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of a key",
    label = "not a `StateRow`",
    note = "add `#[derive(Default, StateRow)]` to a struct whose fields are cells, such as `Value<T>` and `EventTimer`"
)]
pub trait StateRow: Default + Send + 'static {
    /// Which timer has fired: a variant for each field that is a timer; a family's has the id.
    type Timer: Debug + Send + 'static;

    /// Whether there is a timer or a time to live.
    const TIMED: bool;

    /// How many fields are timers.
    const TIMERS: usize;

    /// Shows the cells to `visitor`, in the order of the fields.
    ///
    /// # Errors
    /// The visitor's.
    fn visit<V: CellVisitor>(&mut self, visitor: &mut V) -> Result<()>;

    /// Unsets the earliest timer of the field that is the `number`th timer, and says which it is.
    fn take_timer(&mut self, number: usize) -> Option<(Self::Timer, Setting)>;
}

/// State of a key that keeps nothing.
impl StateRow for () {
    type Timer = std::convert::Infallible;
    const TIMED: bool = false;
    const TIMERS: usize = 0;

    fn visit<V: CellVisitor>(&mut self, _: &mut V) -> Result<()> {
        Ok(())
    }

    fn take_timer(&mut self, _: usize) -> Option<(Self::Timer, Setting)> {
        None
    }
}

/// What is done with each cell of a [`StateRow`].
pub trait CellVisitor {
    /// A cell with data.
    ///
    /// # Errors
    /// The visitor's.
    fn cell<C: StateCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()>;

    /// A cell with timers.
    ///
    /// # Errors
    /// The visitor's.
    fn timer<C: TimerCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()>;

    /// A cell with a time to live.
    ///
    /// # Errors
    /// The visitor's.
    fn expiring<C: StateCell>(&mut self, name: &'static str, ttl: Duration, cell: &mut Expiring<C>) -> Result<()>;
}

/// Whether no cell has anything in it.
#[inline]
pub fn is_vacant<S: StateRow>(row: &mut S) -> bool {
    let mut vacant = Vacant(true);
    row.visit(&mut vacant).is_ok() && vacant.0
}

struct Vacant(bool);

impl CellVisitor for Vacant {
    #[inline]
    fn cell<C: StateCell>(&mut self, _: &'static str, cell: &mut C) -> Result<()> {
        self.0 &= cell.is_vacant();
        Ok(())
    }

    #[inline]
    fn timer<C: TimerCell>(&mut self, _: &'static str, cell: &mut C) -> Result<()> {
        self.0 &= cell.is_vacant();
        Ok(())
    }

    #[inline]
    fn expiring<C: StateCell>(&mut self, _: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        self.0 &= cell.is_vacant();
        Ok(())
    }
}

/// Appends the cells with their names, so that a later version of the struct finds those that it still has.
///
/// # Errors
/// If a value cannot be encoded.
pub fn encode<S: StateRow>(row: &mut S, to: &mut Vec<u8>) -> Result<()> {
    row.visit(&mut Encode(to))
}

struct Encode<'a>(&'a mut Vec<u8>);

impl Encode<'_> {
    /// The length of the name, the name, the length of the cell, the cell.
    fn named(&mut self, name: &str, vacant: bool, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        if vacant {
            return Ok(());
        }
        let to = &mut *self.0;
        to.extend_from_slice(&(name.len() as u16).to_le_bytes()); // a field's name is never that long
        to.extend_from_slice(name.as_bytes());
        let start = to.len() + 4;
        to.extend_from_slice(&[0; 4]);
        write(to)?;
        let len = u32::try_from(to.len() - start)
            .map_err(|_| Error::data(format!("cell `{name}` of a key is larger than 4 GiB: keep less in it")))?;
        to[start - 4..start].copy_from_slice(&len.to_le_bytes());
        Ok(())
    }
}

impl CellVisitor for Encode<'_> {
    fn cell<C: StateCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.named(name, cell.is_vacant(), |to| cell.encode(to))
    }

    fn timer<C: TimerCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.named(name, cell.is_vacant(), |to| cell.encode(to))
    }

    fn expiring<C: StateCell>(&mut self, name: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        self.named(name, cell.is_vacant(), |to| cell.encode(to))
    }
}

/// Takes up what was [encoded](encode), by name: cells that are not known are skipped, those that are missing stay as they
/// are.
///
/// # Errors
/// If a cell was of another type, or the bytes are damaged.
pub fn decode<S: StateRow>(row: &mut S, mut from: &[u8]) -> Result<()> {
    while !from.is_empty() {
        let (name, bytes) =
            split(&mut from).ok_or_else(|| Error::data("the state of a key is cut short: the snapshot is damaged"))?;
        row.visit(&mut Decode { name, bytes })?;
    }
    Ok(())
}

/// Takes a name and the bytes of its cell off the front.
fn split<'a>(from: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (len, rest) = from.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *from = rest;
    Some((name, bytes))
}

struct Decode<'a> {
    name: &'a [u8],
    bytes: &'a [u8],
}

impl Decode<'_> {
    fn named(&self, name: &str, read: impl FnOnce(&mut &[u8]) -> Result<()>) -> Result<()> {
        if name.as_bytes() != self.name {
            return Ok(());
        }
        let mut rest = self.bytes;
        let wrong = format!(
            "cell `{name}` has another type than when the snapshot was written: give the new cell another name, or \
             keep its type"
        );
        match read(&mut rest) {
            Ok(()) if rest.is_empty() => Ok(()),
            Ok(()) => Err(Error::data(wrong)),
            Err(e) => Err(Error::data(wrong).caused_by(e)),
        }
    }
}

impl CellVisitor for Decode<'_> {
    fn cell<C: StateCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.named(name, |from| cell.decode(from))
    }

    fn timer<C: TimerCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.named(name, |from| cell.decode(from))
    }

    fn expiring<C: StateCell>(&mut self, name: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        self.named(name, |from| cell.decode(from))
    }
}

/// Checks and notes the timers that were set in `call`, and the cells with a time to live that were written to. Returns
/// whether there were any.
///
/// # Errors
/// If a timer is set beyond what the window allows.
#[inline]
pub fn settle<S: StateRow>(row: &mut S, call: &Call) -> Result<bool> {
    let mut settle = Settle { call, any: false };
    row.visit(&mut settle)?;
    Ok(settle.any)
}

struct Settle<'a> {
    call: &'a Call,
    any: bool,
}

impl CellVisitor for Settle<'_> {
    #[inline]
    fn cell<C: StateCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn timer<C: TimerCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.any |= cell.settle(name, self.call)?;
        Ok(())
    }

    #[inline]
    fn expiring<C: StateCell>(&mut self, _: &'static str, ttl: Duration, cell: &mut Expiring<C>) -> Result<()> {
        self.any |= cell.settle(ttl, self.call);
        Ok(())
    }
}

/// The times that matter to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// When the first timer of event time fires, or the first time to live ends.
    pub event: Option<Timestamp>,
    /// When the first timer of processing time fires.
    pub processing: Option<Timestamp>,
    /// Where the watermark is held.
    pub hold: Option<Timestamp>,
}

/// The times that matter to a row.
#[inline]
pub fn times<S: StateRow>(row: &mut S) -> Times {
    let mut times = FindTimes(Times { event: None, processing: None, hold: None });
    _ = row.visit(&mut times); // it has no errors
    times.0
}

struct FindTimes(Times);

/// The smaller one, where there are two.
#[inline]
fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl CellVisitor for FindTimes {
    #[inline]
    fn cell<C: StateCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn timer<C: TimerCell>(&mut self, _: &'static str, cell: &mut C) -> Result<()> {
        let at = cell.earliest().map(|s| s.at);
        match C::CLOCK {
            Clock::Event => self.0.event = earlier(self.0.event, at),
            Clock::Processing => self.0.processing = earlier(self.0.processing, at),
        }
        self.0.hold = earlier(self.0.hold, cell.hold());
        Ok(())
    }

    #[inline]
    fn expiring<C: StateCell>(&mut self, _: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        self.0.event = earlier(self.0.event, cell.until());
        Ok(())
    }
}

/// Unsets the first timer of `clock` that is due, and returns it. Cells whose time to live ends before that are cleared
/// on the way.
pub fn take_due<S: StateRow>(row: &mut S, clock: Clock, now: Timestamp) -> Option<(S::Timer, Setting)> {
    let mut first = FindFirst { clock, number: 0, timer: None, expiry: None };
    _ = row.visit(&mut first); // it has no errors
    let timer = first.timer.filter(|(setting, _)| setting.at < now);
    if let Some(expiry) = first.expiry.filter(|e| *e < now)
        && timer.is_none_or(|(setting, _)| expiry < setting.at)
    {
        let until = timer.map_or(now, |(setting, _)| setting.at) - Duration::micros(1);
        _ = row.visit(&mut Expire(until));
    }
    row.take_timer(timer?.1)
}

struct FindFirst {
    clock: Clock,
    /// Of the next timer.
    number: usize,
    timer: Option<(Setting, usize)>,
    expiry: Option<Timestamp>,
}

impl CellVisitor for FindFirst {
    fn cell<C: StateCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    fn timer<C: TimerCell>(&mut self, _: &'static str, cell: &mut C) -> Result<()> {
        let number = self.number;
        self.number += 1;
        if C::CLOCK == self.clock {
            self.timer = earlier(self.timer, cell.earliest().map(|setting| (setting, number)));
        }
        Ok(())
    }

    fn expiring<C: StateCell>(&mut self, _: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        if self.clock == Clock::Event {
            self.expiry = earlier(self.expiry, cell.until());
        }
        Ok(())
    }
}

/// Clears the cells whose time to live is up at this time.
struct Expire(Timestamp);

impl CellVisitor for Expire {
    fn cell<C: StateCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    fn timer<C: TimerCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    fn expiring<C: StateCell>(&mut self, _: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        cell.expire(self.0);
        Ok(())
    }
}
