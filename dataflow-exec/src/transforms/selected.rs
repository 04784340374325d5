//! Batches that go to the owners of their keys whole: each shard is told which elements are its own.
//!
//! An element that owns memory is best not moved and dropped by the thread that has made it. So where elements are only
//! looked at, all shards get the same batch, one after the other, and it comes home when the last of them is done.

use super::key_by::Keying;
use super::{Types, exchange};
use dataflow_core::graph::Exchange;
use dataflow_core::plane::{AnyBatch, Batch, Bounds, Cursor, ErasedBatch, Outbox, typed};
use dataflow_core::{Data, Key, Result, shard_of};
use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// A batch of which a shard gets at least so many elements, on the average, is not moved.
const WORTH: usize = 32;

/// An exchange to `shards` shards for a step that leaves elements as they are and takes [`Selected`] ones.
pub(super) fn selecting<T: Data, G: Keying<T>>(keying: Arc<G>, shards: usize) -> Box<dyn Exchange> {
    let moving = exchange::by_key::<T, G>(keying.clone(), shards);
    if !std::mem::needs_drop::<T>() {
        return moving; // it costs less to move them than to look for them
    }
    let rows = (0..shards).map(|_| Vec::new()).collect();
    Box::new(SelectingExchange { keying, moving, rows, element: PhantomData::<fn() -> T> })
}

/// Some of the elements of a batch that several shards look at.
pub(super) struct Selected<T> {
    /// None if it was emptied.
    whole: Option<Arc<Mutex<Batch<T>>>>,
    /// Their numbers, with what else is known of them.
    rows: Batch<u32>,
    /// The memory of a batch whose elements were dropped.
    spare: Batch<T>,
}

impl<T> Default for Selected<T> {
    fn default() -> Self {
        Selected { whole: None, rows: Batch::default(), spare: Batch::default() }
    }
}

impl<T: Data> Selected<T> {
    /// The batch as one of these, if it is.
    pub(super) fn of(batch: &mut dyn ErasedBatch) -> Option<&mut Self> {
        batch.as_any().downcast_mut()
    }

    /// An empty one, made of what has come home if possible.
    fn empty(outbox: &mut Outbox) -> AnyBatch {
        let mut spare = outbox.spare();
        let fits = spare.as_mut().is_some_and(|spare| Self::of(&mut **spare).is_some());
        spare.filter(|_| fits).unwrap_or_else(|| Box::new(Self::default()))
    }

    /// [`look`](Self::look) at a batch that is one of these.
    pub(super) fn look_at(
        batch: &mut dyn ErasedBatch,
        look: impl FnOnce(&[T], &mut Batch<u32>) -> Result<()>,
    ) -> Result<()> {
        match batch.as_any().is::<Self>() {
            true => Self::of(batch).map_or(Ok(()), |selected| selected.look(look)),
            false => typed::<T>(batch).map(|_| ()), // neither is it one of elements
        }
    }

    /// Lets `look` look at the whole batch, and at the numbers of the elements that are meant.
    pub(super) fn look(&mut self, look: impl FnOnce(&[T], &mut Batch<u32>) -> Result<()>) -> Result<()> {
        let Some(whole) = &self.whole else { return Ok(()) };
        look(&whole.lock().unwrap_or_else(PoisonError::into_inner).values, &mut self.rows)
    }
}

impl<T: Data> ErasedBatch for Selected<T> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn clear(&mut self) {
        self.rows.clear();
        if let Some(whole) = self.whole.take().and_then(Arc::into_inner) {
            self.spare = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.spare.clear();
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        type_name::<Self>()
    }

    fn duplicate(&self) -> AnyBatch {
        Box::new(Selected { whole: self.whole.clone(), rows: self.rows.clone(), spare: Batch::default() })
    }

    fn split_off(&mut self, at: usize) -> AnyBatch {
        Box::new(Selected { whole: self.whole.clone(), rows: self.rows.split_off(at), spare: Batch::default() })
    }

    fn bounds(&self) -> Bounds {
        self.rows.bounds
    }

    fn owns_memory(&self) -> bool {
        true
    }
}

struct SelectingExchange<T, G> {
    keying: Arc<G>,
    /// For batches that are too small.
    moving: Box<dyn Exchange>,
    rows: Vec<Vec<u32>>,
    element: Types<T>,
}

