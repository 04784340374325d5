//! What a window's slices come to, where values can be taken out again: one running total a key.

use super::Accumulate;
use super::slices::{Slices, Slide};
use super::table::Table;
use dataflow_core::Result;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::VecDeque;

/// A total a key, to which slices are added when they come into the window, and from which they are taken when they leave.
pub(in crate::transforms) struct Subtracting<A: Accumulate> {
    /// With the number of slices that the key is in: at none it goes.
    totals: Table<A::Key, (A::Acc, u32)>,
    /// The slices that are in them, in their order, and their tables.
    slices: VecDeque<(i64, usize)>,
}

impl<A: Accumulate> Slide<A> for Subtracting<A> {
    fn new(_: bool, hasher: RandomState) -> Self {
        Subtracting { totals: Table::new(hasher), slices: VecDeque::new() }
    }

    fn leave(&mut self, by: &A, first: i64, tables: &mut Slices<A>) {
        while let Some((_, table)) = self.slices.pop_front_if(|(slice, _)| *slice < first) {
            for (key, acc) in tables.taken(table).rows.drain() {
                self.totals.change(&key, |(total, slices)| {
                    *slices -= 1;
                    if *slices > 0 {
                        by.retract(total, acc);
                    }
                    *slices > 0
                });
            }
            tables.give_up(table);
        }
        self.totals.shrink(); // they are gone through for each window
    }

    fn enter(&mut self, by: &A, slice: i64, table: usize, tables: &mut Slices<A>) {
        let at = self.slices.partition_point(|(s, _)| *s < slice);
        let Some((_, own)) = self.slices.get(at).filter(|(s, _)| *s == slice) else {
            for (key, acc) in &tables.taken(table).rows {
                let (total, slices) = self.totals.row(Cow::Borrowed(key), || (by.create(), 0));
                by.merge(total, acc.clone());
                *slices += 1;
            }
            self.slices.insert(at, (slice, table));
            return;
        };
        // More of a slice that is in the totals.
        let mut more = std::mem::take(&mut tables.taken(table).rows);
        for (key, acc) in more.drain() {
            let mut is_new = false;
            let part = tables.taken(*own).row(Cow::Borrowed(&key), || {
                is_new = true;
                by.create()
            });
            by.merge(part, acc.clone());
            let (total, slices) = self.totals.row(Cow::Owned(key), || (by.create(), 0));
            by.merge(total, acc);
            *slices += u32::from(is_new);
        }
        tables.taken(table).rows = more;
        tables.give_up(table);
    }

    fn clear(&mut self, tables: &mut Slices<A>) {
        self.slices.drain(..).for_each(|(_, table)| tables.give_up(table));
        let rows = self.totals.rows.len();
        self.totals.rows.clear();
        self.totals.give_up_room(rows);
    }

    fn rows(&self) -> usize {
        self.totals.rows.len()
    }

    fn give_all(&mut self, _: &A, mut each: impl FnMut(A::Key, A::Acc)) {
        self.totals.rows.iter().for_each(|(key, (total, _))| each(key.clone(), total.clone()));
    }

    fn give(&mut self, _: &A, from: usize, most: usize, mut each: impl FnMut(A::Key, A::Acc)) -> Option<usize> {
        let rows = &self.totals.rows;
        let to = rows.num_buckets().min(from + most);
        let within = (from..to).filter_map(|place| rows.get_bucket(place));
        within.for_each(|(key, (total, _))| each(key.clone(), total.clone()));
        (to < rows.num_buckets()).then_some(to)
    }

    fn for_each_part(
        &self,
        tables: &Slices<A>,
        mut each: impl FnMut(i64, &A::Key, &A::Acc) -> Result<()>,
    ) -> Result<()> {
        for (slice, table) in &self.slices {
            tables.get(*table).rows.iter().try_for_each(|(key, acc)| each(*slice, key, acc))?;
        }
        Ok(())
    }
}
