//! What a window's slices come to, where values cannot be taken out again.

use super::Accumulate;
use super::slices::{Slices, Slide};
use super::table::Table;
use dataflow_core::Result;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::borrow::Cow;

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
    /// What the key has in each of its slices, in their order. Many keys are in one only, which needs no memory of its own.
    slices: SmallVec<[(i64, C); 1]>,
    /// How many of the first ones have left.
    left: usize,
    /// What those in the window come to, as far as that is known.
    sums: Option<Box<Sums<C>>>,
}

struct Sums<C> {
    /// Of the older ones: what they come to from each on, the oldest last.
    older: Vec<C>,
    /// What the newer ones come to, if there are any.
    newer: Option<C>,
}

impl<C: Clone> Stack<C> {
    fn new() -> Self {
        Stack { slices: SmallVec::new(), left: 0, sums: None }
    }

    /// Adds what has come in a slice.
    fn add<A: Accumulate<Acc = C>>(&mut self, by: &A, slice: i64, acc: C) {
        if self.slices.last().is_none_or(|(newest, _)| *newest < slice) {
            if let Some(sums) = &mut self.sums {
                match &mut sums.newer {
                    Some(newer) => by.merge(newer, acc.clone()),
                    none => *none = Some(acc.clone()),
                }
            }
            self.slices.push((slice, acc));
            return;
        }
        match self.slices.binary_search_by_key(&slice, |(slice, _)| *slice) {
            Ok(at) => by.merge(&mut self.slices[at].1, acc),
            Err(at) => self.slices.insert(at, (slice, acc)),
        }
        self.sums = None;
    }

    /// Takes out the slices before `first`. Returns whether there are others.
    #[inline]
    fn leave(&mut self, first: i64) -> bool {
        while self.slices.get(self.left).is_some_and(|(slice, _)| *slice < first) {
            self.left += 1;
            // One of the older ones; otherwise nothing is known any more.
            if self.sums.as_mut().is_some_and(|sums| sums.older.pop().is_none()) {
                self.sums = None;
            }
        }
        let stays = self.left < self.slices.len();
        if stays && self.left > self.slices.len() / 2 {
            self.slices.drain(..self.left);
            self.left = 0;
        }
        stays
    }

    /// What all of them come to.
    #[inline]
    fn total<A: Accumulate<Acc = C>>(&mut self, by: &A, merges_all: bool) -> C {
        match &self.slices[self.left..] {
            [(_, only)] => only.clone(),
            slices if merges_all => {
                let mut total = by.create();
                slices.iter().for_each(|(_, acc)| by.merge(&mut total, acc.clone()));
                total
            }
            _ => self.total_by_sums(by),
        }
    }

    fn total_by_sums<A: Accumulate<Acc = C>>(&mut self, by: &A) -> C {
        let mut total = by.create();
        match &self.sums {
            Some(sums) => {
                sums.older.last().into_iter().chain(&sums.newer).for_each(|acc| by.merge(&mut total, acc.clone()));
            }
            None => {
                let mut older = Vec::with_capacity(self.slices.len() - self.left);
                for (_, acc) in self.slices[self.left..].iter().rev() {
                    by.merge(&mut total, acc.clone());
                    older.push(total.clone());
                }
                self.sums = Some(Box::new(Sums { older, newer: None }));
            }
        }
        total
    }
}

impl<A: Accumulate> Slide<A> for Stacking<A> {
    fn new(merges_all: bool, hasher: RandomState) -> Self {
        Stacking { rows: Table::new(hasher), merges_all, first: i64::MIN }
    }

    fn leave(&mut self, _: &A, first: i64, _: &mut Slices<A>) {
        self.first = first; // each row when it is given out
        self.rows.shrink();
    }

    fn enter(&mut self, by: &A, slice: i64, table: usize, tables: &mut Slices<A>) {
        for (key, acc) in tables.taken(table).rows.drain() {
            self.rows.row(Cow::Owned(key), Stack::new).add(by, slice, acc);
        }
        tables.give_up(table);
    }

    fn clear(&mut self, _: &mut Slices<A>) {
        let rows = self.rows.rows.len();
        self.rows.rows.clear();
        self.rows.give_up_room(rows);
    }

    fn rows(&self) -> usize {
        self.rows.rows.len()
    }

    fn give_all(&mut self, by: &A, mut each: impl FnMut(A::Key, A::Acc)) {
        self.rows.rows.retain(|(key, stack)| {
            let stays = stack.leave(self.first);
            if stays {
                each(key.clone(), stack.total(by, self.merges_all));
            }
            stays
        });
    }

    fn give(&mut self, by: &A, from: usize, most: usize, mut each: impl FnMut(A::Key, A::Acc)) -> Option<usize> {
        let to = self.rows.rows.num_buckets().min(from + most);
        for place in from..to {
            let Some((key, stack)) = self.rows.rows.get_bucket_mut(place) else { continue };
            if stack.leave(self.first) {
                each(key.clone(), stack.total(by, self.merges_all));
            } else if let Ok(row) = self.rows.rows.get_bucket_entry(place) {
                row.remove();
            }
        }
        (to < self.rows.rows.num_buckets()).then_some(to)
    }

    fn for_each_part(&self, _: &Slices<A>, mut each: impl FnMut(i64, &A::Key, &A::Acc) -> Result<()>) -> Result<()> {
        for (key, stack) in &self.rows.rows {
            stack.slices.iter().try_for_each(|(slice, acc)| each(*slice, key, acc))?;
        }
        Ok(())
    }
}
