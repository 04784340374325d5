//! The end of a collection: a sink.

use dataflow_core::graph::SinkHooks;
use dataflow_core::plane::{Batch, Operator, StateReader, StateWriter};
use dataflow_core::{Data, DurableRun, PCollection, Result, Sink, SinkContext, SinkWriter, StepSpec};
use dataflow_windows::Timestamp;
use std::marker::PhantomData;
use std::sync::Arc;

/// `write`: hands the elements to a sink.
pub trait Write<T: Data> {
    /// Hands all elements to `sink`, on each thread to a writer of its own.
    fn write<S: Sink<T>>(&self, name: &str, sink: S);
}

impl<T: Data> Write<T> for PCollection<T> {
    fn write<S: Sink<T>>(&self, name: &str, sink: S) {
        let sink = Arc::new(sink);
        let spec = StepSpec { detail: sink.describe(), ..StepSpec::new(name, "Write") };
        let hooks = Arc::new(Hooks { sink: sink.clone(), element: PhantomData::<fn(T)> });
        self.apply_write(spec, hooks, move |context| {
            let (metrics, step) = (context.metrics.clone(), context.step.clone());
            let counter = move |name: &str| metrics.counter(&step, name);
            let writer = sink.open(SinkContext::new(context.shard, context.shards, counter))?;
            Ok(WriteOperator { writer, element: PhantomData::<fn(T)> })
        });
    }
}

struct Hooks<S, T> {
    sink: Arc<S>,
    element: PhantomData<fn(T)>,
}

impl<T: Data, S: Sink<T>> SinkHooks for Hooks<S, T> {
    fn prepare(&self) -> Result<()> {
        self.sink.prepare()
    }
    fn resume(&self, run: &DurableRun) -> Result<()> {
        self.sink.resume(run)
    }
    fn finish(&self) -> Result<()> {
        self.sink.finish()
    }
    fn abort(&self) {
        self.sink.abort();
    }
}

struct WriteOperator<W, T> {
    writer: W,
    element: PhantomData<fn(T)>,
}

impl<T: Data, W: SinkWriter<T>> Operator for WriteOperator<W, T> {
    type In = T;
    type Out = ();

    const READS_ONLY: bool = W::READS_ONLY;

    fn batch(&mut self, input: &mut Batch<T>, (): ()) -> Result<()> {
        self.writer.write(input)
    }

    fn processing_time(&mut self, now: Timestamp, (): ()) -> Result<bool> {
        self.writer.processing_time(now)?;
        Ok(false)
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        to.shard(&self.writer.checkpoint()?)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.shard::<Vec<u8>>()?.iter().try_for_each(|state| self.writer.restore(state))
    }

    fn committed(&mut self) -> Result<()> {
        self.writer.committed()
    }

    fn close(&mut self) -> Result<()> {
        self.writer.close()
    }
}
