//! The operator of aggregates by key.

use super::cells::Cells;
use super::key::{KeyKind, Keys};
use crate::batch::kernel_failed;
use crate::{ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use dataflow_core::plane::{Advance, Batch, Emitter, Outbox, StateReader, StateWriter, typed};
use dataflow_core::{Counter, Result};
use dataflow_exec::transforms::grouping::{Accumulate, Arrival, Groups, Rows, Run};
use dataflow_windows::Timestamp;
use std::sync::Arc;

/// How the rows of a key become a row.
pub(super) struct Grouping<K, C> {
    pub(super) keys: K,
    pub(super) cells: C,
}

impl<K: KeyKind, C: Cells> Accumulate for Grouping<K, C> {
    type Key = K::Key;
    type Acc = C::Acc;
    type Out = (K::Key, C::Acc);

    #[inline]
    fn create(&self) -> C::Acc {
        self.cells.create()
    }

    #[inline]
    fn merge(&self, acc: &mut C::Acc, other: C::Acc) {
        self.cells.merge(acc, other);
    }

    #[inline]
    fn finish(&self, key: K::Key, acc: C::Acc) -> Option<(K::Key, C::Acc)> {
        Some((key, acc))
    }

    fn retracts(&self) -> bool {
        self.cells.retracts()
    }

    #[inline]
    fn retract(&self, acc: &mut C::Acc, other: C::Acc) {
        self.cells.retract(acc, other);
    }
}

/// Aggregates by key; with two ports the second one is for rows that come too late.
pub(super) struct GroupingOperator<K: KeyKind, C: Cells, S, const N: usize> {
    by: Arc<Grouping<K, C>>,
    groups: S,
    dropped_late: Counter,
    schema: SchemaRef,
    /// What the groups have given out, row by row.
    made: Outbox,
}

impl<K: KeyKind, C: Cells, S: Groups<Grouping<K, C>>, const N: usize> GroupingOperator<K, C, S, N> {
    pub(super) fn new(by: Arc<Grouping<K, C>>, groups: S, dropped_late: Counter, schema: SchemaRef) -> Self {
        GroupingOperator { by, groups, dropped_late, schema, made: Outbox::default() }
    }

    /// Lets the groups give out rows, and sends these as columns.
    fn give_out<R>(
        &mut self,
        out: [ColumnEmitter<'_>; N],
        call: impl FnOnce(&mut S, &Grouping<K, C>, &mut Emitter<'_, (K::Key, C::Acc)>) -> Result<R>,
    ) -> Result<R> {
        let result = call(&mut self.groups, &self.by, &mut Emitter::new(&mut self.made))?;
        if let Some(out) = out.into_iter().next() {
            self.send(out)?;
        }
        Ok(result)
    }

    fn send(&mut self, mut out: ColumnEmitter<'_>) -> Result<()> {
        while let Some(mut batch) = self.made.pop() {
            let rows = typed::<(K::Key, C::Acc)>(&mut *batch)?;
            let mut columns = self.by.keys.arrays(rows.values.iter().map(|(key, _)| key))?;
            columns.extend(self.by.cells.arrays(rows.values.iter().map(|(_, acc)| acc))?);
            let made = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(kernel_failed)?;
            let mut made = ColumnBatch { rows: made, ..ColumnBatch::default() };
            made.meta.values.resize(rows.len(), ());
            made.meta.take_meta(rows);
            out.forward(&mut made)?;
            self.made.recycle(batch);
        }
        Ok(())
    }
}

/// Rows that come too late.
#[derive(Default)]
struct Late {
    dropped: u64,
    rows: Vec<u32>,
    meta: Batch<()>,
}

impl Late {
    #[cold]
    fn take<R>(&mut self, run: &Run<'_, R>, meta: &Batch<()>, is_wanted: bool) {
        self.dropped += run.elements.len() as u64 * run.late.len() as u64;
        if is_wanted {
            for i in run.elements.clone() {
                for window in run.late {
                    self.rows.push(i as u32);
                    self.meta.push_in((), meta.times.get(i), *window, meta.panes.get(i));
                }
            }
        }
    }
}

impl<K: KeyKind, C: Cells, S: Groups<Grouping<K, C>>, const N: usize> ColumnOperator for GroupingOperator<K, C, S, N> {
    type Out = ColumnPorts<N>;

    fn batch(&mut self, input: &mut ColumnBatch, mut out: [ColumnEmitter<'_>; N]) -> Result<()> {
        let (by, meta) = (&*self.by, &input.meta);
        let mut keys = by.keys.keys(&input.rows)?;
        let values = by.cells.batch(&input.rows)?;
        let mut late = Late::default();
        self.groups.for_each_run(meta, meta.len(), |run| {
            if !run.late.is_empty() {
                late.take(&run, meta, N > 1);
            }
            let Some(rows) = run.rows else { return Ok(()) };
            for i in run.elements {
                let (arrival, window) = (|| Arrival::of(meta.times.get(i)), || meta.window(i));
                rows.add(by, keys.key(i), arrival, window, |acc| by.cells.add(&values, acc, i)).map_err(Into::into)?;
            }
            Ok(())
        })?;
        if late.dropped > 0 {
            self.dropped_late.add(late.dropped);
        }
        if let Some(out) = out.get_mut(1)
            && !late.rows.is_empty()
        {
            let rows = take_record_batch(&input.rows, &UInt32Array::from(late.rows)).map_err(kernel_failed)?;
            out.forward(&mut ColumnBatch { rows, meta: late.meta })?;
        }
        Ok(())
    }

    fn reads_only(&self) -> bool {
        true
    }

    fn finish_bundle(&mut self, out: [ColumnEmitter<'_>; N]) -> Result<()> {
        self.give_out(out, |groups, by, out| groups.finish_bundle(by, out))
    }

    fn watermark(&mut self, watermark: Timestamp, out: [ColumnEmitter<'_>; N]) -> Result<Advance> {
        self.give_out(out, |groups, by, out| groups.advance(by, watermark, out))
    }

    fn processing_time(&mut self, now: Timestamp, out: [ColumnEmitter<'_>; N]) -> Result<bool> {
        self.give_out(out, |groups, by, out| groups.processing_time(by, now, out))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.groups.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.groups.restore(&self.by, from)
    }
}
