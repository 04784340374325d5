//! Keys and their state, one table a window.

use crate::transforms::hints::{Hint, Hints};
use dataflow_core::state::{Call, StateRow, row};
use dataflow_core::{Key, Result};
use dataflow_windows::{Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

/// No hint is queued.
const NONE: Timestamp = Timestamp::MAX;

/// A key with its state.
pub(super) struct Row<K, S> {
    pub(super) key: K,
    pub(super) state: S,
    /// The times of its live hints. Those queued for other times are stale.
    pub(super) queued: Queued,
}

/// The times for which hints are queued, or `NONE`: in the order of [`Queue`].
pub(super) struct Queued([Timestamp; 3]);

/// What a hint is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queue {
    Event,
    Processing,
    Hold,
}

/// How the row of a hint is found: by the hash of its key, and by what it has queued. So no key is copied.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) hash: u64,
    pub(super) window: Window,
}

/// The hints of all rows.
#[derive(Default)]
pub(super) struct Queues {
    /// When timers of event time are due, and cells expire.
    pub(super) event: Hints<Place>,
    /// When timers of processing time are due.
    pub(super) processing: Hints<Place>,
    /// Where timers hold the watermark.
    pub(super) hold: Hints<Place>,
}

impl Queued {
    const NONE: Queued = Queued([NONE; 3]);

    pub(super) fn at(&self, queue: Queue) -> Timestamp {
        self.0[queue as usize]
    }
}

impl<K: Key, S: StateRow> Row<K, S> {
    pub(super) fn new(key: K) -> Self {
        Row { key, state: S::default(), queued: Queued::NONE }
    }

    /// Notes what was set in a call, and queues hints for it.
    #[inline]
    pub(super) fn settle(&mut self, hash: u64, call: &Call, queues: &mut Queues) -> Result<()> {
        if S::TIMED && row::settle(&mut self.state, call)? {
            self.queue(hash, call.window, queues);
        }
        Ok(())
    }

    /// Queues hints for times that are earlier than those queued.
    pub(super) fn queue(&mut self, hash: u64, window: Window, queues: &mut Queues) {
        let times = row::times(&mut self.state);
        let (place, queued) = (Place { hash, window }, &mut self.queued);
        let lower = |queued: &mut Timestamp, to: Option<Timestamp>, hints: &mut Hints<Place>| {
            if let Some(at) = to.filter(|at| at < queued) {
                *queued = at;
                hints.push(at, place);
            }
        };
        let [event, processing, hold] = &mut queued.0;
        lower(event, times.event, &mut queues.event);
        lower(processing, times.processing, &mut queues.processing);
        lower(hold, times.hold, &mut queues.hold);
    }

    /// Whether nothing is lost when the row is removed. While a hint is queued it stays, or else a key that sets a timer
    /// and clears it again and again would leave a hint each time.
    #[inline]
    pub(super) fn is_idle(&mut self) -> bool {
        (!S::TIMED || self.queued.0 == [NONE; 3]) && row::is_vacant(&mut self.state)
    }
}

/// The rows of one window.
pub(super) type Table<K, S> = HashTable<Row<K, S>>;

/// The tables of all windows that have not expired.
pub(super) struct Rows<K, S> {
    open: BTreeMap<Window, usize>,
    pub(super) tables: Vec<Table<K, S>>,
    free: Vec<usize>,
    /// The two windows looked up last: where windows meet, elements of both come mixed.
    recent: [Option<(Window, usize)>; 2],
    pub(super) hasher: RandomState,
}

impl<K: Key, S: StateRow> Default for Rows<K, S> {
    fn default() -> Self {
        let (open, tables, free) = (BTreeMap::new(), Vec::new(), Vec::new());
        Rows { open, tables, free, recent: [None; 2], hasher: RandomState::default() }
    }
}

impl<K: Key, S: StateRow> Rows<K, S> {
    /// The number of a window's table, which is made if there is none.
    #[inline]
    pub(super) fn open(&mut self, window: Window) -> usize {
        match self.recent.iter().flatten().find(|(w, _)| *w == window) {
            Some((_, number)) => *number,
            None => self.look_up(window),
        }
    }

    #[cold]
    fn look_up(&mut self, window: Window) -> usize {
        let number = *self.open.entry(window).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.tables.push(HashTable::new());
                self.tables.len() - 1
            })
        });
        self.recent = [Some((window, number)), self.recent[0]];
        number
    }

    /// The row of a hint that was taken out of its queue, if it is the live one. None is queued then.
    pub(super) fn unqueue(&mut self, hint: Hint<Place>, queue: Queue) -> Option<OccupiedEntry<'_, Row<K, S>>> {
        let Hint { at, row: Place { hash, window } } = hint;
        let recent = self.recent.iter().flatten().find(|(w, _)| *w == window).map(|(_, number)| *number);
        let number = recent.or_else(|| self.open.get(&window).copied())?;
        let hasher = &self.hasher;
        // Of keys with the same hash and time each has a hint, and any of these will do.
        let is_live = |row: &Row<K, S>| row.queued.at(queue) == at && hasher.hash_one(&row.key) == hash;
        let mut entry = self.tables[number].find_entry(hash, is_live).ok()?;
        entry.get_mut().queued.0[queue as usize] = NONE;
        Some(entry)
    }

    /// The window that expires first.
    pub(super) fn first_window(&self) -> Option<Window> {
        self.open.first_key_value().map(|(window, _)| *window)
    }

    /// Takes the rows of a window out.
    pub(super) fn close(&mut self, window: Window) -> Table<K, S> {
        self.recent = [None; 2];
        match self.open.remove(&window) {
            Some(number) => {
                self.free.push(number);
                std::mem::take(&mut self.tables[number])
            }
            None => HashTable::new(),
        }
    }

    /// Removes the rows of a window; small tables keep their memory for a later one.
    pub(super) fn clear(&mut self, window: Window) {
        self.recent = [None; 2];
        if let Some(number) = self.open.remove(&window) {
            self.free.push(number);
            let table = &mut self.tables[number];
            table.clear();
            if table.capacity() > 16_384 {
                *table = HashTable::new();
            }
        }
    }

    /// The tables with their windows.
    fn tables_mut(&mut self) -> impl Iterator<Item = (Window, &mut Table<K, S>)> {
        let mut windows: Vec<Option<Window>> = vec![None; self.tables.len()];
        self.open.iter().for_each(|(window, number)| windows[*number] = Some(*window));
        self.tables.iter_mut().zip(windows).filter_map(|(table, window)| Some((window?, table)))
    }

    /// All rows with their windows.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Window, &mut Row<K, S>)> {
        self.tables_mut().flat_map(|(window, table)| table.iter_mut().map(move |row| (window, row)))
    }

    /// The rows of a key with their windows.
    pub(super) fn of_key<Q>(&mut self, key: &Q) -> impl Iterator<Item = (Window, &mut Row<K, S>)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let row = move |table| HashTable::find_mut(table, hash, |row: &Row<K, S>| row.key.borrow() == key);
        self.tables_mut().filter_map(move |(window, table)| Some((window, row(table)?)))
    }
}

