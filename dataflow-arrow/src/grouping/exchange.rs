//! Deals rows out to the shards that own their keys.

use super::key::{KeyKind, Keys};
use crate::ColumnBatch;
use crate::batch::{columns_of, kernel_failed};
use crate::port::ColumnEmitter;
use arrow_array::UInt32Array;
use arrow_select::take::take_record_batch;
use dataflow_core::graph::Exchange;
use dataflow_core::plane::{ErasedBatch, Outbox};
use dataflow_core::{Key, Result, shard_of};

pub(super) struct ColumnExchange<K> {
    keys: K,
    /// The rows for each shard.
    rows: Vec<Vec<u32>>,
}

impl<K: KeyKind> ColumnExchange<K> {
    pub(super) fn boxed(keys: K, shards: usize) -> Box<dyn Exchange> {
        Box::new(ColumnExchange { keys, rows: vec![Vec::new(); shards] })
    }
}

impl<K: KeyKind> Exchange for ColumnExchange<K> {
    fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()> {
        let batch = columns_of(batch)?;
        let shards = self.rows.len();
        let mut keys = self.keys.keys(&batch.rows)?;
        for i in 0..batch.len() {
            let shard = shard_of(keys.key(i).key_group(), shards);
            self.rows[shard].push(i as u32);
        }
        drop(keys);
        for (rows, outbox) in self.rows.iter_mut().zip(to) {
            let mut out = ColumnEmitter::new(outbox);
            if rows.len() == batch.len() {
                rows.clear();
                out.forward(batch)?; // all are of one shard
                continue;
            }
            let mut part = ColumnBatch::default();
            part.meta.extend_meta(&batch.meta, rows.iter().map(|i| *i as usize));
            part.meta.values.resize(rows.len(), ());
            let numbers = UInt32Array::from(std::mem::take(rows));
            part.rows = take_record_batch(&batch.rows, &numbers).map_err(kernel_failed)?;
            out.forward(&mut part)?;
        }
        Ok(())
    }

    fn flush(&mut self, _: &mut [Outbox]) -> Result<()> {
        Ok(())
    }
}
