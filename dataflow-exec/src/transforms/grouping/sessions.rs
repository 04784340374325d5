//! State for sessions with the default trigger without lateness: nothing is given out before the end of a session, so that
//! elements go into its accumulator as they come.
//!
//! A key's row has one session in place, and most often no other. Rows are noted to be looked at, not sessions: at the first
//! end of those that a row has, as far as it was known then. So there is nothing to do when a session grows.

use super::run::for_each_on_time;
use super::{Accumulate, Arrival, Groups, Never, Rows, Run};
use crate::transforms::hints::{Hint, Hints};
use dataflow_core::Result;
use dataflow_core::plane::{Advance, Batch, Bounds, Column, Emitter, StateReader, StateWriter, Windows};
use dataflow_windows::{PaneInfo, Sessions, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::ops::Range;

/// The sessions of all keys.
pub(in crate::transforms) struct SessionGroups<A: Accumulate> {
    sessions: Sessions,
    rows: HashTable<Row<A::Key, A::Acc>>,
    /// When rows are to be looked at, by the hashes of their keys.
    hints: Hints<u64>,
    watermark: Timestamp,
    hasher: RandomState,
}

/// The sessions of a key.
struct Row<K, C> {
    key: K,
    /// The one that starts last.
    last: Session<C>,
    /// The others, ordered by their starts. Boxed, so that rows without stay small.
    #[allow(clippy::box_collection)]
    earlier: Option<Box<VecDeque<Session<C>>>>,
    /// The time of its live hint: no session ends before. Hints for other times are stale.
    hint: Timestamp,
}

struct Session<C> {
    window: Window,
    acc: C,
}

/// What a row needs to find a place for an element.
struct Finding<'a, A> {
    by: &'a A,
    sessions: Sessions,
    hash: u64,
    hints: &'a mut Hints<u64>,
}