/// The row of a key, which is made if there is none. One probe. (Elements by value and by reference both come here, which the
/// compiler takes for a reason not to inline it: 2 % of a whole run.)
#[inline(always)]
pub(super) fn row_of<'t, K: Key, S: StateRow>(
    table: &'t mut Table<K, S>,
    hasher: &RandomState,
    hash: u64,
    key: Cow<'_, K>,
) -> OccupiedEntry<'t, Row<K, S>> {
    match table.entry(hash, |row| row.key == *key, |row| hasher.hash_one(&row.key)) {
        Entry::Occupied(row) => row,
        Entry::Vacant(free) => free.insert(Row::new(key.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_core::state::{EventTimer, Value};
    use dataflow_derive::StateRow;

    #[derive(Default, StateRow)]
    struct State {
        value: Value<u32>,
        timer: EventTimer,
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn call(seconds: i64) -> Call {
        Call::for_element(at(seconds), Window::GLOBAL, at(0), Window::GLOBAL.end())
    }

    #[test]
    fn a_timer_that_is_put_off_or_cleared_by_each_element_has_one_hint() {
        let mut queues = Queues::default();
        let mut row = Row::<u64, State>::new(7);
        for n in 0..100 {
            row.state.timer.set(at(10 + n));
            row.settle(1, &call(n), &mut queues).unwrap();
            row.state.timer.clear();
            row.settle(1, &call(n), &mut queues).unwrap();
            assert!(!row.is_idle(), "its hint would be left over");
        }
        row.state.timer.set(at(500));
        row.settle(1, &call(100), &mut queues).unwrap();
        assert_eq!(queues.event.pop_before(at(11)).unwrap().at, row.queued.at(Queue::Event));
        assert!(queues.event.pop_before(at(1_000)).is_none());
        row.queued = Queued::NONE;
        row.queue(1, Window::GLOBAL, &mut queues);
        assert_eq!(queues.event.earliest_before(at(1_000)), Some(at(500)));
    }

    #[test]
    fn only_the_live_hint_of_a_row_finds_it_and_only_once() {
        let (mut rows, mut queues) = (Rows::<u64, State>::default(), Queues::default());
        let number = rows.open(Window::GLOBAL);
        // As if the keys had the same hash: each hint finds one of the rows that wait for its time.
        for key in [7, 7, 8] {
            let hash = rows.hasher.hash_one(key);
            let hasher = &rows.hasher;
            let row = rows.tables[number].insert_unique(hash, Row::new(key), |row| hasher.hash_one(row.key)).into_mut();
            row.state.timer.set(at(10));
            row.settle(hash, &call(0), &mut queues).unwrap();
        }
        let mut found = Vec::new();
        while let Some(hint) = queues.event.pop_before(at(11)) {
            assert!(rows.unqueue(hint, Queue::Processing).is_none(), "that is another queue");
            assert!(rows.unqueue(Hint { at: at(9), ..hint }, Queue::Event).is_none());
            found.push(rows.unqueue(hint, Queue::Event).unwrap().get().key);
        }
        found.sort_unstable();
        assert_eq!(found, [7, 7, 8]);
    }

    #[test]
    fn tables_are_used_again_and_rows_of_closed_windows_are_not_found() {
        let window = |n: i64| Window::new(at(n * 60), at(n * 60 + 60));
        let mut rows = Rows::<u64, State>::default();
        for n in 0..50 {
            let number = rows.open(window(n));
            let hash = rows.hasher.hash_one(7u64);
            let mut row = row_of(&mut rows.tables[number], &rows.hasher, hash, Cow::Owned(7));
            row.get_mut().state.value.set(n as u32);
            let hint = Hint { at: NONE, row: Place { hash, window: window(n) } };
            assert_eq!(rows.unqueue(hint, Queue::Event).unwrap().get().state.value.get(), Some(&(n as u32)));
            assert!(rows.unqueue(Hint { at: at(0), ..hint }, Queue::Event).is_none());
            assert_eq!(rows.first_window(), Some(window(n)));
            if n % 2 == 0 {
                rows.clear(window(n));
            } else {
                assert_eq!(rows.close(window(n)).len(), 1);
            }
            assert!(rows.unqueue(hint, Queue::Event).is_none());
        }
        assert_eq!((rows.tables.len(), rows.iter_mut().count()), (1, 0));
    }
}
