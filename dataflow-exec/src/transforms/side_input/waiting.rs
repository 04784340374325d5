//! Elements that wait for their side input.

use dataflow_core::plane::{Batch, Bounds, Column, StateReader, StateWriter};
use dataflow_core::{Coded, Data, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window};
use std::collections::{BTreeMap, VecDeque};

/// A waiting element in a snapshot.
type Row<T> = (T, Timestamp, Window, PaneInfo);

/// Elements by the side window they wait for, in the order in which they came.
pub(super) struct Waiting<T>(BTreeMap<Window, Queue<T>>);

struct Queue<T> {
    batches: VecDeque<Batch<T>>,
    /// No element of it is before this.
    earliest: Timestamp,
}

impl<T: Data> Waiting<T> {
    pub(super) fn new() -> Self {
        Waiting(BTreeMap::new())
    }

    /// Whether elements wait for `side`.
    pub(super) fn has(&self, side: Window) -> bool {
        !self.0.is_empty() && self.0.contains_key(&side)
    }

    /// Lets `batch` wait for `side`.
    pub(super) fn push(&mut self, side: Window, mut batch: Batch<T>) {
        batch.explode(); // kept with their windows, each in one
        tighten(&mut batch);
        let queue = self.0.entry(side).or_insert_with(|| Queue { batches: VecDeque::new(), earliest: Timestamp::MAX });
        queue.earliest = queue.earliest.min(batch.bounds.min);
        match queue.batches.back_mut().filter(|last| last.len() + batch.len() <= Batch::<T>::target_len()) {
            Some(last) => {
                last.extend_meta(&batch, 0..batch.len());
                last.values.append(&mut batch.values);
            }
            None => queue.batches.push_back(batch),
        }
    }

    /// The first window after `after` that elements wait for.
    pub(super) fn next(&self, after: Option<Window>) -> Option<Window> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.0.range((after.map_or(Unbounded, Excluded), Unbounded)).next().map(|(window, _)| *window)
    }

    /// Takes the elements that have waited longest for `side`.
    pub(super) fn pop(&mut self, side: Window) -> Option<Batch<T>> {
        let queue = self.0.get_mut(&side)?;
        let batch = queue.batches.pop_front();
        if queue.batches.is_empty() {
            self.0.remove(&side);
        }
        batch
    }

    /// The time of the earliest element: what the watermark is held at.
    pub(super) fn earliest(&self) -> Timestamp {
        self.0.values().map(|queue| queue.earliest).min().unwrap_or(Timestamp::MAX)
    }
}

impl<T: Coded> Waiting<T> {
    pub(super) fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        // A piece for each batch: they are dealt out to the shards that go on.
        for batch in self.0.values().flat_map(|queue| &queue.batches) {
            let row = |(i, value)| (value, batch.times.get(i), batch.window(i), batch.panes.get(i));
            let rows: Vec<Row<&T>> = batch.values.iter().enumerate().map(row).collect();
            to.shard(&rows)?;
        }
        Ok(())
    }

    /// The elements that fall to this shard.
    pub(super) fn restored(from: StateReader<'_>) -> Result<Vec<Batch<T>>> {
        let batch = |rows: Vec<Row<T>>| {
            let mut batch = Batch::default();
            rows.into_iter().for_each(|(value, time, window, pane)| batch.push_in(value, time, window, pane));
            batch
        };
        Ok(from.shard()?.into_iter().map(batch).collect())
    }
}

/// Narrows the bounds to the elements there are: what waits must not hold the watermark for what does not.
fn tighten<T>(batch: &mut Batch<T>) {
    batch.bounds = match &batch.times {
        Column::Uniform(t) => Bounds { min: *t, max: *t },
        Column::PerElement(times) => times.iter().fold(Bounds::EMPTY, |mut bounds, t| {
            bounds.add(*t);
            bounds
        }),
    };
}
