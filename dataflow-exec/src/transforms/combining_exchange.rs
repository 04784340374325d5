//! Combines elements of a key before they leave their thread, so that less is sent.
//!
//! A bounded table has an accumulator for each key and slice of time: a stretch whose elements are in the same windows.
//! What is in it goes to the owners of the keys when the table is full, before the watermark passes, and whenever
//! nothing is to wait. Where a key hardly comes twice that would be work for nothing; elements go through for a while
//! then, as they are or as an accumulator each, whichever is less to send.

use super::combine::Combining;
use super::exchange::Target;
use super::grouping::{Table, run_end};
use super::key_by::Keying;
use super::lifted::{Lifted, Tally};
use super::selected::selecting;
use dataflow_core::graph::Exchange;
use dataflow_core::plane::{Batch, Cursor, ErasedBatch, Looking, Outbox, Windows, typed};
use dataflow_core::{CombineFn, Data, Key, Result, shard_of};
use dataflow_windows::{Assignment, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::sync::Arc;

/// So many bytes the rows of all slices take at most, as far as their sizes are known: they are to stay in the cache.
const TABLE_BYTES: usize = 512 * 1_024;

/// Whether keys come again is judged by so many elements at least.
const ENOUGH: u64 = 4_096;

/// So many elements go through before it is tried again.
const THROUGH: u64 = 1 << 20;

/// So many tables of slices that are over are kept for others.
const SPARE_TABLES: usize = 8;

/// An exchange to `shards` shards for a step that combines. If not `ahead`, elements are never combined with others.
pub(super) fn combining<T, G, F, O, N>(by: Arc<Combining<T, G, F, O>>, ahead: bool, shards: usize) -> Box<dyn Exchange>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
    N: Tally,
{
    Box::new(CombiningExchange::<T, G, F, O, N> {
        elements: selecting::<T, G>(by.keying.clone(), shards),
        by,
        ahead,
        slices: Vec::new(),
        numbers: HashMap::default(),
        last: 0,
        spare: Vec::new(),
        rows: 0,
        judged: Judged::default(),
        through: 0,
        watermark: Timestamp::MIN,
        targets: (0..shards).map(|_| Target::default()).collect(),
    })
}

struct CombiningExchange<T, G, F: CombineFn, O, N>
where
    G: Keying<T>,
{
    by: Arc<Combining<T, G, F, O>>,
    ahead: bool,
    slices: Vec<Slice<G::Key, F::Acc, N>>,
    numbers: HashMap<Stretch, usize, RandomState>,
    /// The slice that was looked up last.
    last: usize,
    spare: Vec<Rows<G::Key, F::Acc, N>>,
    /// How many rows all slices have.
    rows: usize,
    judged: Judged,
    /// So many elements go through now.
    through: u64,
    /// What was sent last.
    watermark: Timestamp,
    targets: Vec<Target<LiftedOf<T, G, F, N>>>,
    /// For those that go through as they are.
    elements: Box<dyn Exchange>,
}

type LiftedOf<T, G, F, N> = Lifted<<G as Keying<T>>::Key, <F as CombineFn>::Acc, N>;
type Rows<K, C, N> = Table<K, (C, N)>;

/// A stretch of time whose elements are in the same windows, and whether these are several by implication: where time
/// begins or ends, a stretch may be cut such that it is also the one window of other elements.
type Stretch = (Window, bool);

/// What there is of a stretch of time whose elements are in the same windows.
struct Slice<K, C, N> {
    stretch: Stretch,
    /// The windows, as the batch said it.
    windows: Windows,
    /// The latest time of an element.
    time: Timestamp,
    table: Rows<K, C, N>,
}

/// How often keys come again.
#[derive(Default)]
struct Judged {
    elements: u64,
    rows: u64,
}

impl<T, G, F, O, N> CombiningExchange<T, G, F, O, N>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
    N: Tally,
{
    /// Whether an accumulator of one element is less to send than the element: it owns no memory, and is smaller, or the
    /// element owns memory, which would be freed by another thread than has allocated it.
    const SINGLES: bool = !std::mem::needs_drop::<F::Acc>()
        && (std::mem::needs_drop::<T>() || size_of::<LiftedOf<T, G, F, N>>() <= size_of::<T>());

    const MAX_ROWS: usize = {
        let rows = TABLE_BYTES / size_of::<(G::Key, (F::Acc, N))>();
        if rows < 1_024 { 1_024 } else { rows }
    };

    /// A row is worth it from so many elements on. Accumulators that own memory may be large.
    const WORTH: u64 = if std::mem::needs_drop::<F::Acc>() { 8 } else { 2 };

    /// The number of the slice that element `i` is in, which is begun if there is none.
    #[inline]
    fn slice(&mut self, batch: &Batch<T>, i: usize) -> usize {
        let stretch = match &batch.windows {
            Windows::Implied(Assignment::Sliding(sliding)) => (sliding.slice(batch.times.get(i)), true),
            _ => (batch.window(i), false),
        };
        if self.slices.get(self.last).is_none_or(|last| last.stretch != stretch) {
            let known = self.numbers.get(&stretch).copied();
            self.last = known.unwrap_or_else(|| self.begin_slice(stretch, &batch.windows));
        }
        self.last
    }

    #[cold]
    fn begin_slice(&mut self, stretch: Stretch, windows: &Windows) -> usize {
        let windows = match windows {
            Windows::Implied(f) => Windows::Implied(*f),
            Windows::Uniform(_) | Windows::PerElement(_) => Windows::Uniform(stretch.0),
        };
        let table = self.spare.pop().unwrap_or_else(|| Table::new(RandomState::default()));
        self.slices.push(Slice { stretch, windows, time: Timestamp::MIN, table });
        self.numbers.insert(stretch, self.slices.len() - 1);
        self.slices.len() - 1
    }

    fn combine(&mut self, batch: &Batch<T>, elements: &mut Looking<T>, to: &mut [Outbox]) -> Result<()> {
        let mut cursor = Cursor::default();
        let (mut start, len) = (0, elements.len());
        while start < len {
            let end = run_end(batch, len, start);
            let number = self.slice(batch, start);
            let (by, watermark) = (&*self.by, self.watermark);
            let Slice { time, table, .. } = &mut self.slices[number];
            let before = table.rows.len();
            let mut latest = *time;
            elements.each(end - start, |element| {
                let (acc, tally) = table.row(by.keying.key(element), || (by.combine.create(), N::NONE));
                by.combine.add(acc, by.keying.value(element));
                let t = batch.times.get(cursor.0);
                tally.add(t, watermark);
                latest = latest.max(t);
                cursor.0 += 1;
            });
            *time = latest;
            let new = table.rows.len() - before;
            self.rows += new;
            self.judged.rows += new as u64;
            self.judged.elements += (end - start) as u64;
            if self.rows >= Self::MAX_ROWS {
                self.give(Timestamp::MAX, to)?;
            }
            start = end;
        }
        Ok(())
    }

    /// Deals out what there is of slices that are over at `watermark`: all, at the end of time.
    fn give(&mut self, watermark: Timestamp, to: &mut [Outbox]) -> Result<()> {
        let all = watermark == Timestamp::MAX;
        let rows_before = self.rows;
        let mut i = 0;
        while i < self.slices.len() {
            if !all && !self.slices[i].stretch.0.is_over(watermark) {
                i += 1;
                continue;
            }
            let Slice { stretch, windows, time, mut table } = self.slices.swap_remove(i);
            self.numbers.remove(&stretch);
            if let Some(moved) = self.slices.get(i) {
                self.numbers.insert(moved.stretch, i);
            }
            let rows = table.rows.len();
            self.targets.iter_mut().zip(&mut *to).try_for_each(|(target, outbox)| target.begin(&windows, outbox))?;
            for (key, (acc, tally)) in table.rows.drain() {
                let shard = shard_of(key.key_group(), self.targets.len());
                let (target, outbox) = (&mut self.targets[shard], &mut to[shard]);
                target.push(Lifted { key, acc, tally }, time, &windows, outbox)?;
            }
            self.rows -= rows;
            table.give_up_room(rows);
            if self.spare.len() < SPARE_TABLES {
                self.spare.push(table);
            }
        }
        if self.rows < rows_before && self.judged.elements >= ENOUGH {
            let Judged { elements, rows } = std::mem::take(&mut self.judged);
            if rows * Self::WORTH > elements {
                self.through = THROUGH;
                self.give(Timestamp::MAX, to)?;
                return self.send(to);
            }
        }
        Ok(())
    }

    /// Deals elements out, each by itself.
    fn let_through(&mut self, batch: &mut Batch<T>, to: &mut [Outbox]) -> Result<()> {
        if !Self::SINGLES {
            return self.elements.deal(batch, to);
        }
        {
            let (by, shards) = (&*self.by, self.targets.len());
            let mut cursor = Cursor::default();
            for (i, element) in batch.values.iter().enumerate() {
                cursor.0 = i;
                let key = by.keying.key(element).into_owned();
                let target = &mut self.targets[shard_of(key.key_group(), shards)];
                let (mut acc, mut tally) = (by.combine.create(), N::NONE);
                by.combine.add(&mut acc, by.keying.value(element));
                tally.add(batch.times.get(i), self.watermark);
                target.fresh.push(Lifted { key, acc, tally });
                target.rows.push(i);
            }
        }
        self.targets.iter_mut().zip(to).try_for_each(|(target, outbox)| target.take_fresh(batch, outbox))
    }

    fn send(&mut self, to: &mut [Outbox]) -> Result<()> {
        self.targets.iter_mut().zip(&mut *to).try_for_each(|(target, outbox)| target.send(outbox))?;
        self.elements.flush(to)
    }
}

impl<T, G, F, O, N> Exchange for CombiningExchange<T, G, F, O, N>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
    N: Tally,
{
    fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()> {
        let batch = typed::<T>(batch)?;
        if self.ahead && self.through == 0 {
            return batch.look(|batch, elements| self.combine(batch, elements, to));
        }
        self.through = self.through.saturating_sub(batch.len() as u64);
        self.let_through(batch, to)?;
        if self.ahead && self.through == 0 { self.send(to) } else { Ok(()) }
    }

    fn reads_only(&self) -> bool {
        Self::SINGLES
    }

    fn watermark(&mut self, watermark: Timestamp, to: &mut [Outbox]) -> Result<()> {
        self.give(if N::WAITS { watermark } else { Timestamp::MAX }, to)?;
        self.watermark = watermark;
        self.send(to)
    }

    fn flush(&mut self, to: &mut [Outbox]) -> Result<()> {
        self.give(Timestamp::MAX, to)?;
        self.send(to)
    }
}
