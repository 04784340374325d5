//! Tables of rows by key that are begun, filled and given up: one a window, or one a slice of time.

use super::table::Table;
use super::{Accumulate, Arrival, Never, Rows};
use dataflow_core::Result;
use dataflow_windows::Window;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A table with more rows than this does not keep its memory when it is given up.
pub(super) const SMALL: usize = 16_384;

/// The rows of one window or slice.
pub(in crate::transforms) struct PlainRows<A: Accumulate>(pub(super) Table<A::Key, A::Acc>);

impl<A: Accumulate> Rows<A> for PlainRows<A> {
    type Error = Never;

    #[inline]
    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        _: impl FnOnce() -> Arrival,
        _: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<(), Never> {
        add(self.0.row(key, || by.create()));
        Ok(())
    }
}

/// Tables by what they are of, `I`.
pub(super) struct Tables<I, A: Accumulate> {
    open: BTreeMap<I, usize>,
    tables: Vec<PlainRows<A>>,
    free: Vec<usize>,
    /// The two looked up last: where stretches of time meet, elements of both come mixed.
    recent: [Option<(I, usize)>; 2],
    hasher: RandomState,
}

impl<I: Ord + Copy, A: Accumulate> Tables<I, A> {
    pub(super) fn new(hasher: RandomState) -> Self {
        Tables { open: BTreeMap::new(), tables: Vec::new(), free: Vec::new(), recent: [None; 2], hasher }
    }

    /// The table of `of`, which is made if there is none.
    #[inline]
    pub(super) fn table(&mut self, of: I) -> &mut PlainRows<A> {
        let recent = self.recent.iter().flatten().find(|(o, _)| *o == of);
        let number = match recent {
            Some((_, number)) => *number,
            None => self.look_up(of),
        };
        &mut self.tables[number]
    }

    #[cold]
    fn look_up(&mut self, of: I) -> usize {
        let number = *self.open.entry(of).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.tables.push(PlainRows(Table::new(self.hasher.clone())));
                self.tables.len() - 1
            })
        });
        self.recent = [Some((of, number)), self.recent[0]];
        number
    }

    /// What the first one is of.
    #[inline]
    pub(super) fn first(&self) -> Option<I> {
        self.open.first_key_value().map(|(of, _)| *of)
    }

    /// Takes the first one out, if `which` says so.
    pub(super) fn take_first(&mut self, which: impl FnOnce(I) -> bool) -> Option<(I, usize)> {
        let first = self.open.first_entry().filter(|first| which(*first.key()))?;
        let taken = first.remove_entry();
        self.recent = [None; 2];
        Some(taken)
    }

    /// Takes the one of `of` out.
    pub(super) fn take(&mut self, of: I) -> Option<usize> {
        let number = self.open.remove(&of)?;
        self.recent = [None; 2];
        Some(number)
    }

    /// One that was taken out.
    pub(super) fn taken(&mut self, number: usize) -> &mut Table<A::Key, A::Acc> {
        &mut self.tables[number].0
    }

    /// One that was taken out, and is needed no more.
    pub(super) fn give_up(&mut self, number: usize) {
        let rows = &mut self.tables[number].0.rows;
        rows.clear();
        if rows.capacity() > 2 * SMALL {
            *rows = Default::default();
        }
        self.free.push(number);
    }

    /// All that are open, with their rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (I, &Table<A::Key, A::Acc>)> {
        self.open.iter().map(|(of, number)| (*of, &self.tables[*number].0))
    }

    /// The rows of one that was taken out.
    pub(super) fn get(&self, number: usize) -> &Table<A::Key, A::Acc> {
        &self.tables[number].0
    }
}
