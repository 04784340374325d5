//! Deals elements out to the shards that own their keys.

use super::key_by::Keying;
use dataflow_core::graph::Exchange;
use dataflow_core::plane::{Batch, Cursor, ErasedBatch, Outbox, Windows, typed};
use dataflow_core::{Data, Key, Result, shard_of};
use dataflow_windows::Timestamp;
use std::sync::Arc;

/// An exchange to `shards` shards by the key that `keying` finds.
pub(super) fn by_key<T: Data, G: Keying<T>>(keying: Arc<G>, shards: usize) -> Box<dyn Exchange> {
    let targets = (0..shards).map(|_| Target::default()).collect();
    Box::new(ExchangeByKey::<T, G> { keying, targets, shard_of_row: Vec::new() })
}

struct ExchangeByKey<T, G> {
    keying: Arc<G>,
    targets: Vec<Target<T>>,
    shard_of_row: Vec<u8>,
}

/// A shard, and what waits to be sent to it.
pub(super) struct Target<T> {
    waiting: Batch<T>,
    /// What is added to it next, and the numbers of the elements that it came of.
    pub(super) fresh: Vec<T>,
    pub(super) rows: Vec<usize>,
}

impl<T> Default for Target<T> {
    fn default() -> Self {
        Target { waiting: Batch::default(), fresh: Vec::new(), rows: Vec::new() }
    }
}

impl<T: Data> Target<T> {
    /// Adds what is fresh, with what else is known of the elements that it came of.
    pub(super) fn take_fresh<U>(&mut self, from: &Batch<U>, to: &mut Outbox) -> Result<()> {
        self.make_room(from, to)?;
        self.waiting.extend_meta(from, self.rows.iter().copied());
        self.waiting.values.append(&mut self.fresh);
        self.rows.clear();
        if self.waiting.len() >= Batch::<T>::target_len() { self.send(to) } else { Ok(()) }
    }

    /// Rows of `from` come next: what they cannot be sent with goes first.
    fn make_room<U>(&mut self, from: &Batch<U>, to: &mut Outbox) -> Result<()> {
        if self.waiting.can_extend_meta(from) { Ok(()) } else { self.send(to) }
    }

    /// What comes next is in these windows.
    pub(super) fn begin(&mut self, windows: &Windows, to: &mut Outbox) -> Result<()> {
        if self.waiting.windows == *windows { Ok(()) } else { self.send(to) }
    }

    /// Adds one in the windows that were begun.
    #[inline]
    pub(super) fn push(&mut self, value: T, t: Timestamp, windows: &Windows, to: &mut Outbox) -> Result<()> {
        if self.waiting.is_empty() {
            self.waiting.windows = windows.clone();
        }
        self.waiting.push(value, t);
        if self.waiting.len() >= Batch::<T>::target_len() { self.send(to) } else { Ok(()) }
    }

    pub(super) fn send(&mut self, to: &mut Outbox) -> Result<()> {
        if !self.waiting.is_empty() {
            let mut full = to.empty::<T>();
            std::mem::swap(typed::<T>(&mut *full)?, &mut self.waiting);
            to.push(full);
        }
        Ok(())
    }
}

impl<T: Data, G: Keying<T>> Exchange for ExchangeByKey<T, G> {
    fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()> {
        let batch = typed::<T>(batch)?;
        let shards = self.targets.len();
        self.shard_of_row.clear();
        {
            let mut cursor = Cursor::default();
            for (i, value) in batch.values.iter().enumerate() {
                cursor.0 = i;
                let shard = shard_of(self.keying.key(value).key_group(), shards);
                self.shard_of_row.push(shard as u8); // at most one shard per key group: 128
                self.targets[shard].rows.push(i);
            }
        }
        for (target, outbox) in self.targets.iter_mut().zip(&mut *to) {
            target.make_room(batch, outbox)?;
            target.waiting.extend_meta(batch, target.rows.iter().copied());
            target.waiting.values.reserve(target.rows.len());
            target.rows.clear();
        }
        for (value, shard) in batch.values.drain(..).zip(&self.shard_of_row) {
            self.targets[usize::from(*shard)].waiting.values.push(value);
        }
        for (target, outbox) in self.targets.iter_mut().zip(to) {
            if target.waiting.len() >= Batch::<T>::target_len() {
                target.send(outbox)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, to: &mut [Outbox]) -> Result<()> {
        self.targets.iter_mut().zip(to).try_for_each(|(target, outbox)| target.send(outbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::ByFirst;
    use dataflow_windows::{Assignment, Duration, SlidingWindows, Window};

    #[test]
    fn every_element_goes_to_the_owner_of_its_key_with_its_time() {
        let mut exchange = by_key::<(u64, u64), _>(Arc::new(ByFirst), 3);
        let mut to: Vec<Outbox> = (0..3).map(|_| Outbox::default()).collect();
        for start in [0, 500] {
            let mut batch = Batch::default();
            batch.fill(500, |i| ((start + i as u64, 0u64), Timestamp::from_seconds(start as i64 + i as i64)));
            exchange.deal(&mut batch, &mut to).unwrap();
        }
        exchange.flush(&mut to).unwrap();
        let mut seen = vec![];
        for (shard, outbox) in to.iter_mut().enumerate() {
            while let Some(mut batch) = outbox.pop() {
                let batch = typed::<(u64, u64)>(&mut *batch).unwrap();
                for (i, (key, _)) in batch.values.iter().enumerate() {
                    assert_eq!(shard_of(key.key_group(), 3), shard);
                    assert_eq!(batch.times.get(i), Timestamp::from_seconds(*key as i64));
                    seen.push(*key);
                }
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn windows_that_are_implied_and_such_that_are_told_do_not_mix() {
        let sliding = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5));
        let mut exchange = by_key::<(u64, u64), _>(Arc::new(ByFirst), 1);
        let mut to = [Outbox::default()];
        for round in 0..4u64 {
            let mut batch = Batch::default();
            batch.push((1u64, round), Timestamp::from_seconds(7));
            if round % 2 == 0 {
                batch.windows = Windows::Implied(Assignment::Sliding(sliding));
            } else {
                batch.windows = Windows::PerElement(vec![Window::new(Timestamp::MIN, Timestamp::from_seconds(8))]);
            }
            exchange.deal(&mut batch, &mut to).unwrap();
        }
        exchange.flush(&mut to).unwrap();
        let mut windows = vec![];
        while let Some(mut batch) = to[0].pop() {
            let batch = typed::<(u64, u64)>(&mut *batch).unwrap();
            batch.explode();
            windows
                .extend((0..batch.len()).map(|i| (batch.values[i].1, batch.window(i).end().as_micros() / 1_000_000)));
        }
        assert_eq!(windows, [(0, 10), (0, 15), (1, 8), (2, 10), (2, 15), (3, 8)]);
    }
}
