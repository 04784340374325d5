//! State for any trigger, lateness and kind of pane, where windows are not merged.
//!
//! Elements are combined per key, slice of time and bundle first: a slice is a stretch whose elements are in the same
//! windows. At the end of the bundle each of these is merged into the windows' rows, and triggers run once for it. Ends
//! and expiries of windows need no timer per key, since the rows of a window are in one table.

use super::pane::Time;
use super::row::{Place, Row};
use super::run::{run_end, windows_of};
use super::table::Table;
use super::{Accumulate, Arrival, Groups, Never, PaneEmitter, Rows, Rules, Run, holds::Holds, pane::PaneState};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter, Windows};
use dataflow_core::{Error, Result};
use dataflow_windows::{Assignment, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_table::IntoIter;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many rows of a window are given out in one go.
const SMALL: usize = 16_384;

/// So many slices are kept for later bundles.
const SPARE_SLICES: usize = 64;

/// State of keys by window.
pub(in crate::transforms) struct PaneGroups<A: Accumulate> {
    rules: Arc<Rules>,
    time: Time,
    slices: Vec<Slice<A>>,
    /// How many of the slices are in use, and which they are.
    used: usize,
    numbers: HashMap<Stretch, usize, RandomState>,
    /// What several slices have brought for a window, while a bundle ends; empty otherwise.
    union: Table<A::Key, (A::Acc, Arrival)>,
    open: BTreeMap<Window, WindowRows<A>>,
    /// Windows whose end has not been reached, or not been acted on.
    not_ended: BTreeSet<Window>,
    walk: Option<Walk<A>>,
    /// Rows to be looked at when processing time has passed; the row's own note is the truth.
    timers: BTreeMap<Timestamp, Vec<(Window, A::Key)>>,
    holds: Holds,
    /// How many rows the window had that expired last: the next ones may be like it.
    usual_rows: usize,
    hasher: RandomState,
}

type WindowRows<A> = Table<<A as Accumulate>::Key, Row<<A as Accumulate>::Acc>>;

/// A stretch of time whose elements are in the same windows, and whether these are several by implication: where time
/// begins or ends, a stretch may be cut such that it is also the one window of other elements.
type Stretch = (Window, bool);

/// What a bundle has brought for a stretch of time whose elements are in the same windows.
struct Slice<A: Accumulate> {
    stretch: Stretch,
    live: Vec<Window>,
    late: Vec<Window>,
    rows: BundleRows<A>,
}

impl<A: Accumulate> Slice<A> {
    /// Adds its rows to those of other slices that are in `window`, too. The last of its windows gets the rows themselves.
    fn give(&mut self, window: Window, by: &A, to: &mut Table<A::Key, (A::Acc, Arrival)>) {
        let add = |to: &mut Table<A::Key, (A::Acc, Arrival)>, key: Cow<'_, A::Key>, acc: A::Acc, arrival: Arrival| {
            let (sum, arrived) = to.row(key, || (by.create(), Arrival::NONE));
            by.merge(sum, acc);
            arrived.add(arrival);
        };
        if self.live.last() == Some(&window) {
            self.rows.table.rows.drain().for_each(|(key, (acc, arrival))| add(to, Cow::Owned(key), acc, arrival));
        } else {
            let rows = self.rows.table.rows.iter();
            rows.for_each(|(key, (acc, arrival))| add(to, Cow::Borrowed(key), acc.clone(), *arrival));
        }
    }
}

/// What a bundle has brought, by key.
pub(in crate::transforms) struct BundleRows<A: Accumulate> {
    table: Table<A::Key, (A::Acc, Arrival)>,
    watermark: Timestamp,
}

impl<A: Accumulate> Rows<A> for BundleRows<A> {
    type Error = Never;

    #[inline]
    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        arrival: impl FnOnce() -> Arrival,
        _: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<(), Never> {
        let (acc, arrived) = self.table.row(key, || (by.create(), Arrival::NONE));
        add(acc);
        arrived.add(arrival().late_before(self.watermark));
        Ok(())
    }
}

