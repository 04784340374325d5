//! Where elements go.

use crate::metrics::Counter;
use crate::plane::Batch;
use crate::{Data, Error, Result, stable_hash_of};
use dataflow_windows::Timestamp;

/// What the engine tells a sink about the run it takes part in.
pub struct SinkContext {
    /// Which of the sink's shards this is, from 0.
    pub shard: usize,
    /// How many there are: one per thread.
    pub shards: usize,
    counter: Box<dyn Fn(&str) -> Counter + Send>,
}

impl SinkContext {
    /// A context for `shard` of `shards`, whose counters come from `counter`.
    pub fn new(shard: usize, shards: usize, counter: impl Fn(&str) -> Counter + Send + 'static) -> Self {
        SinkContext { shard, shards, counter: Box::new(counter) }
    }

    /// A counter of the sink's step, such as `"files"`; shards that ask for the same name share it.
    pub fn counter(&self, name: &str) -> Counter {
        (self.counter)(name)
    }
}

/// What a sink is told of a run with checkpoints, which may go on from what an earlier process has left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DurableRun {
    /// Names the sink among all that write to the same place: letters, digits and `-`, the same for all processes that go on
    /// from the same checkpoints, and for no other pipeline and step.
    pub checkpoints: String,
    /// Whether there is a checkpoint to go on from. Else nothing has been published yet.
    pub resumed: bool,
}

impl DurableRun {
    /// The same for the sink of a step of the run, by its full name.
    #[must_use]
    pub fn of_step(&self, name: &str) -> Self {
        let checkpoints = format!("{}-{:016x}", self.checkpoints, stable_hash_of(name.as_bytes()));
        DurableRun { checkpoints, resumed: self.resumed }
    }
}

/// Where elements go. Its writers, one per shard, take the elements; the sink itself begins and ends the run.
///
/// What a writer has taken need not be seen by readers before `finish`, but must never be seen in part.
pub trait Sink<T: Data>: Send + Sync + 'static {
    /// Takes the elements of one shard.
    type Writer: SinkWriter<T>;

    /// Where it writes, in a few words, for `explain()`.
    fn describe(&self) -> String {
        String::new()
    }

    /// Called once, before anything is read: checks the target and cleans what a killed run has left.
    ///
    /// # Errors
    /// If the target cannot be written to or holds what must not be overwritten; the message says what to do.
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// Called instead of [`prepare`](Self::prepare) in a run with checkpoints, before the writers of an earlier process are
    /// [restored](SinkWriter::restore).
    ///
    /// A sink that has this makes things durable in [`SinkWriter::checkpoint`], shows them in [`SinkWriter::committed`],
    /// and nothing before. An earlier process of the same checkpoints may be alive (at work, stopped, or slow): it must
    /// neither be waited for nor do harm when it goes on. An [`abort`](Self::abort) must not remove what a checkpoint may
    /// name, nor what is published.
    ///
    /// What earlier processes have left and no checkpoint names is to be removed, with care: the process may itself be put
    /// to sleep at any moment, and find the files of its successors when it wakes up. The call comes before the process
    /// takes the checkpoints over, so nothing that is there *now* is of a successor: of that, what no writer is restored
    /// with may be removed as soon as there is something to checkpoint, and nothing else.
    ///
    /// # Errors
    /// If it cannot go on, as all sinks that do not say otherwise: they would lose data, or write it twice.
    fn resume(&self, _run: &DurableRun) -> Result<()> {
        Err(Error::options(
            "this sink cannot go on from a checkpoint of another process: run without --checkpoint, or write to a sink \
             that can, such as files",
        ))
    }

    /// Opens the writer of a shard.
    ///
    /// # Errors
    /// If it cannot write.
    fn open(&self, context: SinkContext) -> Result<Self::Writer>;

    /// Called once, after all writers have closed without an error.
    ///
    /// # Errors
    /// If what was written cannot be made visible.
    fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// Called once instead of [`finish`](Self::finish) after the run has failed, or was stopped after a checkpoint, when all
    /// writers are dropped.
    fn abort(&self) {}
}

/// Takes the elements of one shard of a [`Sink`]. Dropped without [`close`](Self::close) after an error: it must then
/// make nothing visible.
pub trait SinkWriter<T: Data>: Send + 'static {
    /// Whether [`write`](Self::write) leaves batches as they were. Then other steps can be given the same batch, not a copy.
    const READS_ONLY: bool = false;

    /// Takes all elements of `batch`, leaving it empty or as it is.
    ///
    /// # Errors
    /// If they cannot be written.
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()>;

    /// Called every now and then, also when there are no elements, with the time of day: for what hangs on age.
    ///
    /// # Errors
    /// If what is due cannot be written.
    fn processing_time(&mut self, _now: Timestamp) -> Result<()> {
        Ok(())
    }

    /// Makes what was taken durable, and says in bytes what a writer of a later run needs to know to go on. It need not
    /// stay possible to go on with this writer.
    ///
    /// # Errors
    /// If it cannot be made durable.
    fn checkpoint(&mut self) -> Result<Vec<u8>>;

    /// Takes over from a writer of an earlier run. Called before any element, once for each state that falls to this shard.
    ///
    /// # Errors
    /// If the state cannot be understood or what it names is gone.
    fn restore(&mut self, state: &[u8]) -> Result<()>;

    /// What was [restored](Self::restore) is of a checkpoint that is durable and will not be gone back behind: readers may
    /// see it now. Called in runs with checkpoints alone, after each checkpoint and when a process has taken over. It may
    /// have been published before, by a process that was killed or by one that still runs: publishing twice must be
    /// publishing once.
    ///
    /// # Errors
    /// If it cannot be made visible.
    fn committed(&mut self) -> Result<()> {
        Ok(())
    }

    /// All elements have come.
    ///
    /// # Errors
    /// If they cannot be written.
    fn close(&mut self) -> Result<()>;
}
