//! What runs a step whose input is columns.

use crate::ColumnBatch;
use crate::batch::columns_of;
use dataflow_core::plane::{Advance, ErasedBatch, Outbox, Ports, StateReader, StateWriter, Step};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;

/// The operator of a step whose input is columns: what [`Operator`](dataflow_core::plane::Operator) is for elements, whose
/// documentation says what the calls mean. Applied by [`Columns::apply_operator`](crate::Columns::apply_operator).
pub trait ColumnOperator: Send + 'static {
    /// What it makes: [`ColumnPorts`](crate::ColumnPorts), or a tuple of types of elements.
    type Out: Ports;

    /// Takes a batch.
    ///
    /// # Errors
    /// Whatever the run is to end with.
    fn batch(&mut self, input: &mut ColumnBatch, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()>;

    /// Whether [`batch`](Self::batch) leaves its input as it was. Then others can be given the same batch, not a copy.
    fn reads_only(&self) -> bool {
        false
    }

    /// The watermark of the input is at `watermark`.
    ///
    /// # Errors
    /// Whatever the run is to end with.
    fn watermark(&mut self, watermark: Timestamp, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<Advance> {
        Ok(Advance::to(watermark))
    }

    /// The bundle ends.
    ///
    /// # Errors
    /// Whatever the run is to end with.
    fn finish_bundle(&mut self, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        Ok(())
    }

    /// Processing time has come to `now`.
    ///
    /// # Errors
    /// Whatever the run is to end with.
    fn processing_time(&mut self, _now: Timestamp, _out: <Self::Out as Ports>::Emitters<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Writes all state; by default there is none.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn snapshot(&mut self, _to: &mut StateWriter) -> Result<()> {
        Ok(())
    }

    /// Takes up the state that was written by the instances of an earlier run.
    ///
    /// # Errors
    /// If it is not what this operator writes.
    fn restore(&mut self, _from: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}

/// Makes a [`Step`] of a [`ColumnOperator`].
pub(crate) struct EraseColumns<O>(pub(crate) O);

impl<O: ColumnOperator> Step for EraseColumns<O> {
    fn batch(&mut self, batch: &mut dyn ErasedBatch, out: &mut [Outbox]) -> Result<()> {
        let batch = columns_of(batch)?;
        let len = batch.len();
        // Kernels work on all rows at once: a row is known only to errors that name it.
        let made = self.0.batch(batch, O::Out::emitters(out)?);
        made.map_err(|e| e.at_position(format!("a batch of {len} rows")))
    }

    fn reads_only(&self) -> bool {
        self.0.reads_only()
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut [Outbox]) -> Result<Advance> {
        self.0.watermark(watermark, O::Out::emitters(out)?)
    }

    fn side_batch(&mut self, _: &mut dyn ErasedBatch, _: &mut [Outbox]) -> Result<()> {
        Err(Error::internal("a step of columns has no side input, and was given a batch of one"))
    }

    fn side_watermark(&mut self, _: Timestamp, _: Timestamp, _: &mut [Outbox]) -> Result<Advance> {
        Err(Error::internal("a step of columns has no side input, and was given the watermark of one"))
    }

    fn finish_bundle(&mut self, out: &mut [Outbox]) -> Result<()> {
        self.0.finish_bundle(O::Out::emitters(out)?)
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut [Outbox]) -> Result<bool> {
        self.0.processing_time(now, O::Out::emitters(out)?)
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.0.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.0.restore(from)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