/// The rows of a window that are being given out.
struct Walk<A: Accumulate> {
    window: Window,
    rows: IntoIter<(A::Key, Row<A::Acc>)>,
    /// They are given up then.
    expired: bool,
}

impl<A: Accumulate> PaneGroups<A> {
    pub(in crate::transforms) fn new(rules: Arc<Rules>) -> Self {
        let hasher = RandomState::default();
        PaneGroups {
            rules,
            time: Time { watermark: Timestamp::MIN, now: Timestamp::MIN },
            slices: Vec::new(),
            used: 0,
            numbers: HashMap::default(),
            union: Table::new(hasher.clone()),
            open: BTreeMap::new(),
            not_ended: BTreeSet::new(),
            walk: None,
            timers: BTreeMap::new(),
            holds: Holds::default(),
            usual_rows: 0,
            hasher,
        }
    }

    /// The slice that element `i` is in, which is begun if there is none.
    fn slice<T>(&mut self, batch: &Batch<T>, i: usize) -> &mut Slice<A> {
        let stretch = match &batch.windows {
            Windows::Implied(Assignment::Sliding(sliding)) => (sliding.slice(batch.times.get(i)), true),
            _ => (batch.window(i), false),
        };
        // The one begun last is the most likely.
        let last = self.used.checked_sub(1).filter(|last| self.slices[*last].stretch == stretch);
        let number = last.or_else(|| self.numbers.get(&stretch).copied());
        let number = number.unwrap_or_else(|| self.begin_slice(stretch, batch, i));
        &mut self.slices[number]
    }

    #[cold]
    fn begin_slice<T>(&mut self, stretch: Stretch, batch: &Batch<T>, i: usize) -> usize {
        self.numbers.insert(stretch, self.used);
        if self.used == self.slices.len() {
            let table = Table::new(self.hasher.clone());
            let rows = BundleRows { table, watermark: Timestamp::MIN };
            self.slices.push(Slice { stretch, live: Vec::new(), late: Vec::new(), rows });
        }
        let slice = &mut self.slices[self.used];
        slice.stretch = stretch;
        slice.rows.watermark = self.time.watermark;
        slice.live.clear();
        slice.late.clear();
        windows_of(batch, i, &mut slice.live);
        let (rules, watermark, late) = (&self.rules, self.time.watermark, &mut slice.late);
        slice.live.retain(|w| {
            let is_late = rules.is_expired(*w, watermark);
            late.extend(is_late.then_some(*w));
            !is_late
        });
        self.used += 1;
        self.used - 1
    }

