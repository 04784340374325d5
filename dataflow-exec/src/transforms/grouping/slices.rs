//! State for the default trigger without lateness where windows overlap: one table a slice of time.
//!
//! A slice is a stretch whose elements are in the same windows. Elements are added to the table of theirs, whatever the
//! number of those. When a window closes, the slices that have come into it since the one before, and those that have left
//! it, change what all its slices come to ([`Slide`]).

use super::plain::{self, RowsOf};
use super::run::run_end;
use super::tables::{PlainRows, SMALL, Tables};
use super::{Accumulate, Groups, Run};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter, Windows};
use dataflow_core::{Error, Result};
use dataflow_windows::{Assignment, PaneInfo, SlidingWindows, Timestamp, Window};
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// From so many slices a window on, what a key has in them is not merged anew for each window.
const MANY: i64 = 8;

/// Tables of slices, by the first window that is to see them and their numbers. What comes for a slice when some of its
/// windows are over is seen by the others only, and has a table of its own.
pub(super) type Slices<A> = Tables<(i64, i64), A>;

/// What all slices of a window come to, kept from window to window.
pub(in crate::transforms) trait Slide<A: Accumulate>: Send + 'static {
    /// Of no slices. `merges_all` if windows have but few, or there is nothing to be gained by merging in advance.
    fn new(merges_all: bool, hasher: RandomState) -> Self;

    /// The slices before `first` leave.
    fn leave(&mut self, by: &A, first: i64, tables: &mut Slices<A>);

    /// A slice comes in, or more of one that is in.
    fn enter(&mut self, by: &A, slice: i64, table: usize, tables: &mut Slices<A>);

    /// All slices leave.
    fn clear(&mut self, tables: &mut Slices<A>);

    /// How many rows there are at most.
    fn rows(&self) -> usize;

    /// Calls `each` with all rows.
    fn give_all(&mut self, by: &A, each: impl FnMut(A::Key, A::Acc));

    /// Calls `each` with the rows in `most` places, from place `from` on. Returns the place that is next.
    fn give(&mut self, by: &A, from: usize, most: usize, each: impl FnMut(A::Key, A::Acc)) -> Option<usize>;

    /// Calls `each` for what keys have in slices, which may be some that have left, too.
    fn for_each_part(&self, tables: &Slices<A>, each: impl FnMut(i64, &A::Key, &A::Acc) -> Result<()>) -> Result<()>;
}

/// State of keys by slice.
pub(in crate::transforms) struct SlicedGroups<A: Accumulate, S> {
    sliding: SlidingWindows,
    /// What no window has seen yet.
    fresh: Slices<A>,
    seen: S,
    /// The last slice of those that the window before has seen.
    newest: Option<i64>,
    /// The first window that has not been given out, and the first that is not over.
    next: i64,
    first_open: i64,
    /// Elements may also come with a window each, such as results of other groupings.
    whole: Tables<Window, A>,
    closing: Option<Closing<A>>,
    results: Batch<A::Out>,
    watermark: Timestamp,
    /// The windows that are over of a slice.
    late: Vec<Window>,
    late_slice: Option<i64>,
}

/// The window that is being given out.
enum Closing<A: Accumulate> {
    /// From some place of the slices' rows on. What came for the window as a whole is in the table.
    Slices {
        number: i64,
        window: Window,
        at: Option<usize>,
        whole: Option<usize>,
    },
    Whole(Window, RowsOf<A>),
}

/// Where a row of state is at home.
#[derive(Clone, Serialize, Deserialize)]
enum Place {
    Window(Window),
    Slice { first_window: i64, slice: i64 },
}

impl<A: Accumulate, S: Slide<A>> SlicedGroups<A, S> {
    pub(in crate::transforms) fn new(sliding: SlidingWindows) -> Self {
        let hasher = RandomState::default();
        let slices = sliding.size().as_micros() / sliding.period().as_micros().max(1);
        SlicedGroups {
            sliding,
            fresh: Tables::new(hasher.clone()),
            seen: S::new(A::GROWS || slices < MANY, hasher.clone()),
            newest: None,
            next: i64::MIN,
            first_open: i64::MIN,
            whole: Tables::new(hasher),
            closing: None,
            results: Batch::default(),
            watermark: Timestamp::MIN,
            late: Vec::new(),
            late_slice: None,
        }
    }

