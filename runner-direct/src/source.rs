//! One thread's reading of one source.

use crate::random::Random;
use crate::splits::{Splits, Status};
use dataflow_core::graph::NodeId;
use dataflow_core::plane::AnyBatch;
use dataflow_core::source::ErasedReader;
use dataflow_core::{Error, Poll, Result};
use dataflow_exec::Executor;
use dataflow_windows::Timestamp;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// After so many batches the watermark is passed on, if it has moved.
const WATERMARK_EVERY: u32 = 16;

/// What came of reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A batch.
    Batch,
    /// A step toward one, or a watermark.
    Step,
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
    /// Whether it ends and side inputs hang on it: such sources are read first, so that little has to wait for them.
    pub(crate) feeds_side_input: bool,
    /// The splits that it reads: one, and those that it has come to since that one had nothing. They take turns.
    readers: VecDeque<Reader>,
    hungry: bool,
    /// What the executor knows: the watermark, and whether the source is idle (after a restart it may think so).
    sent: (Timestamp, Option<bool>),
}

struct Reader {
    id: u64,
    reader: Box<dyn ErasedReader>,
    /// How many batches were read since the watermark was looked at.
    batches: u32,
    idle: bool,
}

impl SourceTask {
    pub(crate) fn new(node: NodeId, step: String, splits: Arc<Splits>, feeds_side_input: bool) -> Self {
        let (readers, hungry, sent) = (VecDeque::new(), false, (Timestamp::MIN, None));
        SourceTask { node, step, splits, feeds_side_input, readers, hungry, sent }
    }

    /// Reads a batch and lets the executor work it off. `others` says that there are threads to share splits with; `random`
    /// cuts the batch into pieces.
    pub(crate) fn read(
        &mut self,
        executor: &mut Executor,
        others: bool,
        mut random: Option<&mut Random>,
    ) -> Result<Read> {
        // Before any has its turn again, so that none waits for one that does not end.
        if !self.readers.is_empty() && self.readers.len() < self.splits.at_once && self.open()? {
            return self.poll(executor, others, random);
        }
        // Each reader has its turn; when all have nothing, another split may have.
        for _ in 0..self.readers.len() {
            let read = self.poll(executor, others, random.as_deref_mut())?;
            if read != Read::Nothing {
                return Ok(read);
            }
        }
        if self.open()? {
            return self.poll(executor, others, random);
        }
        let moved = self.pass_watermark(executor)?;
        Ok(match (moved, self.splits.is_finished()) {
            (true, _) => Read::Step,
            (false, true) => Read::Finished,
            (false, false) => Read::Nothing,
        })
    }

    /// Polls the reader whose turn it is.
    fn poll(&mut self, executor: &mut Executor, others: bool, random: Option<&mut Random>) -> Result<Read> {
        let Some(mut current) = self.readers.pop_front() else { return Ok(Read::Nothing) };
        let Reader { id, reader, batches, idle } = &mut current;
        let outbox = executor.source_outbox(self.node);
        let (poll, batch) = on(reader, &self.step, |reader| reader.poll(outbox))?;
        let some = !batch.is_empty();
        if some && std::mem::take(idle) {
            // Before its elements, so that the watermark goes on without them no further.
            self.splits.wake(*id);
            self.pass_watermark(executor)?;
        }
        if some {
            push(executor, self.node, batch, random).map_err(|e| e.read_at(&reader.position()))?;
        } else {
            executor.source_outbox(self.node).recycle(batch);
        }
        let due = *batches >= WATERMARK_EVERY || poll != Poll::More;
        *batches = if due { 0 } else { *batches + 1 };
        if due {
            let look = |r: &mut Box<dyn ErasedReader>| Ok((r.watermark(), r.progress(), r.is_idle()));
            let (watermark, progress, is_idle) = on(reader, &self.step, look)?;
            *idle = is_idle && poll == Poll::Pending && !some;
            match poll {
                Poll::End => self.splits.finish(*id, progress),
                Poll::More | Poll::Pending => self.splits.update(*id, watermark, progress, *idle),
            }
        }
        let read = match poll {
            _ if some => Read::Batch,
            Poll::Pending => Read::Nothing,
            Poll::More | Poll::End => Read::Step,
        };
        if poll != Poll::End {
            if others
                && self.splits.wants_part()
                && let Some(part) = on(reader, &self.step, |reader| reader.split(0.5))?
            {
                self.splits.add(part);
            }
            // Now and then it is another's turn, also if this one has more and more: the others hold the watermark.
            if due {
                self.readers.push_back(current);
            } else {
                self.readers.push_front(current);
            }
        }
        if due {
            self.pass_watermark(executor)?;
        }
        Ok(read)
    }

