//! The one module where types are erased: typed [`Batch`]es and [`Operator`]s in front, ids and dyn objects behind.
//!
//! A dynamic call and a downcast happen per batch and edge, never per element.

use super::{Advance, Batch, Operator, Outbox, Ports, SideOperator, StateReader, StateWriter};
use crate::{Data, Error, Result};
use dataflow_windows::Timestamp;
use std::any::{Any, type_name};

/// A batch of some type; implemented for every `Batch<T>`, and by crates that have batches of a kind of their own, such
/// as columns.
pub trait ErasedBatch: Send {
    /// The number of elements.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Removes all elements, keeping the memory.
    fn clear(&mut self);
    /// For the downcast in [`typed`].
    fn as_any(&mut self) -> &mut dyn Any;
    /// The element type's name.
    fn type_name(&self) -> &'static str;
    /// A copy.
    fn duplicate(&self) -> AnyBatch;
    /// Cuts off the elements from number `at` on, which must not be behind the last one.
    fn split_off(&mut self, at: usize) -> AnyBatch;
    /// Bounds of the timestamps.
    fn bounds(&self) -> super::Bounds;
    /// Whether its elements own memory, which is best freed by the thread that has allocated it.
    fn owns_memory(&self) -> bool {
        false
    }
    /// Whether nobody looks at it after the step that gets it now.
    fn set_last(&mut self, _is_last: bool) {}
}

/// A batch whose element type is known only to the steps at its two ends.
pub type AnyBatch = Box<dyn ErasedBatch>;

impl<T: Data> ErasedBatch for Batch<T> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn clear(&mut self) {
        Batch::clear(self);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn duplicate(&self) -> AnyBatch {
        Box::new(self.clone())
    }

    fn split_off(&mut self, at: usize) -> AnyBatch {
        Box::new(Batch::split_off(self, at))
    }

    fn bounds(&self) -> super::Bounds {
        self.bounds
    }

    fn owns_memory(&self) -> bool {
        std::mem::needs_drop::<T>()
    }

    fn set_last(&mut self, is_last: bool) {
        self.is_last = is_last;
    }
}

/// The batch as one of `T`.
///
/// # Errors
/// If it is one of another type; the error names both.
#[inline]
pub fn typed<T: Data>(batch: &mut dyn ErasedBatch) -> Result<&mut Batch<T>> {
    let got = batch.type_name();
    batch.as_any().downcast_mut().ok_or_else(|| {
        Error::internal(format!("a step that takes elements of type {} was given {got}", type_name::<T>()))
    })
}

/// Whether the batch is one of `T`.
#[inline]
pub fn is_of<T: Data>(batch: &mut dyn ErasedBatch) -> bool {
    batch.as_any().is::<Batch<T>>()
}

/// An operator behind the erasure: all that an executor knows of it. See [`Operator`] for what the calls mean.
pub trait Step: Send {
    /// A batch of the main input.
    fn batch(&mut self, batch: &mut dyn ErasedBatch, out: &mut [Outbox]) -> Result<()>;
    /// Whether it leaves batches of the main input as they were.
    fn reads_only(&self) -> bool;
    /// The watermark of the main input has moved.
    fn watermark(&mut self, watermark: Timestamp, out: &mut [Outbox]) -> Result<Advance>;
    /// A batch of the side input.
    fn side_batch(&mut self, batch: &mut dyn ErasedBatch, out: &mut [Outbox]) -> Result<()>;
    /// The watermark of the side input has moved.
    fn side_watermark(&mut self, side: Timestamp, main: Timestamp, out: &mut [Outbox]) -> Result<Advance>;
    /// The bundle ends.
    fn finish_bundle(&mut self, out: &mut [Outbox]) -> Result<()>;
    /// Processing time has come to `now`.
    fn processing_time(&mut self, now: Timestamp, out: &mut [Outbox]) -> Result<bool>;
    /// Writes all state.
    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()>;
    /// Takes up state.
    fn restore(&mut self, from: StateReader<'_>) -> Result<()>;
    /// The state that was restored is durable.
    fn committed(&mut self) -> Result<()> {
        Ok(())
    }
    /// The run ends well.
    fn close(&mut self) -> Result<()>;
}

/// Makes a [`Step`] of an [`Operator`].
pub struct Erase<O>(pub O);

/// Makes a [`Step`] of a [`SideOperator`].
pub struct EraseWithSide<O>(pub O);

macro_rules! forward_to_operator {
    () => {
        fn batch(&mut self, batch: &mut dyn ErasedBatch, out: &mut [Outbox]) -> Result<()> {
            match is_of::<O::In>(batch) {
                true => self.0.batch(typed(batch)?, O::Out::emitters(out)?),
                false => self.0.combined(batch, O::Out::emitters(out)?),
            }
        }
        fn reads_only(&self) -> bool {
            O::READS_ONLY
        }
        fn watermark(&mut self, watermark: Timestamp, out: &mut [Outbox]) -> Result<Advance> {
            self.0.watermark(watermark, O::Out::emitters(out)?)
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
        fn committed(&mut self) -> Result<()> {
            self.0.committed()
        }
        fn close(&mut self) -> Result<()> {
            self.0.close()
        }
    };
}

impl<O: Operator> Step for Erase<O> {
    forward_to_operator!();

    fn side_batch(&mut self, _: &mut dyn ErasedBatch, _: &mut [Outbox]) -> Result<()> {
        Err(Error::internal("a step without a side input was given a batch of one"))
    }

    fn side_watermark(&mut self, _: Timestamp, _: Timestamp, _: &mut [Outbox]) -> Result<Advance> {
        Err(Error::internal("a step without a side input was given the watermark of one"))
    }
}

impl<O: SideOperator> Step for EraseWithSide<O> {
    forward_to_operator!();

    fn side_batch(&mut self, batch: &mut dyn ErasedBatch, out: &mut [Outbox]) -> Result<()> {
        self.0.side_batch(typed(batch)?, O::Out::emitters(out)?)
    }

    fn side_watermark(&mut self, side: Timestamp, main: Timestamp, out: &mut [Outbox]) -> Result<Advance> {
        self.0.side_watermark(side, main, O::Out::emitters(out)?)
    }
}