impl<T: Data, G: Keying<T>> Exchange for SelectingExchange<T, G> {
    fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()> {
        let shards = self.rows.len();
        if batch.len() < shards * WORTH {
            return self.moving.deal(batch, to);
        }
        self.moving.flush(to)?; // what came before goes before
        let batch = typed::<T>(batch)?;
        self.rows.iter_mut().for_each(Vec::clear);
        {
            let mut cursor = Cursor::default();
            for (i, value) in batch.values.iter().enumerate() {
                cursor.0 = i;
                self.rows[shard_of(self.keying.key(value).key_group(), shards)].push(i as u32);
            }
        }
        let whole = Arc::new(Mutex::new(std::mem::take(batch)));
        for (rows, outbox) in self.rows.iter_mut().zip(to).filter(|(rows, _)| !rows.is_empty()) {
            let mut next = Selected::<T>::empty(outbox);
            let Some(selected) = Selected::<T>::of(&mut *next) else { continue };
            if batch.values.capacity() == 0 {
                std::mem::swap(batch, &mut selected.spare);
            }
            selected.rows.values.extend_from_slice(rows);
            selected.rows.meta_of_rows(&whole.lock().unwrap_or_else(PoisonError::into_inner), rows);
            selected.whole = Some(whole.clone());
            outbox.push(next);
        }
        Ok(())
    }

    fn flush(&mut self, to: &mut [Outbox]) -> Result<()> {
        self.moving.flush(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::ByFirst;
    use dataflow_windows::Timestamp;

    type Pair = (u64, String);

    fn batch(numbers: std::ops::Range<u64>) -> Batch<Pair> {
        let mut batch = Batch::default();
        let start = numbers.start;
        let make = |i| ((start + i as u64, "x".to_owned()), Timestamp::from_seconds((start + i as u64) as i64));
        batch.fill(numbers.count(), make);
        batch
    }

    /// The keys that came to a shard, in order, each with its time.
    fn received(batch: &mut dyn ErasedBatch) -> Vec<(u64, Timestamp)> {
        let mut keys = Vec::new();
        match Selected::<Pair>::of(batch) {
            Some(selected) => selected
                .look(|values, rows| {
                    let found = |(i, row): (usize, &u32)| (values[*row as usize].0, rows.times.get(i));
                    keys.extend(rows.values.iter().enumerate().map(found));
                    Ok(())
                })
                .unwrap(),
            None => {
                let batch = typed::<Pair>(batch).unwrap();
                keys.extend(batch.values.iter().enumerate().map(|(i, value)| (value.0, batch.times.get(i))));
            }
        }
        keys
    }

    #[test]
    fn every_element_is_seen_by_the_owner_of_its_key_with_its_time_and_in_order() {
        let mut exchange = selecting::<Pair, _>(Arc::new(ByFirst), 3);
        let mut to: Vec<Outbox> = (0..3).map(|_| Outbox::default()).collect();
        // Small ones wait for more, but not longer than a large one that comes after them.
        for numbers in [0..5, 5..700, 700..710, 710..720, 720..1_500, 1_500..1_501] {
            exchange.deal(&mut batch(numbers), &mut to).unwrap();
        }
        exchange.flush(&mut to).unwrap();
        let mut seen = vec![];
        for (shard, outbox) in to.iter_mut().enumerate() {
            let mut keys = vec![];
            while let Some(mut batch) = outbox.pop() {
                assert_eq!((batch.len(), batch.owns_memory()), (received(&mut *batch).len(), true));
                keys.extend(received(&mut *batch));
            }
            assert!(keys.is_sorted());
            assert!(keys.iter().all(|(key, t)| *t == Timestamp::from_seconds(*key as i64)));
            assert!(keys.iter().all(|(key, _)| shard_of(key.key_group(), 3) == shard));
            seen.extend(keys);
        }
        seen.sort_unstable();
        assert_eq!(seen.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), (0..1_501).collect::<Vec<_>>());
    }

    #[test]
    fn the_memory_of_a_batch_is_used_again_when_all_shards_have_looked_at_it() {
        let mut exchange = selecting::<Pair, _>(Arc::new(ByFirst), 2);
        let mut to: Vec<Outbox> = (0..2).map(|_| Outbox::default()).collect();
        let mut first = batch(0..500);
        let memory = first.values.as_ptr();
        exchange.deal(&mut first, &mut to).unwrap();
        let (mut ours, mut theirs) = (to[0].pop().unwrap(), to[1].pop().unwrap());
        let copy = theirs.duplicate();
        assert_eq!(received(&mut *theirs.split_off(7)).len() + 7, copy.len());
        drop(copy);
        ours.clear();
        assert_eq!((ours.len(), received(&mut *theirs).len()), (0, 7));
        to[1].recycle(theirs);
        let mut second = batch(0..500);
        exchange.deal(&mut second, &mut to).unwrap();
        assert_eq!((second.len(), second.values.as_ptr()), (0, memory));
    }

    #[test]
    fn elements_that_own_no_memory_are_moved() {
        let mut exchange = selecting::<(u64, u64), _>(Arc::new(ByFirst), 2);
        let mut to: Vec<Outbox> = (0..2).map(|_| Outbox::default()).collect();
        let mut batch = Batch::default();
        batch.fill(5_000, |i| ((i as u64, 0u64), Timestamp::MIN));
        exchange.deal(&mut batch, &mut to).unwrap();
        assert!(typed::<(u64, u64)>(&mut *to[0].pop().unwrap()).is_ok());
    }
}