    /// Notes which windows of a slice are over.
    #[cold]
    fn note_late(&mut self, slice: i64) {
        if self.late_slice != Some(slice) {
            let over = self.sliding.windows_of_slice(slice).take_while(|number| *number < self.first_open);
            self.late.clear();
            self.late.extend(over.map(|number| self.sliding.numbered(number)));
            self.late_slice = Some(slice);
        }
    }

    /// The first window that has slices and has not been given out.
    fn next_window(&self) -> Option<i64> {
        let seen = self.newest.filter(|newest| *newest >= self.sliding.first_slice(self.next)).map(|_| self.next);
        let fresh = self.fresh.first().map(|(first_window, _)| first_window);
        seen.into_iter().chain(fresh).min()
    }

    /// Begins to give out the next window that is over. Returns it if there is no room, and `None` as there is none.
    fn begin(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<Option<Window>> {
        let sliced = self.next_window().map(|number| (self.sliding.numbered(number), number));
        let first = sliced.map(|(window, _)| window).into_iter().chain(self.whole.first()).min();
        let Some(window) = first.filter(|window| window.is_over(self.watermark)) else { return Ok(None) };
        if out.is_full() {
            return Ok(Some(window));
        }
        let Some((_, number)) = sliced.filter(|(w, _)| *w == window) else {
            let many = plain::close(by, &mut self.whole, window, out)?;
            self.closing = many.map(|(window, rows)| Closing::Whole(window, rows));
            return Ok(Some(window));
        };
        // First those that leave: what is left is a part of the window's, and no sum of more.
        self.seen.leave(by, self.sliding.first_slice(number), &mut self.fresh);
        while let Some(((_, slice), table)) = self.fresh.take_first(|(first_window, _)| first_window <= number) {
            self.seen.enter(by, slice, table, &mut self.fresh);
            self.newest = self.newest.max(Some(slice));
        }
        self.closing = Some(Closing::Slices { number, window, at: Some(0), whole: self.whole.take(window) });
        Ok(Some(window))
    }

    /// Goes on to give out a window. Returns whether it is done.
    fn go_on(&mut self, by: &A, closing: &mut Closing<A>, out: &mut Emitter<'_, A::Out>) -> Result<bool> {
        let most = Batch::<A::Out>::target_len();
        match closing {
            Closing::Whole(window, rows) => {
                while rows.len() > 0 {
                    if out.is_full() {
                        return Ok(false);
                    }
                    plain::give_out(by, *window, rows.take(most), out)?;
                }
            }
            Closing::Slices { number, window, at, whole } => {
                while let Some(from) = *at {
                    if out.is_full() {
                        return Ok(false);
                    }
                    let mut rows = whole.map(|table| self.whole.taken(table));
                    let mut results = Results { by, window: *window, batch: &mut self.results, out, sent: Ok(()) };
                    let take = |key: A::Key, mut acc: A::Acc| {
                        if let Some(more) = rows.as_mut().and_then(|rows| rows.remove(&key)) {
                            by.merge(&mut acc, more);
                        }
                        results.push(key, acc);
                    };
                    // Not if some have been given: those that leave on the way may make them few.
                    if from == 0 && self.seen.rows() <= SMALL {
                        self.seen.give_all(by, take);
                        *at = None;
                    } else {
                        *at = self.seen.give(by, from, most, take);
                    }
                    results.send();
                    results.sent?;
                }
                if let Some(table) = whole.take() {
                    plain::give_out(by, *window, self.whole.taken(table).rows.drain(), out)?;
                    self.whole.give_up(table);
                }
                self.next = *number + 1;
                if self.newest.is_none_or(|newest| newest < self.sliding.first_slice(self.next)) {
                    self.seen.clear(&mut self.fresh);
                    self.newest = None;
                }
            }
        }
        Ok(true)
    }
}

/// Sends results of a window.
struct Results<'a, 'b, A: Accumulate> {
    by: &'a A,
    window: Window,
    batch: &'a mut Batch<A::Out>,
    out: &'a mut Emitter<'b, A::Out>,
    sent: Result<()>,
}

impl<A: Accumulate> Results<'_, '_, A> {
    #[inline]
    fn push(&mut self, key: A::Key, acc: A::Acc) {
        if let Some(result) = self.by.finish(key, acc) {
            self.batch.values.push(result);
            if self.batch.len() == Batch::<A::Out>::target_len() {
                self.send();
            }
        }
    }