    /// Opens the next split, if there is one.
    fn open(&mut self) -> Result<bool> {
        let next = self.splits.take();
        if next.is_none() != self.hungry {
            self.hungry = next.is_none();
            self.splits.set_hungry(self.hungry);
        }
        let Some((id, split)) = next else { return Ok(false) };
        let reader = guarded(&self.step, || self.splits.source.open(&split))?;
        self.readers.push_front(Reader { id, reader, batches: 0, idle: false });
        Ok(true)
    }

    /// Whether the watermark of the source has moved since the executor was told.
    pub(crate) fn has_watermark(&self) -> bool {
        match self.splits.status() {
            Status::Watermark(watermark) => watermark > self.sent.0 || self.sent.1 != Some(false),
            Status::Idle => self.sent.1 != Some(true),
        }
    }

    /// Tells the executor the watermark of the source, if it has moved, and whether it is idle. Returns whether there was
    /// news.
    pub(crate) fn pass_watermark(&mut self, executor: &mut Executor) -> Result<bool> {
        let status = self.splits.status();
        let idle = status == Status::Idle;
        let mut news = self.sent.1.replace(idle) != Some(idle);
        if news {
            executor.source_idle(self.node, idle)?;
        }
        if let Status::Watermark(watermark) = status
            && watermark > self.sent.0
        {
            (self.sent.0, news) = (watermark, true);
            executor.source_watermark(self.node, watermark)?;
        }
        Ok(news)
    }

    /// Stops reading for good: what is not read yet is given up.
    pub(crate) fn stop(&mut self) {
        self.splits.clear();
        for Reader { id, reader, .. } in self.readers.drain(..) {
            self.splits.finish(id, reader.progress());
        }
    }

    /// Puts the splits that are being read back, as they are now.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        for Reader { id, mut reader, .. } in self.readers.drain(..) {
            let rest = on(&mut reader, &self.step, |reader| reader.checkpoint())?;
            self.splits.give_back(id, rest, reader.progress());
        }
        Ok(())
    }
}

/// Lets the executor work off a batch: whole, or in pieces of random sizes of which some end a bundle.
fn push(executor: &mut Executor, node: NodeId, mut batch: AnyBatch, random: Option<&mut Random>) -> Result<()> {
    if let Some(random) = random {
        while batch.len() > 1 && executor.can_read(node) && !random.one_in(4) {
            let rest = batch.split_off(1 + random.below(batch.len() - 1));
            executor.push(node, std::mem::replace(&mut batch, rest))?;
            if random.one_in(4) {
                executor.flush()?;
            }
        }
    }
    executor.push(node, batch)
}

/// Calls user code of a source. An error gets the step's name; a panic becomes such an error.
fn guarded<R>(step: &str, call: impl FnOnce() -> Result<R>) -> Result<R> {
    let result = catch_unwind(AssertUnwindSafe(call));
    result.unwrap_or_else(|panic| Err(Error::panicked(&*panic))).map_err(|error| error.at_step(step))
}

/// Calls a reader. An error gets the step's name and the position, too.
fn on<R>(
    reader: &mut Box<dyn ErasedReader>,
    step: &str,
    call: impl FnOnce(&mut Box<dyn ErasedReader>) -> Result<R>,
) -> Result<R> {
    guarded(step, || call(reader)).map_err(|error| match guarded(step, || Ok(reader.position())) {
        Ok(position) if !position.is_empty() => error.at_position(position),
        _ => error,
    })
}
