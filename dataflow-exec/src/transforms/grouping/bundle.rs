//! What a bundle has brought, before it comes to the windows.

use super::run::{run_end, windows_of};
use super::table::Table;
use super::{Accumulate, Arrival, Never, Rows, Rules, Run};
use dataflow_core::Result;
use dataflow_core::plane::{Batch, Windows};
use dataflow_windows::{Assignment, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_table::{Drain, Iter};
use std::borrow::Cow;

/// So many slices are kept for later bundles.
const SPARE_SLICES: usize = 64;

/// What a bundle has brought, by slice and key.
pub(super) struct Bundle<A: Accumulate> {
    slices: Vec<Slice<A>>,
    /// How many of the slices are in use, and which they are.
    used: usize,
    numbers: HashMap<Stretch, usize, RandomState>,
    /// What several slices have brought for a window, while the bundle ends; empty otherwise.
    union: BundleTable<A>,
    hasher: RandomState,
}

/// A stretch of time whose elements are in the same windows, and whether these are several by implication: where time
/// begins or ends, a stretch may be cut such that it is also the one window of other elements.
type Stretch = (Window, bool);

/// What has come for keys.
type BundleTable<A> = Table<<A as Accumulate>::Key, (<A as Accumulate>::Acc, Arrival)>;

/// What has come for a key.
type BundleRow<A> = (<A as Accumulate>::Key, (<A as Accumulate>::Acc, Arrival));

/// What a bundle has brought for a stretch of time whose elements are in the same windows.
struct Slice<A: Accumulate> {
    stretch: Stretch,
    live: Vec<Window>,
    late: Vec<Window>,
    rows: BundleRows<A>,
}

impl<A: Accumulate> Slice<A> {
    /// Its rows, for one of its windows. The last one gets the rows themselves.
    fn brought(&mut self, window: Window) -> Brought<'_, A> {
        match self.live.last() == Some(&window) {
            true => Brought::Itself(self.rows.table.rows.drain()),
            false => Brought::Copies(self.rows.table.rows.iter()),
        }
    }
}

/// What has come for the keys of a window.
pub(super) enum Brought<'a, A: Accumulate> {
    Itself(Drain<'a, BundleRow<A>>),
    Copies(Iter<'a, BundleRow<A>>),
}

impl<A: Accumulate> Brought<'_, A> {
    /// For how many keys.
    pub(super) fn len(&self) -> usize {
        match self {
            Brought::Itself(rows) => rows.len(),
            Brought::Copies(rows) => rows.len(),
        }
    }

    /// Calls `each` for all keys.
    #[inline]
    pub(super) fn try_for_each(self, mut each: impl FnMut(&A::Key, A::Acc, Arrival) -> Result<()>) -> Result<()> {
        match self {
            Brought::Itself(mut rows) => rows.try_for_each(|(key, (acc, arrival))| each(&key, acc, arrival)),
            Brought::Copies(mut rows) => rows.try_for_each(|(key, (acc, arrival))| each(key, acc.clone(), *arrival)),
        }
    }
}

/// What a bundle has brought, by key.
pub(in crate::transforms) struct BundleRows<A: Accumulate> {
    table: BundleTable<A>,
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

impl<A: Accumulate> Bundle<A> {
    pub(super) fn new(hasher: RandomState) -> Self {
        let union = Table::new(hasher.clone());
        Bundle { slices: Vec::new(), used: 0, numbers: HashMap::default(), union, hasher }
    }

    /// Whether it has brought nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Calls `each` for all runs of a batch, as [`Groups::for_each_run`](super::Groups::for_each_run).
    pub(super) fn for_each_run<T>(
        &mut self,
        rules: &Rules,
        watermark: Timestamp,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(Run<'_, BundleRows<A>>) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        while start < len {
            let end = run_end(batch, len, start);
            let slice = self.slice(rules, watermark, batch, start);
            let rows = (!slice.live.is_empty()).then_some(&mut slice.rows);
            each(Run { elements: start..end, rows, late: &slice.late })?;
            start = end;
        }
        Ok(())
    }

    /// The slice that element `i` is in, which is begun if there is none.
    fn slice<T>(&mut self, rules: &Rules, watermark: Timestamp, batch: &Batch<T>, i: usize) -> &mut Slice<A> {
        let stretch = match &batch.windows {
            Windows::Implied(Assignment::Sliding(sliding)) => (sliding.slice(batch.times.get(i)), true),
            _ => (batch.window(i), false),
        };
        // The one begun last is the most likely.
        let last = self.used.checked_sub(1).filter(|last| self.slices[*last].stretch == stretch);
        let number = last.or_else(|| self.numbers.get(&stretch).copied());
        let number = number.unwrap_or_else(|| self.begin_slice(rules, watermark, stretch, batch, i));
        &mut self.slices[number]
    }

    #[cold]
    fn begin_slice<T>(
        &mut self,
        rules: &Rules,
        watermark: Timestamp,
        stretch: Stretch,
        batch: &Batch<T>,
        i: usize,
    ) -> usize {
        self.numbers.insert(stretch, self.used);
        if self.used == self.slices.len() {
            let table = Table::new(self.hasher.clone());
            let rows = BundleRows { table, watermark: Timestamp::MIN };
            self.slices.push(Slice { stretch, live: Vec::new(), late: Vec::new(), rows });
        }
        let slice = &mut self.slices[self.used];
        slice.stretch = stretch;
        slice.rows.watermark = watermark;
        slice.live.clear();
        slice.late.clear();
        windows_of(batch, i, &mut slice.live);
        let late = &mut slice.late;
        slice.live.retain(|w| {
            let is_late = rules.is_expired(*w, watermark);
            late.extend(is_late.then_some(*w));
            !is_late
        });
        self.used += 1;
        self.used - 1
    }

    /// It ends: calls `each` once for each window, with all that has come for it.
    pub(super) fn finish(&mut self, by: &A, mut each: impl FnMut(Window, Brought<'_, A>) -> Result<()>) -> Result<()> {
        let used = std::mem::take(&mut self.used);
        self.numbers.clear();
        let slices = &mut self.slices;
        let sizes: Vec<usize> = slices[..used].iter().map(|slice| slice.rows.table.rows.len()).collect();
        let in_windows =
            slices[..used].iter().enumerate().flat_map(|(n, slice)| slice.live.iter().map(move |w| (*w, n)));
        let mut in_windows: Vec<(Window, usize)> = in_windows.collect();
        in_windows.sort_unstable();
        for same in in_windows.chunk_by(|a, b| a.0 == b.0) {
            let window = same[0].0;
            if let [(_, only)] = same {
                each(window, slices[*only].brought(window))?;
                continue;
            }
            // A trigger runs once for all that the bundle has brought for a key and window.
            for (_, slice) in same {
                slices[*slice].brought(window).try_for_each(|key, acc, arrival| {
                    let (sum, arrived) = self.union.row(Cow::Borrowed(key), || (by.create(), Arrival::NONE));
                    by.merge(sum, acc);
                    arrived.add(arrival);
                    Ok(())
                })?;
            }
            let size = self.union.rows.len();
            each(window, Brought::Itself(self.union.rows.drain()))?;
            self.union.give_up_room(size);
        }
        for (slice, size) in slices.iter_mut().zip(sizes) {
            slice.rows.table.rows.clear();
            slice.rows.table.give_up_room(size);
        }
        slices.truncate(SPARE_SLICES);
        Ok(())
    }
}