    fn send(&mut self) {
        self.batch.set_uniform(self.window.max_timestamp(), self.window, PaneInfo::ON_TIME_AND_ONLY);
        if self.sent.is_ok() {
            self.sent = self.out.forward(self.batch);
        }
    }
}

impl<A: Accumulate> Closing<A> {
    fn window(&self) -> Window {
        match self {
            Closing::Slices { window, .. } | Closing::Whole(window, _) => *window,
        }
    }
}

impl<A: Accumulate, S: Slide<A>> Groups<A> for SlicedGroups<A, S> {
    type Rows = PlainRows<A>;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(Run<'_, PlainRows<A>>) -> Result<()>,
    ) -> Result<()> {
        match batch.windows {
            Windows::Implied(Assignment::Sliding(sliding)) if sliding == self.sliding => {}
            Windows::Implied(Assignment::Sliding(_)) => {
                return Err(Error::internal("elements came to a grouping by the sliding windows of another one"));
            }
            _ => return plain::for_each_run(&mut self.whole, self.watermark, batch, len, each),
        }
        let mut start = 0;
        while start < len {
            let end = run_end(batch, len, start);
            let slice = self.sliding.slice_number(batch.times.get(start));
            let windows = self.sliding.windows_of_slice(slice);
            let is_late = *windows.start() < self.first_open && !windows.is_empty();
            if is_late {
                self.note_late(slice);
            }
            let first_window = self.first_open.max(*windows.start());
            let rows = (first_window <= *windows.end()).then(|| self.fresh.table((first_window, slice)));
            let late = if is_late { &self.late[..] } else { &[] };
            each(Run { elements: start..end, rows, late })?;
            start = end;
        }
        Ok(())
    }

    fn finish_bundle(&mut self, _: &A, _: &mut Emitter<'_, A::Out>) -> Result<()> {
        Ok(())
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        let first_open = self.sliding.first_open(self.watermark);
        if first_open != self.first_open {
            (self.first_open, self.late_slice) = (first_open, None);
        }
        loop {
            if let Some(mut closing) = self.closing.take()
                && !self.go_on(by, &mut closing, out)?
            {
                let window = closing.window();
                self.closing = Some(closing);
                return Ok(Advance::more(window.max_timestamp()));
            }
            match self.begin(by, out)? {
                None => return Ok(Advance::to(watermark)),
                Some(window) if out.is_full() && self.closing.is_none() => {
                    return Ok(Advance::more(window.max_timestamp()));
                }
                Some(_) => {}
            }
        }
    }

    fn processing_time(&mut self, _: &A, _: Timestamp, _: &mut Emitter<'_, A::Out>) -> Result<bool> {
        Ok(false)
    }

    fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        if self.closing.is_some() {
            return Err(Error::internal("a snapshot was asked for while a window is being given out"));
        }
        for (window, table) in self.whole.iter() {
            table.rows.iter().try_for_each(|(key, acc)| to.keyed(key, &(Place::Window(window), key, acc)))?;
        }
        for ((first_window, slice), table) in self.fresh.iter() {
            let place = Place::Slice { first_window, slice };
            table.rows.iter().try_for_each(|(key, acc)| to.keyed(key, &(&place, key, acc)))?;
        }
        let left = self.sliding.first_slice(self.next);
        self.seen.for_each_part(&self.fresh, |slice, key, acc| {
            let place = Place::Slice { first_window: self.next, slice };
            if slice < left { Ok(()) } else { to.keyed(key, &(place, key, acc)) }
        })
    }

    fn restore(&mut self, by: &A, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(place, key, acc): (Place, A::Key, A::Acc)| {
            let rows = match place {
                Place::Window(window) => self.whole.table(window),
                Place::Slice { first_window, slice } => self.fresh.table((first_window, slice)),
            };
            by.merge(rows.0.row(Cow::Owned(key), || by.create()), acc);
            Ok(())
        })
    }
}
