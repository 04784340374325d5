//! State of keys by window, until it is given out: what `group_by_key` and `combine_per_key` have in common.
//!
//! There are five ways to keep it, chosen when the graph is built ([`choose`]):
//! `plain` for the default trigger without lateness, whose windows close for all keys at once; `slices` for the same with
//! windows that overlap; `panes` for any other trigger; `sessions` for the default trigger without lateness with sessions;
//! `merging` for all other windows that become one. The rules of triggers, lateness and panes, for one key and window, are
//! in `pane`; `plain`, `slices` and `sessions` are what they come to when each window has one pane.
//!
//! What is public here is for crates that have kinds of batches of their own, such as columns: their operators
//! [`Accumulate`] what they find in a batch into the [`Rows`] of the same [`Groups`] that [`choose`] gives to a grouping
//! of elements one by one, so that triggers, lateness, panes and snapshots are the same. Programs do not need it.

mod bundle;
mod choice;
mod holds;
mod merging;
mod operator;
mod pane;
mod panes;
mod partial;
mod plain;
mod row;
mod run;
mod sessions;
mod slices;
mod stacking;
mod subtracting;
mod table;
mod tables;
mod timers;
mod window_rows;

pub use choice::{WithGroups, choose, path};
pub(super) use operator::{Dropped, Feed, Late, Shown, apply};
pub use partial::{OfNothing, Partial};
pub use run::run_end;
pub(super) use table::Table;

use pane::Rules;

use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Coded, Data, Error, Key, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window};
use std::borrow::Cow;
use std::ops::Range;

/// How the values of a key become a result.
pub trait Accumulate: Send + 'static {
    /// What values are grouped by.
    type Key: Key;
    /// What is known of them so far.
    type Acc: Coded;
    /// The result.
    type Out: Data;

    /// Of no values.
    fn create(&self) -> Self::Acc;
    /// Adds what another one has.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    /// The result, if it is one.
    fn finish(&self, key: Self::Key, acc: Self::Acc) -> Option<Self::Out>;

    /// What is known of several lots of values takes as much room as all of them together.
    const GROWS: bool = false;

    /// Whether `retract` undoes `merge`.
    fn retracts(&self) -> bool {
        false
    }

    /// Takes out what was merged before.
    fn retract(&self, _acc: &mut Self::Acc, _other: Self::Acc) {}
}

/// What has come for a key: one element, or several that were combined before.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// How many elements.
    pub elements: u64,
    /// The earliest timestamp of those that were not late; `MAX` if all were.
    pub earliest: Timestamp,
    /// The latest timestamp of those that were not late; `MIN` if all were.
    pub latest: Timestamp,
}

impl Arrival {
    /// One element, of time `t`.
    #[inline]
    pub fn of(t: Timestamp) -> Self {
        Arrival { elements: 1, earliest: t, latest: t }
    }

    /// Nothing.
    pub const NONE: Arrival = Arrival { elements: 0, earliest: Timestamp::MAX, latest: Timestamp::MIN };

    /// Whether not all were late.
    #[inline]
    pub(super) fn has_times(&self) -> bool {
        self.earliest <= self.latest // not so of `NONE`
    }

    /// Takes in another one.
    #[inline]
    pub fn add(&mut self, other: Arrival) {
        self.elements += other.elements;
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
    }

    /// Elements before `watermark` are late: their times do not count. Of several it may not be known which is the earliest
    /// of the others: it is taken to be as early as it can be.
    #[inline]
    #[must_use]
    pub fn late_before(mut self, watermark: Timestamp) -> Self {
        if self.latest < watermark {
            (self.earliest, self.latest) = (Timestamp::MAX, Timestamp::MIN);
        } else {
            self.earliest = self.earliest.max(watermark);
        }
        self
    }
}

/// Never made: rows that cannot refuse an element give this as their error, which costs nothing.
pub(super) enum Never {}

impl From<Never> for Error {
    fn from(never: Never) -> Self {
        match never {}
    }
}

/// Where the values of a run of elements go.
pub trait Rows<A: Accumulate> {
    /// Why an element cannot be added.
    type Error: Into<Error>;

    /// Adds to the row of `key`, which is created if there is none. `window` is asked for only if rows of several windows
    /// are in the same place.
    ///
    /// # Errors
    /// If the rows refuse the element.
    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        arrival: impl FnOnce() -> Arrival,
        window: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<(), Self::Error>;
}

