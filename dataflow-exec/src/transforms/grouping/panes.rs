//! State for any trigger, lateness and kind of pane, where windows are not merged.
//!
//! Elements are combined per key, slice of time and bundle first: a slice is a stretch whose elements are in the same
//! windows. At the end of the bundle each of these is merged into the windows' rows, and triggers run once for it. Ends
//! and expiries of windows need no timer per key, since the rows of a window are in one table.

use super::bundle::{Brought, Bundle, BundleRows};
use super::pane::{Fired, PaneState, Rules, Time};
use super::row::{Place, Row};
use super::table::Table;
use super::window_rows::{Fresh, WindowRows, give_out_fresh, give_out_last};
use super::{Accumulate, Groups, PaneEmitter, Run, holds::Holds};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Error, Result};
use dataflow_windows::{Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::hash_table::IntoIter;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many rows of a window are given out in one go.
const SMALL: usize = 16_384;

/// State of keys by window.
pub(in crate::transforms) struct PaneGroups<A: Accumulate> {
    rules: Arc<Rules>,
    time: Time,
    bundle: Bundle<A>,
    open: BTreeMap<Window, WindowRows<A>>,
    /// Windows whose end has not been reached, or not been acted on.
    not_ended: BTreeSet<Window>,
    walk: Option<Walk<A>>,
    /// Rows to be looked at when processing time has passed; the row's own note is the truth.
    timers: BTreeMap<Timestamp, Vec<(Window, A::Key)>>,
    holds: Holds,
    /// How many rows the window had that ended last: the next ones may be like it.
    usual_rows: usize,
    /// The memory of one that has expired.
    spare: Option<Table<A::Key, Fresh<A::Acc>>>,
    hasher: RandomState,
}

/// The rows of a window that are being given out.
struct Walk<A: Accumulate> {
    window: Window,
    /// The firing of the fresh ones, if they have one.
    fired: Option<Fired>,
    fresh: IntoIter<(A::Key, Fresh<A::Acc>)>,
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
            bundle: Bundle::new(hasher.clone()),
            open: BTreeMap::new(),
            not_ended: BTreeSet::new(),
            walk: None,
            timers: BTreeMap::new(),
            holds: Holds::default(),
            usual_rows: 0,
            spare: None,
            hasher,
        }
    }

    /// Gives out the panes of the rows of a window whose end is reached, or which expires, as far as there is room.
    /// Returns whether it is done.
    fn go_on(&mut self, by: &A, mut walk: Walk<A>, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<bool> {
        let window = walk.window;
        while walk.fresh.len() > 0 || walk.rows.len() > 0 {
            if out.is_full() {
                self.walk = Some(walk);
                return Ok(false);
            }
            let mut fresh: Vec<_> = walk.fresh.by_ref().take(Batch::<A::Out>::target_len()).collect();
            if walk.expired {
                give_out_last(by, walk.fired, window, fresh.into_iter(), out)?;
                let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
                for (key, mut row) in walk.rows.by_ref().take(Batch::<A::Out>::target_len()) {
                    row.end_quiet(&self.rules, window, self.time);
                    let fired = self.rules.on_expiry(&mut row.state, window, self.time);
                    row.give_out(&mut to, &key, Some(fired))?;
                    row.release(&mut self.holds);
                }
                continue;
            }
            give_out_fresh(by, walk.fired, window, fresh.iter_mut(), out)?;
            let hasher = &self.hasher;
            let open = self.open.entry(window).or_insert_with(|| WindowRows::new(Table::new(hasher.clone())));
            fresh.into_iter().for_each(|(key, fresh)| {
                open.fresh.row(Cow::Owned(key), || fresh);
            });
            let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
            for (key, mut row) in walk.rows.by_ref().take(Batch::<A::Out>::target_len()) {
                row.end(&mut to, &key, &mut self.holds)?;
                open.rows.row(Cow::Owned(key), || row);
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
        while !out.is_full()
            && let Some(first) = self.open.first_entry()
            && self.rules.is_expired(*first.key(), self.time.watermark)
        {
            let (window, mut open) = first.remove_entry();
            let size = open.fresh.rows.len();
            if self.not_ended.remove(&window) {
                self.usual_rows = size + open.rows.rows.len();
            }
            let fired = open.expire_fresh(&self.rules, window, self.time);
            open.release(&mut self.holds); // what is given out comes before the watermark that this call returns
            let mut fresh = IntoIter::default();
            if fired.pane.is_some() {
                match size > SMALL {
                    true => fresh = std::mem::take(&mut open.fresh.rows).into_iter(),
                    false => give_out_last(by, Some(fired), window, open.fresh.rows.drain(), out)?,
                }
            }
            if (1..=SMALL).contains(&size) {
                open.fresh.rows.clear();
                open.fresh.give_up_room(size);
                self.spare = Some(open.fresh);
            }
            let rows = open.rows.rows.into_iter();
            if fresh.len() + rows.len() > 0 {
                return Ok(Some(Walk { window, fired: Some(fired), fresh, rows, expired: true }));
            }
        }
        while !out.is_full()
            && let Some(window) = self.not_ended.first().copied().filter(|w| w.is_over(self.time.watermark))
        {
            self.not_ended.remove(&window);
            let Some(open) = self.open.get_mut(&window) else { continue };
            self.usual_rows = open.fresh.rows.len() + open.rows.rows.len();
            let fired = open.end_fresh(&self.rules, window, self.time);
            open.set_hold(&self.rules, window, self.time, &mut self.holds);
            if open.fresh.rows.len() + open.rows.rows.len() > SMALL {
                let fresh = fired.is_some().then(|| std::mem::take(&mut open.fresh.rows).into_iter());
                let fresh = fresh.unwrap_or_default();
                let rows = std::mem::take(&mut open.rows.rows).into_iter();
                return Ok(Some(Walk { window, fired, fresh, rows, expired: false }));
            }
            give_out_fresh(by, fired, window, open.fresh.rows.iter_mut(), out)?;
            let mut to = Place { by, rules: &self.rules, window, time: self.time, out };
            for (key, row) in open.rows.rows.iter_mut() {
                row.end(&mut to, key, &mut self.holds)?;
            }
        }
        Ok(None)
    }

    /// The rows of a window that had none, for so many keys at first.
    fn begin(&mut self, window: Window, keys: usize) -> WindowRows<A> {
        let empty = Table::new(self.hasher.clone());
        if window.is_over(self.time.watermark) {
            return WindowRows::new(empty); // a late one has but few
        }
        self.not_ended.insert(window);
        let usual = self.usual_rows.min(16 * keys);
        if self.rules.fresh() > 0 {
            let with_room = || Table::with_capacity(usual, self.hasher.clone());
            return WindowRows::new(self.spare.take().unwrap_or_else(with_room));
        }
        let mut begun = WindowRows::new(empty);
        begun.rows = Table::with_capacity(usual, self.hasher.clone());
        begun
    }

    /// Merges what a bundle has brought for `window` into its rows.
    fn merge_into(
        &mut self,
        by: &A,
        window: Window,
        brought: Brought<'_, A>,
        out: &mut PaneEmitter<'_, '_, A::Out>,
    ) -> Result<()> {
        debug_assert!(self.walk.is_none(), "rows that are being given out would be begun anew");
        let (rules, time) = (self.rules.clone(), self.time);
        let is_over = window.is_over(time.watermark);
        if !self.open.contains_key(&window) {
            let begun = self.begin(window, brought.len());
            self.open.insert(window, begun);
        }
        let Some(open) = self.open.get_mut(&window) else { return Ok(()) };
        let mut to = Place { by, rules: &rules, window, time, out };
        brought.try_for_each(|key, acc, arrival| {
            let hash = open.hash(key);
            let acc = match is_over {
                true => acc,
                false => match open.take_fresh(by, &rules, hash, key, acc, arrival.elements) {
                    Some(acc) => acc,
                    None => return Ok(()),
                },
            };
            let row = open.row(&rules, window, time, hash, key);
            row.take(&mut to, key, acc, arrival, &mut self.holds)?;
            if let Some(t) = row.new_hint() {
                self.timers.entry(t).or_default().push((window, key.clone()));
            }
            Ok(())
        })?;
        if open.holds() {
            open.set_hold(&rules, window, time, &mut self.holds); // the last fresh one may have gone
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
        each: impl FnMut(Run<'_, BundleRows<A>>) -> Result<()>,
    ) -> Result<()> {
        self.bundle.for_each_run(&self.rules, self.time.watermark, batch, len, each)
    }

    fn finish_bundle(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<()> {
        let mut out = PaneEmitter::new(out);
        let mut bundle = std::mem::replace(&mut self.bundle, Bundle::new(self.hasher.clone()));
        bundle.finish(by, |window, brought| self.merge_into(by, window, brought, &mut out))?;
        self.bundle = bundle;
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
                let Some(row) = self.open.get_mut(&window).and_then(|open| open.rows.get_mut(&key)) else { continue };
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
        if self.walk.is_some() || !self.bundle.is_empty() {
            return Err(Error::internal("a snapshot was asked for within a bundle, or while a window is given out"));
        }
        for (window, open) in &self.open {
            for (key, acc, state) in open.fresh_states(&self.rules, *window, self.time) {
                to.keyed(key, &(window, key, acc, state))?;
            }
            for (key, row) in &open.rows.rows {
                let state = row.full_state(&self.rules, *window, self.time);
                to.keyed(key, &(window, key, &row.acc, state))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, _: &A, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, acc, state): (Window, A::Key, Option<A::Acc>, PaneState)| {
            let hasher = &self.hasher;
            let open = self.open.entry(window).or_insert_with(|| WindowRows::new(Table::new(hasher.clone())));
            let row = open.rows.row(Cow::Borrowed(&key), || Row::new(acc, state));
            row.set_hold(&self.rules, window, self.time, &mut self.holds);
            if let Some(t) = row.new_hint() {
                self.timers.entry(t).or_default().push((window, key));
            }
            self.not_ended.insert(window); // what has been done at its end is not done again
            Ok(())
        })
    }
}
