//! Keys and their state, one table a window.

use super::hints::{Hint, Hints};
use dataflow_core::state::{Call, StateRow, row};
use dataflow_core::{Key, Result};
use dataflow_windows::{Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};
use std::borrow::Borrow;
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

/// The times for which hints are queued, or `NONE`.
pub(super) struct Queued {
    pub(super) event: Timestamp,
    pub(super) processing: Timestamp,
    pub(super) hold: Timestamp,
}

/// The hints of all rows.
pub(super) struct Queues<K> {
    /// When timers of event time are due, and cells expire.
    pub(super) event: Hints<K>,
    /// When timers of processing time are due.
    pub(super) processing: Hints<K>,
    /// Where timers hold the watermark.
    pub(super) hold: Hints<K>,
}

impl<K> Default for Queues<K> {
    fn default() -> Self {
        Queues { event: Hints::default(), processing: Hints::default(), hold: Hints::default() }
    }
}

impl Queued {
    const NONE: Queued = Queued { event: NONE, processing: NONE, hold: NONE };
}

impl<K: Key, S: StateRow> Row<K, S> {
    pub(super) fn new(key: K) -> Self {
        Row { key, state: S::default(), queued: Queued::NONE }
    }

    /// Notes what was set in a call, and queues hints for it.
    #[inline]
    pub(super) fn settle(&mut self, hash: u64, call: &Call, queues: &mut Queues<K>) -> Result<()> {
        if S::TIMED && row::settle(&mut self.state, call)? {
            self.queue(hash, call.window, queues);
        }
        Ok(())
    }

    /// Queues hints for times that are earlier than those queued.
    pub(super) fn queue(&mut self, hash: u64, window: Window, queues: &mut Queues<K>) {
        let times = row::times(&mut self.state);
        let (key, queued) = (&self.key, &mut self.queued);
        let lower = |queued: &mut Timestamp, to: Option<Timestamp>, hints: &mut Hints<K>| {
            if let Some(at) = to.filter(|at| at < queued) {
                *queued = at;
                hints.push(Hint { at, hash, window, key: key.clone() });
            }
        };
        lower(&mut queued.event, times.event, &mut queues.event);
        lower(&mut queued.processing, times.processing, &mut queues.processing);
        lower(&mut queued.hold, times.hold, &mut queues.hold);
    }

    /// Whether nothing is lost when the row is removed. While a hint is queued it stays, or else a key that sets a timer
    /// and clears it again and again would leave a hint each time.
    #[inline]
    pub(super) fn is_idle(&mut self) -> bool {
        let queued = &self.queued;
        (!S::TIMED || (queued.event, queued.processing, queued.hold) == (NONE, NONE, NONE))
            && row::is_vacant(&mut self.state)
    }
}

/// A hint was taken out of its queue: returns whether it was the live one. None is queued then.
pub(super) fn unqueue(queued: &mut Timestamp, at: Timestamp) -> bool {
    let live = *queued == at;
    if live {
        *queued = NONE;
    }
    live
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

    /// The row of a hint, if it is still there.
    pub(super) fn find(&mut self, hint: &Hint<K>) -> Option<OccupiedEntry<'_, Row<K, S>>> {
        let recent = self.recent.iter().flatten().find(|(w, _)| *w == hint.window).map(|(_, number)| *number);
        let number = recent.or_else(|| self.open.get(&hint.window).copied())?;
        self.tables[number].find_entry(hint.hash, |row| row.key == hint.key).ok()
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

/// The row of a key, which is made if there is none. One probe.
#[inline]
pub(super) fn row_of<'t, K: Key, S: StateRow>(
    table: &'t mut Table<K, S>,
    hasher: &RandomState,
    hash: u64,
    key: K,
) -> OccupiedEntry<'t, Row<K, S>> {
    match table.entry(hash, |row| row.key == key, |row| hasher.hash_one(&row.key)) {
        Entry::Occupied(row) => row,
        Entry::Vacant(free) => free.insert(Row::new(key)),
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
        let hint = queues.event.pop_before(at(11)).unwrap();
        assert!(unqueue(&mut row.queued.event, hint.at) && !unqueue(&mut row.queued.event, hint.at));
        assert!(queues.event.pop_before(at(1_000)).is_none());
        row.queue(1, Window::GLOBAL, &mut queues);
        assert_eq!(queues.event.earliest_before(at(1_000)), Some(at(500)));
    }

    #[test]
    fn tables_are_used_again_and_rows_of_closed_windows_are_not_found() {
        let window = |n: i64| Window::new(at(n * 60), at(n * 60 + 60));
        let mut rows = Rows::<u64, State>::default();
        for n in 0..50 {
            let number = rows.open(window(n));
            row_of(&mut rows.tables[number], &rows.hasher, 1, 7).get_mut().state.value.set(n as u32);
            let hint = Hint { at: at(0), hash: 1, window: window(n), key: 7 };
            assert_eq!(rows.find(&hint).unwrap().get().state.value.get(), Some(&(n as u32)));
            assert!(rows.find(&Hint { hash: 1, key: 8, ..hint }).is_none());
            assert_eq!(rows.first_window(), Some(window(n)));
            if n % 2 == 0 {
                rows.clear(window(n));
            } else {
                assert_eq!(rows.close(window(n)).len(), 1);
            }
            assert!(rows.find(&Hint { at: at(0), hash: 1, window: window(n), key: 7 }).is_none());
        }
        assert_eq!((rows.tables.len(), rows.iter_mut().count()), (1, 0));
    }
}