    /// Gives out the panes of the rows of a window whose end is reached, or which expires, as far as there is room.
    /// Returns whether it is done.
    fn go_on(&mut self, by: &A, mut walk: Walk<A>, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<bool> {
        let window = walk.window;
        while walk.rows.len() > 0 {
            if out.is_full() {
                self.walk = Some(walk);
                return Ok(false);
            }
            let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
            for (key, mut row) in walk.rows.by_ref().take(Batch::<A::Out>::target_len()) {
                row.end_quiet(&self.rules, window, self.time);
                if walk.expired {
                    let fired = self.rules.on_expiry(&mut row.state, window, self.time);
                    row.give_out(&mut to, &key, Some(fired))?;
                    row.release(&mut self.holds);
                    continue;
                }
                let fired = self.rules.on_end_of_window(&mut row.state, window, self.time);
                row.give_out(&mut to, &key, fired)?;
                let table = self.open.entry(window).or_insert_with(|| Table::new(self.hasher.clone()));
                let row = table.row(Cow::Owned(key), || row);
                row.set_hold(&self.rules, window, self.time, &mut self.holds);
            }
        }
        Ok(true)
    }

    /// The first window that is due to be looked at.
    fn first_due(&self) -> Option<Window> {
        let watermark = self.time.watermark;
        let expired = self.open.first_key_value().map(|(w, _)| *w).filter(|w| self.rules.is_expired(*w, watermark));
        expired.or_else(|| self.not_ended.first().copied().filter(|w| w.is_over(watermark)))
    }

    /// Looks at small windows that are due, as long as there is room, and returns the first one that is not small.
    fn next_walk(&mut self, by: &A, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<Option<Walk<A>>> {
        if let Some(first) = self.open.first_entry()
            && self.rules.is_expired(*first.key(), self.time.watermark)
        {
            let (window, table) = first.remove_entry();
            self.not_ended.remove(&window);
            self.usual_rows = table.rows.len();
            return Ok(Some(Walk { window, rows: table.rows.into_iter(), expired: true }));
        }
        while let Some(window) = self.not_ended.first().copied().filter(|w| w.is_over(self.time.watermark))
            && !out.is_full()
        {
            self.not_ended.remove(&window);
            let Some(table) = self.open.get_mut(&window) else { continue };
            if table.rows.len() > SMALL {
                return Ok(Some(Walk { window, rows: std::mem::take(&mut table.rows).into_iter(), expired: false }));
            }
            let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
            for (key, row) in table.rows.iter_mut() {
                row.end_quiet(&self.rules, window, self.time);
                let fired = self.rules.on_end_of_window(&mut row.state, window, self.time);
                row.give_out(&mut to, key, fired)?;
                row.set_hold(&self.rules, window, self.time, &mut self.holds);
            }
        }
        Ok(None)
    }

    /// Merges what a bundle has brought for `window` into its rows.
    fn merge_into<'k>(
        &mut self,
        by: &A,
        window: Window,
        brought: impl Iterator<Item = (Cow<'k, A::Key>, A::Acc, Arrival)>,
        out: &mut PaneEmitter<'_, '_, A::Out>,
    ) -> Result<()> {
        let (hasher, usual) = (&self.hasher, self.usual_rows.min(16 * brought.size_hint().0));
        let table = self.open.entry(window).or_insert_with(|| {
            if !window.is_over(self.time.watermark) {
                self.not_ended.insert(window);
                return Table::with_capacity(usual, hasher.clone());
            }
            Table::new(hasher.clone()) // a late one has but few
        });
        let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
        let is_over = window.is_over(self.time.watermark);
        for (key, acc, arrival) in brought {
            // A row that is made needs a key of its own.
            let row = table.row(Cow::Borrowed(&*key), || Row::new(None, self.rules.start()));
            let acc = match is_over {
                true => acc,
                false => match row.take_quietly(by, acc, arrival, self.time.now) {
                    Some(acc) => acc,
                    None => continue,
                },
            };
            row.end_quiet(&self.rules, window, self.time);
            row.take_bundle(&mut to, &key, Some(acc), arrival)?;
            row.set_hold(&self.rules, window, self.time, &mut self.holds);
            if let Some(t) = row.new_hint() {
                self.timers.entry(t).or_default().push((window, key.into_owned()));
            }
            if !is_over {
                row.note_quiet(&self.rules);
            }
        }
        Ok(())
    }
}

impl<A: Accumulate> Groups<A> for PaneGroups<A> {
    type Rows = BundleRows<A>;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(Run<'_, BundleRows<A>>) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        while start < len {
            let end = run_end(batch, len, start);
            let slice = self.slice(batch, start);
            let rows = (!slice.live.is_empty()).then_some(&mut slice.rows);
            each(Run { elements: start..end, rows, late: &slice.late })?;
            start = end;
        }
        Ok(())
    }

    fn finish_bundle(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<()> {
        let mut out = PaneEmitter::new(out);
        let used = std::mem::take(&mut self.used);
        self.numbers.clear();
        let mut slices = std::mem::take(&mut self.slices);
        let sizes: Vec<usize> = slices[..used].iter().map(|slice| slice.rows.table.rows.len()).collect();
        let in_windows =
            slices[..used].iter().enumerate().flat_map(|(n, slice)| slice.live.iter().map(move |w| (*w, n)));
        let mut in_windows: Vec<(Window, usize)> = in_windows.collect();
        in_windows.sort_unstable();
        for same in in_windows.chunk_by(|a, b| a.0 == b.0) {
            let window = same[0].0;
            if let [(_, only)] = same {
                // The last of its windows gets the rows themselves.
                let Slice { live, rows, .. } = &mut slices[*only];
                let table = &mut rows.table.rows;
                if live.last() == Some(&window) {
                    let rows = table.drain().map(|(key, (acc, arrival))| (Cow::Owned(key), acc, arrival));
                    self.merge_into(by, window, rows, &mut out)?;
                } else {
                    let rows = table.iter().map(|(key, (acc, arrival))| (Cow::Borrowed(key), acc.clone(), *arrival));
                    self.merge_into(by, window, rows, &mut out)?;
                }
                continue;
            }
            // A trigger runs once for all that the bundle has brought for a key and window.
            let mut union = std::mem::replace(&mut self.union, Table::new(self.hasher.clone()));
            same.iter().for_each(|(_, slice)| slices[*slice].give(window, by, &mut union));
            let size = union.rows.len();
            let rows = union.rows.drain();
            self.merge_into(by, window, rows.map(|(k, (acc, a))| (Cow::Owned(k), acc, a)), &mut out)?;
            self.union = union;
            self.union.give_up_room(size);
        }
        for (slice, size) in slices.iter_mut().zip(sizes) {
            slice.rows.table.rows.clear();
            slice.rows.table.give_up_room(size);
        }
        slices.truncate(SPARE_SLICES);
        self.slices = slices;
        out.send()
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        self.time.watermark = self.time.watermark.max(watermark);
        let mut out = PaneEmitter::new(out);
        loop {
            let walk = match self.walk.take() {
                Some(walk) => Some(walk),
                None => self.next_walk(by, &mut out)?,
            };
            let Some(walk) = walk else {
                out.send()?;
                if let Some(window) = self.first_due() {
                    return Ok(Advance::more(window.max_timestamp().min(self.holds.min())));
                }
                return Ok(Advance::to(watermark.min(self.holds.min())).pending(!self.timers.is_empty()));
            };
            let window = walk.window;
            if !self.go_on(by, walk, &mut out)? {
                out.send()?;
                return Ok(Advance::more(window.max_timestamp().min(self.holds.min())));
            }
        }
    }

    fn processing_time(&mut self, by: &A, now: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<bool> {
        self.time.now = now;
        if self.walk.is_some() {
            return Ok(false); // the rows may be on their way; the next call finds them
        }
        let mut out = PaneEmitter::new(out);
        let mut looked = false;
        let later = self.timers.split_off(&now); // at that very time they are not due
        for rows in std::mem::replace(&mut self.timers, later).into_values() {
            for (window, key) in rows {
                let Some(row) = self.open.get_mut(&window).and_then(|table| table.get_mut(&key)) else { continue };
                if !row.takes_hint(now) {
                    continue;
                }
                looked = true;
                row.end_quiet(&self.rules, window, self.time);
                let mut to = Place { by, rules: &self.rules, window, time: self.time, out: &mut out };
                let fired = self.rules.fire_if_ready(&mut row.state, window, self.time);
                row.give_out(&mut to, &key, fired)?;
                row.set_hold(&self.rules, window, self.time, &mut self.holds);
                if let Some(t) = row.new_hint() {
                    self.timers.entry(t).or_default().push((window, key));
                }
            }
        }
        out.send()?;
        Ok(looked)
    }

    fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        if self.walk.is_some() || self.used > 0 {
            return Err(Error::internal("a snapshot was asked for within a bundle, or while a window is given out"));
        }
        for (window, table) in &self.open {
            for (key, row) in &table.rows {
                let state = row.full_state(&self.rules, *window, self.time);
                to.keyed(key, &(window, key, &row.acc, state))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, _: &A, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, acc, state): (Window, A::Key, Option<A::Acc>, PaneState)| {
            let table = self.open.entry(window).or_insert_with(|| Table::new(self.hasher.clone()));
            let row = table.row(Cow::Borrowed(&key), || Row::new(acc, state));
            row.set_hold(&self.rules, window, self.time, &mut self.holds);
            if let Some(t) = row.new_hint() {
                self.timers.entry(t).or_default().push((window, key));
            }
            self.not_ended.insert(window); // what has been done at its end is not done again
            Ok(())
        })
    }
}