impl<K, C> Row<K, C> {
    /// Where an element is to be added whose window by itself is `own`.
    #[inline]
    fn place<A: Accumulate<Key = K, Acc = C>>(&mut self, own: Window, with: Finding<'_, A>) -> &mut C {
        match with.sessions.join(self.last.window, own) {
            // If it does not start before the last one, it does not reach those before that.
            Some(joint) if self.earlier.is_none() || (own.start() >= self.last.window.start() && with.are_apart()) => {
                self.last.window = joint;
                &mut self.last.acc
            }
            _ => self.find_place(own, with),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_place<A: Accumulate<Key = K, Acc = C>>(&mut self, own: Window, with: Finding<'_, A>) -> &mut C {
        let covers = |s: &Session<C>| s.window == own || (s.window.covers(own) && with.join(s, own).is_some());
        let covering = self.earlier.as_deref().and_then(|earlier| {
            let near = with.near(earlier, own);
            earlier.range(near.clone()).position(covers).map(|n| near.start + n)
        });
        if covering.is_some() || covers(&self.last) {
            return self.at(covering);
        }
        let last = std::mem::replace(&mut self.last, Session { window: own, acc: with.by.create() });
        let mut others = self.earlier.take().unwrap_or_default();
        others.push_back(last);
        with.join_all(&mut others, &mut self.last);
        self.note(self.last.window.max_timestamp(), with.hash, with.hints);
        let mut at = None;
        let place = others.partition_point(|s| s.window.start() <= self.last.window.start());
        if place < others.len()
            && let Some(last) = others.pop_back()
        {
            others.insert(place, std::mem::replace(&mut self.last, last));
            at = Some(place);
        }
        self.earlier = (!others.is_empty()).then_some(others);
        self.at(at)
    }

    /// The accumulator of an earlier session, or of the last one.
    fn at(&mut self, earlier: Option<usize>) -> &mut C {
        match (earlier, &mut self.earlier) {
            (Some(at), Some(earlier)) => &mut earlier[at].acc,
            _ => &mut self.last.acc,
        }
    }

    /// Gives out those of the earlier sessions that have ended, the first ones first, as far as there is room, and then the
    /// last one if there are others.
    #[cold]
    fn give_out_earlier<A>(&mut self, sessions: Sessions, watermark: Timestamp, results: &mut Results<'_, A>)
    where
        A: Accumulate<Key = K, Acc = C>,
        K: Clone,
    {
        let Some(mut others) = self.earlier.take() else { return };
        let mut at = 0;
        while results.has_room()
            && let Some(session) = others.get(at)
        {
            if !session.window.is_over(watermark) {
                if !sessions.has_max_length() {
                    break; // those behind it end later
                }
                at += 1;
            } else if let Some(session) = others.remove(at) {
                results.add(self.key.clone(), session);
            }
        }
        if self.last.window.is_over(watermark)
            && results.has_room()
            && let Some(last) = others.pop_back()
        {
            results.add(self.key.clone(), std::mem::replace(&mut self.last, last));
        }
        self.earlier = (!others.is_empty()).then_some(others);
    }

    /// Notes that it is to be looked at when `at` has passed, if that is not noted.
    fn note(&mut self, at: Timestamp, hash: u64, hints: &mut Hints<u64>) {
        if at < self.hint {
            self.hint = at;
            hints.push(at, hash);
        }
    }

    /// All its sessions, by their starts.
    fn iter(&self) -> impl Iterator<Item = &Session<C>> {
        self.earlier.iter().flat_map(|earlier| earlier.iter()).chain([&self.last])
    }
}

impl<A: Accumulate> Finding<'_, A> {
    /// Whether sessions of a key never overlap, since all that would are joined.
    #[inline]
    fn are_apart(&self) -> bool {
        !self.sessions.has_max_length()
    }

    fn join(&self, session: &Session<A::Acc>, window: Window) -> Option<Window> {
        self.sessions.join(session.window, window)
    }

    /// Which of the sessions `window` may have to be joined with.
    fn near(&self, all: &VecDeque<Session<A::Acc>>, window: Window) -> Range<usize> {
        if !self.are_apart() {
            return 0..all.len();
        }
        // At the end of time windows may be empty.
        let before = |s: &Session<A::Acc>| s.window.end() <= window.start() && s.window.start() < window.start();
        let from = all.partition_point(before);
        let is_near = |s: &&Session<A::Acc>| s.window.start() < window.end() || s.window == window;
        let near = all.range(from..).take_while(is_near).count();
        from..from + near
    }

    /// Joins `new`, which has nothing yet, with all that it is to be joined with.
    fn join_all(&self, all: &mut VecDeque<Session<A::Acc>>, new: &mut Session<A::Acc>) {
        let mut is_empty = true;
        let mut near = self.near(all, new.window);
        while let Some(at) = near.next() {
            if let Some(joint) = self.join(&all[at], new.window)
                && let Some(part) = all.remove(at)
            {
                match std::mem::take(&mut is_empty) {
                    true => new.acc = part.acc,
                    false => self.by.merge(&mut new.acc, part.acc),
                }
                new.window = joint;
                near = self.near(all, joint); // it may now be joined with those that it was not joined with before
            }
        }
    }
}

impl<A: Accumulate> Rows<A> for SessionGroups<A> {
    type Error = Never;

    #[inline]
    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        _: impl FnOnce() -> Arrival,
        window: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<(), Never> {
        let own = window();
        let (hasher, hints, sessions) = (&self.hasher, &mut self.hints, self.sessions);
        let hash = hasher.hash_one(&*key);
        add(match self.rows.entry(hash, |row| row.key == *key, |row| hasher.hash_one(&row.key)) {
            Entry::Occupied(row) => row.into_mut().place(own, Finding { by, sessions, hash, hints }),
            Entry::Vacant(free) => {
                let hint = own.max_timestamp();
                hints.push(hint, hash);
                let last = Session { window: own, acc: by.create() };
                &mut free.insert(Row { key: key.into_owned(), last, earlier: None, hint }).into_mut().last.acc
            }
        });
        Ok(())
    }
}

impl<A: Accumulate> SessionGroups<A> {
    pub(in crate::transforms) fn new(sessions: Sessions) -> Self {
        SessionGroups {
            sessions,
            rows: HashTable::new(),
            hints: Hints::default(),
            watermark: Timestamp::MIN,
            hasher: RandomState::default(),
        }
    }

    /// Gives out sessions that have ended, until a batch is full.
    fn give_out(&mut self, by: &A, out: &mut Batch<A::Out>) {
        let mut results = Results { by, out, windows: Vec::new() };
        while results.has_room()
            && let Some(Hint { at, row: hash }) = self.hints.pop_before(self.watermark)
        {
            // Of keys with the same hash and time each has a hint, and any of these will do.
            let is_live = |row: &Row<A::Key, A::Acc>| row.hint == at && self.hasher.hash_one(&row.key) == hash;
            let Ok(mut entry) = self.rows.find_entry(hash, is_live) else { continue };
            let row = entry.get_mut();
            row.hint = Timestamp::MAX;
            if row.earlier.is_some() {
                row.give_out_earlier(self.sessions, self.watermark, &mut results);
            }
            if row.earlier.is_none() && row.last.window.is_over(self.watermark) && results.has_room() {
                let (Row { key, last, .. }, _) = entry.remove();
                results.add(key, last);
                continue;
            }
            if let Some(at) = row.iter().map(|s| s.window.max_timestamp()).min() {
                row.note(at, hash, &mut self.hints);
            }
        }
        results.finish();
    }
}

impl<A: Accumulate> Groups<A> for SessionGroups<A> {
    type Rows = Self;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        each: impl FnMut(Run<'_, Self>) -> Result<()>,
    ) -> Result<()> {
        let watermark = self.watermark;
        for_each_on_time(batch, len, self, |window| window.is_over(watermark), each)
    }

    fn finish_bundle(&mut self, _: &A, _: &mut Emitter<'_, A::Out>) -> Result<()> {
        Ok(())
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        while let Some(first) = self.hints.earliest_before(self.watermark) {
            if out.is_full() {
                return Ok(Advance::more(first));
            }
            out.with(|batch| self.give_out(by, batch))?;
        }
        Ok(Advance::to(watermark))
    }

    fn processing_time(&mut self, _: &A, _: Timestamp, _: &mut Emitter<'_, A::Out>) -> Result<bool> {
        Ok(false)
    }

    fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        for row in &self.rows {
            for Session { window, acc } in row.iter() {
                to.keyed(&row.key, &(window, &row.key, acc))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, _: &A, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, acc): (Window, A::Key, A::Acc)| {
            let hash = self.hasher.hash_one(&key);
            let mut session = Session { window, acc };
            match self.rows.entry(hash, |row| row.key == key, |row| self.hasher.hash_one(&row.key)) {
                Entry::Occupied(row) => {
                    let row = row.into_mut();
                    if session.window.start() >= row.last.window.start() {
                        std::mem::swap(&mut session, &mut row.last);
                    }
                    let earlier = row.earlier.get_or_insert_default();
                    let at = earlier.partition_point(|s| s.window.start() <= session.window.start());
                    earlier.insert(at, session);
                    row.note(window.max_timestamp(), hash, &mut self.hints);
                }
                Entry::Vacant(free) => {
                    let mut row = Row { key, last: session, earlier: None, hint: Timestamp::MAX };
                    row.note(window.max_timestamp(), hash, &mut self.hints);
                    free.insert(row);
                }
            }
            Ok(())
        })
    }
}

/// A batch of results, which have a window each.
struct Results<'a, A: Accumulate> {
    by: &'a A,
    out: &'a mut Batch<A::Out>,
    windows: Vec<Window>,
}

impl<A: Accumulate> Results<'_, A> {
    fn has_room(&self) -> bool {
        self.windows.len() < Batch::<A::Out>::target_len()
    }

    #[inline]
    fn add(&mut self, key: A::Key, Session { window, acc }: Session<A::Acc>) {
        if let Some(result) = self.by.finish(key, acc) {
            self.out.values.push(result);
            self.windows.push(window);
        }
    }

    /// Gives the results their windows and times.
    fn finish(self) {
        let times = self.windows.iter().map(|window| window.max_timestamp());
        let bounds = times.clone().fold(Bounds::EMPTY, |mut bounds, t| {
            bounds.add(t);
            bounds
        });
        self.out.times.make_per_element(0).extend(times);
        self.out.bounds = bounds;
        self.out.windows = Windows::PerElement(self.windows);
        self.out.panes = Column::Uniform(PaneInfo::ON_TIME_AND_ONLY);
    }
}
