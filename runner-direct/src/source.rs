//! One thread's reading of one source.

use crate::splits::Splits;
use dataflow_core::graph::NodeId;
use dataflow_core::source::ErasedReader;
use dataflow_core::{Poll, Result};
use dataflow_exec::Executor;
use dataflow_windows::Timestamp;
use std::sync::Arc;

/// After so many batches the watermark is passed on, if it has moved.
const WATERMARK_EVERY: u32 = 16;

/// What came of reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A batch, or a step toward one.
    Some,
    /// Nothing now.
    Nothing,
    /// All is read.
    Finished,
}

/// One thread's reading of one source.
pub(crate) struct SourceTask {
    pub(crate) node: NodeId,
    pub(crate) step: String,
    pub(crate) splits: Arc<Splits>,
    /// Whether side inputs hang on it: such sources are read first, so that little has to wait for them.
    pub(crate) feeds_side_input: bool,
    reader: Option<(u64, Box<dyn ErasedReader>)>,
    hungry: bool,
    batches: u32,
    sent: Timestamp,
}

impl SourceTask {
    pub(crate) fn new(node: NodeId, step: String, splits: Arc<Splits>, feeds_side_input: bool) -> Self {
        let (reader, hungry, batches, sent) = (None, false, 0, Timestamp::MIN);
        SourceTask { node, step, splits, feeds_side_input, reader, hungry, batches, sent }
    }

    /// Reads a batch and lets the executor work it off. `others` says that there are threads to share splits with.
    pub(crate) fn read(&mut self, executor: &mut Executor, others: bool) -> Result<Read> {
        if self.reader.is_none() && !self.open()? {
            self.pass_watermark(executor)?;
            return Ok(if self.splits.is_finished() { Read::Finished } else { Read::Nothing });
        }
        let Some((id, reader)) = &mut self.reader else { return Ok(Read::Nothing) };
        let (poll, batch) = reader
            .poll(executor.source_outbox(self.node))
            .map_err(|e| e.at_step(&self.step).at_position(reader.position()))?;
        let some = !batch.is_empty();
        if some {
            executor.push(self.node, batch).map_err(|e| e.read_at(&reader.position()))?;
        } else {
            executor.source_outbox(self.node).recycle(batch);
        }
        let due = self.batches >= WATERMARK_EVERY || poll != Poll::More;
        self.batches = if due { 0 } else { self.batches + 1 };
        if due {
            self.splits.update(*id, reader.watermark(), reader.progress());
        }
        if poll == Poll::End {
            self.splits.finish(*id, reader.progress());
            self.reader = None;
        } else if others
            && self.splits.wants_part()
            && let Some(part) = reader.split(0.5)?
        {
            self.splits.add(part);
        }
        if due {
            self.pass_watermark(executor)?;
        }
        Ok(if poll == Poll::Pending && !some { Read::Nothing } else { Read::Some })
    }

    /// Opens the next split, if there is one.
    fn open(&mut self) -> Result<bool> {
        let next = self.splits.take();
        if next.is_none() != self.hungry {
            self.hungry = next.is_none();
            self.splits.set_hungry(self.hungry);
        }
        let Some((id, split)) = next else { return Ok(false) };
        let reader = self.splits.source.open(&split).map_err(|e| e.at_step(&self.step))?;
        self.reader = Some((id, reader));
        Ok(true)
    }

    /// Tells the executor the watermark of the source, if it has moved. Returns whether it has.
    pub(crate) fn pass_watermark(&mut self, executor: &mut Executor) -> Result<bool> {
        let watermark = self.splits.watermark();
        let moved = watermark > self.sent;
        if moved {
            self.sent = watermark;
            executor.source_watermark(self.node, watermark)?;
        }
        Ok(moved)
    }

    /// Stops reading for good: what is not read yet is given up.
    pub(crate) fn stop(&mut self) {
        self.splits.clear();
        if let Some((id, reader)) = self.reader.take() {
            self.splits.finish(id, reader.progress());
        }
    }

    /// Puts the split that is being read back, as it is now.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        if let Some((id, mut reader)) = self.reader.take() {
            let rest = reader.checkpoint().map_err(|e| e.at_step(&self.step).at_position(reader.position()))?;
            self.splits.give_back(id, rest, reader.progress());
        }
        Ok(())
    }
}
