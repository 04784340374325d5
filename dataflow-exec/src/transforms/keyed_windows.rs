//! State of keys by window, for the default trigger: one table a window, which closes for all its keys at once.

use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter, Windows};
use dataflow_core::{Coded, Data, Error, Key, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, IntoIter};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Range;

/// A window with so few rows is given out in one go.
const SMALL: usize = 16_384;

/// The rows of one window.
pub(super) struct Table<K, S> {
    rows: HashTable<(K, S)>,
    hasher: RandomState,
}

impl<K: Key, S> Table<K, S> {
    fn new(hasher: RandomState) -> Self {
        Table { rows: HashTable::new(), hasher }
    }

    /// The state of `key`, which `create` makes if there is none. One probe.
    #[inline]
    pub(super) fn row(&mut self, key: Cow<'_, K>, create: impl FnOnce() -> S) -> &mut S {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(&*key);
        let entry = self.rows.entry(hash, |(k, _)| *k == *key, |(k, _)| hasher.hash_one(k));
        match entry {
            Entry::Occupied(row) => &mut row.into_mut().1,
            Entry::Vacant(free) => &mut free.insert((key.into_owned(), create())).into_mut().1,
        }
    }
}

/// The tables of all windows that are not over, and the one that is being given out.
pub(super) struct KeyedWindows<K, S> {
    open: BTreeMap<Window, usize>,
    tables: Vec<Table<K, S>>,
    free: Vec<usize>,
    /// The two windows looked up last: where windows meet, elements of both come mixed.
    recent: [Option<(Window, usize)>; 2],
    closing: Option<(Window, IntoIter<(K, S)>)>,
    watermark: Timestamp,
    hasher: RandomState,
}

impl<K: Key, S> Default for KeyedWindows<K, S> {
    fn default() -> Self {
        let hasher = RandomState::default();
        let (open, tables, free) = (BTreeMap::new(), Vec::new(), Vec::new());
        KeyedWindows { open, tables, free, recent: [None; 2], closing: None, watermark: Timestamp::MIN, hasher }
    }
}

impl<K: Key, S: Coded> KeyedWindows<K, S> {
    /// Calls `each` for the elements that are not late, by runs of elements of one window: with the window's table and
    /// the numbers of the run. Returns how many elements were late. The `len` values of `batch` may have been taken out.
    pub(super) fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(&mut Table<K, S>, Range<usize>),
    ) -> u64 {
        let mut late = 0;
        let mut start = 0;
        while start < len {
            let window = batch.window(start);
            let end = run_end(batch, len, start, window);
            if window.is_over(self.watermark) {
                late += (end - start) as u64;
            } else {
                each(self.table(window), start..end);
            }
            start = end;
        }
        late
    }

    /// The table of a window, which is made if there is none.
    #[inline]
    fn table(&mut self, window: Window) -> &mut Table<K, S> {
        let recent = self.recent.iter().flatten().find(|(w, _)| *w == window);
        let number = match recent {
            Some((_, number)) => *number,
            None => self.look_up(window),
        };
        &mut self.tables[number]
    }

    #[cold]
    fn look_up(&mut self, window: Window) -> usize {
        let number = *self.open.entry(window).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.tables.push(Table::new(self.hasher.clone()));
                self.tables.len() - 1
            })
        });
        self.recent = [Some((window, number)), self.recent[0]];
        number
    }

    /// Notes the watermark and gives out the windows that are over, each row as `finish` makes it: an operator's
    /// `watermark`.
    pub(super) fn advance<O: Data>(
        &mut self,
        watermark: Timestamp,
        out: &mut Emitter<'_, O>,
        finish: impl Fn(K, S) -> Option<O>,
    ) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        loop {
            if self.closing.is_none() {
                let Some(first) = self.open.first_entry().filter(|w| w.key().is_over(self.watermark)) else {
                    return Ok(Advance::to(watermark));
                };
                let (window, number) = first.remove_entry();
                self.recent = [None; 2];
                self.free.push(number);
                let rows = &mut self.tables[number].rows;
                if rows.len() <= SMALL {
                    // At once, and the memory stays for a later window.
                    give_out(window, rows.drain(), out, &finish)?;
                } else {
                    self.closing = Some((window, std::mem::take(rows).into_iter()));
                }
            }
            while let Some((window, rows)) = self.closing.as_mut().filter(|(_, rows)| rows.len() > 0) {
                if out.is_full() {
                    return Ok(Advance::more(window.max_timestamp()));
                }
                give_out(*window, rows.take(Batch::<O>::target_len()), out, &finish)?;
            }
            self.closing = None;
        }
    }

    pub(super) fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        if self.closing.is_some() {
            return Err(Error::internal("a snapshot was asked for while a window is being given out"));
        }
        for (window, number) in &self.open {
            for (key, state) in &self.tables[*number].rows {
                to.keyed(key, &(window, key, state))?;
            }
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, state): (Window, K, S)| {
            self.table(window).row(Cow::Owned(key), || state);
            Ok(())
        })
    }
}

/// Sends the results of a window's rows.
fn give_out<K, S, O: Data>(
    window: Window,
    rows: impl Iterator<Item = (K, S)>,
    out: &mut Emitter<'_, O>,
    finish: &impl Fn(K, S) -> Option<O>,
) -> Result<()> {
    let mut results = rows.filter_map(|(key, state)| finish(key, state)).peekable();
    while results.peek().is_some() {
        out.with(|o| {
            o.values.extend(results.by_ref().take(Batch::<O>::target_len()));
            o.set_uniform(window.max_timestamp(), window, PaneInfo::ON_TIME_AND_ONLY);
        })?;
    }
    Ok(())
}

/// Where the run of elements in `window` that starts at `start` ends.
fn run_end<T>(batch: &Batch<T>, len: usize, start: usize, window: Window) -> usize {
    match &batch.windows {
        Windows::Uniform(_) => len,
        // The bounds tell at once whether all are in it, which most often is so.
        Windows::Implied(_) if window.contains(batch.bounds.min) && window.contains(batch.bounds.max) => len,
        Windows::Implied(_) => (start + 1..len).find(|i| !window.contains(batch.times.get(*i))).unwrap_or(len),
        Windows::PerElement(windows) => (start + 1..len).find(|i| windows[*i] != window).unwrap_or(len),
    }
}
