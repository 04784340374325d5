//! What runs a step.

use super::erased::{ErasedBatch, typed};
use super::{Batch, Ports, StateReader, StateWriter};
use crate::{Data, Result};
use dataflow_windows::Timestamp;

/// What an operator says after the watermark has moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advance {
    /// The watermark of its output: that of its input, or less where it holds something back.
    pub watermark: Timestamp,
    /// There is more to emit: it wants to be called again with the same watermark once there is room downstream.
    pub more: bool,
    /// There may be output before any input comes: a timer of processing time is set, or elements wait for a side input.
    /// Those after the step wait for its watermark then, also while its input is idle.
    pub pending: bool,
}

impl Advance {
    /// Nothing is held and nothing is left to emit.
    pub const fn to(watermark: Timestamp) -> Self {
        Advance { watermark, more: false, pending: false }
    }

    /// More is to be emitted, none of it before `watermark`.
    pub const fn more(watermark: Timestamp) -> Self {
        Advance { watermark, more: true, pending: false }
    }

    /// The same, with or without output that may come of its own accord.
    #[must_use]
    pub const fn pending(self, pending: bool) -> Self {
        Advance { pending, ..self }
    }
}

/// The operator of a step: typed, single-threaded, without I/O, clocks or randomness of its own.
///
/// The executor calls it with batches and watermarks in the order in which they come, snapshots it between calls, and
/// owns all memory: an operator drains a batch or swaps columns out of it. There is one instance per shard (thread).
pub trait Operator: Send + 'static {
    /// The elements it takes.
    type In: Data;
    /// The elements it makes, a tuple with one type per output port.
    type Out: Ports;

    /// Whether [`batch`](Self::batch) leaves its input as it was. Then others can be given the same batch, not a copy.
    const READS_ONLY: bool = false;

    /// Takes a batch.
    fn batch(&mut self, input: &mut Batch<Self::In>, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()>;

    /// Takes elements that the [exchange](crate::graph::Exchange) before it has combined: a batch of a type that the two
    /// have agreed on.
    fn combined(&mut self, batch: &mut dyn ErasedBatch, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        typed::<Self::In>(batch).map(|_| ()) // it is not
    }

    /// The watermark of the input is at `watermark`: no elements before it will come. Called when it has moved, after each
    /// bundle, and when [`processing_time`](Self::processing_time) asks for it; then `watermark` may be the same as before.
    fn watermark(&mut self, watermark: Timestamp, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<Advance> {
        Ok(Advance::to(watermark))
    }

    /// The bundle ends: what was put off until then is to be done now. Called before the watermark moves and before a
    /// snapshot.
    fn finish_bundle(&mut self, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        Ok(())
    }

    /// Processing time has come to `now`. Called before anything else, and every now and then, also when nothing else
    /// happens. Returns whether the watermark of the output may have changed thereby: [`watermark`](Self::watermark) is
    /// called then.
    fn processing_time(&mut self, _now: Timestamp, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Writes all state, such that a fresh instance that is given it goes on as this one would. Operators without state
    /// write nothing.
    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()>;

    /// Takes up the state that was written by the instances of an earlier run.
    fn restore(&mut self, from: StateReader<'_>) -> Result<()>;

    /// The state that was restored is of a checkpoint that is durable and will not be gone back behind: what is published
    /// may be now. Called in runs with checkpoints alone.
    fn committed(&mut self) -> Result<()> {
        Ok(())
    }

    /// The run ends well: all input has come.
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// An operator with a second input that every shard sees whole: a side input.
pub trait SideOperator: Operator {
    /// The elements of the side input.
    type Side: Data;

    /// Takes a batch of the side input.
    fn side_batch(&mut self, side: &mut Batch<Self::Side>, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()>;

    /// The watermark of the side input has moved. Returns what the operator now holds the output at, as
    /// [`Operator::watermark`] does, given that the main input is at `main`.
    fn side_watermark(
        &mut self,
        side: Timestamp,
        main: Timestamp,
        out: <Self::Out as Ports>::Emitters<'_>,
    ) -> Result<Advance>;
}
