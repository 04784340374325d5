//! What a window's slices come to, where values cannot be taken out again.

use super::Accumulate;
use super::slices::{Slices, Slide};
use super::table::Table;
use dataflow_core::Result;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Per key, what it has in each slice. If there may be many, also what the older ones come to from each of them on, and
/// what all newer ones come to: so a key and slice is merged three times, however many windows it is in. (A queue of two
/// stacks, as in K. Tangwongsan, M. Hirzel, S. Schneider, "Low-Latency Sliding-Window Aggregation in Worst-Case Constant
/// Time", 2017.)
pub(in crate::transforms) struct Stacking<A: Accumulate> {
    rows: Table<A::Key, Stack<A::Acc>>,
    /// Whether all slices of a key are merged for each window, since they are few.
    merges_all: bool,
    /// Those before it have left.
    first: i64,
}

struct Stack<C> {
    /// What the key has in each of its slices, in their order.
    slices: VecDeque<(i64, C)>,
    /// Of the older ones: what they come to from each on, the oldest last.
    older: Vec<C>,
    /// What the newer ones come to. If there is none, and nothing is known of older ones, all is to be merged anew.
    newer: Option<C>,
}

impl<C: Clone> Stack<C> {
    fn new() -> Self {
        Stack { slices: VecDeque::new(), older: Vec::new(), newer: None }
    }

    /// Adds what has come in a slice.
    fn add<A: Accumulate<Acc = C>>(&mut self, by: &A, slice: i64, acc: C, merges_all: bool) {
        let is_newest = self.slices.back().is_none_or(|(newest, _)| *newest < slice);
        if !is_newest {
            match self.slices.binary_search_by_key(&slice, |(slice, _)| *slice) {
                Ok(at) => by.merge(&mut self.slices[at].1, acc),
                Err(at) => self.slices.insert(at, (slice, acc)),
            }
            (self.older, self.newer) = (Vec::new(), None);
            return;
        }
        if !merges_all && (self.newer.is_some() || !self.older.is_empty() || self.slices.is_empty()) {
            match &mut self.newer {
                Some(newer) => by.merge(newer, acc.clone()),
                none => *none = Some(acc.clone()),
            }
        }
        self.slices.push_back((slice, acc));
    }

    /// Takes out the slices before `first`. Returns whether there are others.
    fn leave(&mut self, first: i64) -> bool {
        while self.slices.pop_front_if(|(slice, _)| *slice < first).is_some() {
            if self.older.pop().is_none() {
                self.newer = None; // it was one of those
            }
        }
        !self.slices.is_empty()
    }

    /// What all of them come to.
    fn total<A: Accumulate<Acc = C>>(&mut self, by: &A, merges_all: bool) -> C {
        let mut total = by.create();
        if merges_all {
            self.slices.iter().for_each(|(_, acc)| by.merge(&mut total, acc.clone()));
            return total;
        }
        if self.older.is_empty() && self.newer.is_none() {
            for (_, acc) in self.slices.iter().rev() {
                by.merge(&mut total, acc.clone());
                self.older.push(total.clone());
            }
            return total;
        }
        self.older.last().into_iter().chain(&self.newer).for_each(|acc| by.merge(&mut total, acc.clone()));
        total
    }
}

impl<A: Accumulate> Slide<A> for Stacking<A> {
    fn new(merges_all: bool, hasher: RandomState) -> Self {
        Stacking { rows: Table::new(hasher), merges_all, first: i64::MIN }
    }

    fn leave(&mut self, _: &A, first: i64, _: &mut Slices<A>) {
        self.first = first; // each row when it is given out
    }

    fn enter(&mut self, by: &A, slice: i64, table: usize, tables: &mut Slices<A>) {
        for (key, acc) in tables.taken(table).rows.drain() {
            self.rows.row(Cow::Owned(key), Stack::new).add(by, slice, acc, self.merges_all);
        }
        tables.give_up(table);
    }

    fn clear(&mut self, _: &mut Slices<A>) {
        let rows = self.rows.rows.len();
        self.rows.rows.clear();
        self.rows.give_up_room(rows);
    }

    fn places(&self) -> usize {
        self.rows.rows.num_buckets()
    }

    fn give(&mut self, by: &A, from: usize, most: usize, mut each: impl FnMut(A::Key, A::Acc)) -> usize {
        let mut given = 0;
        for at in from..self.rows.rows.num_buckets() {
            let Some((key, stack)) = self.rows.rows.get_bucket_mut(at) else { continue };
            if given == most {
                return at;
            }
            if stack.leave(self.first) {
                given += 1;
                each(key.clone(), stack.total(by, self.merges_all));
            } else if let Ok(row) = self.rows.rows.get_bucket_entry(at) {
                row.remove();
            }
        }
        self.rows.rows.num_buckets()
    }

    fn for_each_part(&self, _: &Slices<A>, mut each: impl FnMut(i64, &A::Key, &A::Acc) -> Result<()>) -> Result<()> {
        for (key, stack) in &self.rows.rows {
            stack.slices.iter().try_for_each(|(slice, acc)| each(*slice, key, acc))?;
        }
        Ok(())
    }
}