/// A run of elements of a batch that are in the same windows, as far as the state is concerned.
pub struct Run<'a, R> {
    /// Their numbers. The runs of a batch follow each other without gaps.
    pub elements: Range<usize>,
    /// Where they go; nowhere if they are late for all their windows.
    pub rows: Option<&'a mut R>,
    /// The windows for which they are too late.
    pub late: &'a [Window],
}

/// State of keys by window. The calls are those of an [`Operator`](dataflow_core::plane::Operator).
pub trait Groups<A: Accumulate>: Send + 'static {
    /// Rows of one or several windows.
    type Rows: Rows<A>;

    /// Calls `each` for all runs of the batch, whose `len` values may have been taken out.
    ///
    /// # Errors
    /// As `each`.
    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        each: impl FnMut(Run<'_, Self::Rows>) -> Result<()>,
    ) -> Result<()>;

    /// The bundle ends.
    ///
    /// # Errors
    /// If results cannot be sent.
    fn finish_bundle(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<()>;

    /// The watermark is at `watermark`: an operator's `watermark`.
    ///
    /// # Errors
    /// If results cannot be sent.
    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance>;

    /// Processing time has come to `now`: an operator's `processing_time`.
    ///
    /// # Errors
    /// If results cannot be sent.
    fn processing_time(&mut self, by: &A, now: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<bool>;

    /// Writes all state.
    ///
    /// # Errors
    /// If something cannot be encoded.
    fn snapshot(&self, to: &mut StateWriter) -> Result<()>;

    /// Takes up state.
    ///
    /// # Errors
    /// If it is not of these keys and accumulators.
    fn restore(&mut self, by: &A, from: StateReader<'_>) -> Result<()>;
}

/// So few panes that are alike are sent with others.
const FEW: usize = 64;

/// Sends panes, each with a window and a time of its own.
struct PaneEmitter<'a, 'b, O> {
    out: &'a mut Emitter<'b, O>,
    batch: Batch<O>,
}

impl<'a, 'b, O: Data> PaneEmitter<'a, 'b, O> {
    fn new(out: &'a mut Emitter<'b, O>) -> Self {
        PaneEmitter { out, batch: Batch::default() }
    }

    fn emit(&mut self, value: O, timestamp: Timestamp, window: Window, pane: PaneInfo) -> Result<()> {
        if self.batch.is_empty() {
            self.batch.windows = dataflow_core::plane::Windows::Uniform(window);
            self.batch.panes = dataflow_core::plane::Column::Uniform(pane);
        }
        self.batch.push_in(value, timestamp, window, pane);
        if self.batch.len() >= Batch::<O>::target_len() { self.send() } else { Ok(()) }
    }

    /// Sends panes that are alike but for their values.
    fn emit_alike(
        &mut self,
        mut values: impl Iterator<Item = O>,
        timestamp: Timestamp,
        window: Window,
        pane: PaneInfo,
    ) -> Result<()> {
        if values.size_hint().1.is_some_and(|most| most < FEW) {
            return values.try_for_each(|value| self.emit(value, timestamp, window, pane));
        }
        self.send()?;
        loop {
            let len = self.out.with(|batch| {
                batch.values.extend(values.by_ref().take(Batch::<O>::target_len()));
                batch.set_uniform(timestamp, window, pane);
                batch.len()
            })?;
            if len < Batch::<O>::target_len() {
                return Ok(());
            }
        }
    }

    fn is_full(&self) -> bool {
        self.out.is_full()
    }

    fn send(&mut self) -> Result<()> {
        if self.batch.is_empty() { Ok(()) } else { self.out.forward(&mut self.batch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_elements_that_are_late_do_not_count() {
        let at = Timestamp::from_seconds;
        let mut several = Arrival::of(at(5));
        several.add(Arrival::of(at(15)));
        assert_eq!((several.late_before(at(5)).earliest, several.late_before(at(5)).latest), (at(5), at(15)));
        // The sender of what was combined in advance may not have known yet that the first one is late.
        let rest = several.late_before(at(10));
        assert_eq!((rest.elements, rest.earliest, rest.latest), (2, at(10), at(15)));
        assert!(several.late_before(at(15)).has_times() && !several.late_before(at(16)).has_times());
        assert!(!Arrival::NONE.late_before(at(0)).has_times());
    }
}
