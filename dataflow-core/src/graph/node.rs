//! Transforms and what joins them.

use crate::metrics::Counter;
use crate::plane::{ErasedBatch, Outbox, Step};
use crate::source::ErasedSource;
use crate::test_stream::ErasedTestStream;
use crate::{Boundedness, DurableRun, Metrics, Result};
use dataflow_windows::{Timestamp, WindowingStrategy};
use std::sync::Arc;

/// The number of a transform in its graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub usize);

/// An output of a transform.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortId {
    /// The transform.
    pub node: NodeId,
    /// The number of its output.
    pub port: usize,
}

/// A transform.
pub struct Node {
    /// Its full name: the path of names that leads to it, joined by `/`.
    pub name: String,
    /// What it is, in Beam's terms: `Read`, `ParDo`, `GroupByKey`, ...
    pub transform: &'static str,
    /// What more there is to know of it, for `explain()`.
    pub detail: String,
    /// Which way of doing its work it takes, where there are several.
    pub path: Option<Path>,
    /// Whether it leaves what it reads as it was.
    pub reads_only: bool,
    /// How it runs.
    pub kind: NodeKind,
    /// Where its elements come from.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<OutputPort>,
}

/// One of several ways in which a transform can do its work, for `explain()`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// What it is: `fast`, `general`, ...
    pub name: &'static str,
    /// Why it is not a faster one, as a clause: "the trigger fires early". Empty where there is none.
    pub why: String,
}

impl Path {
    /// The fastest one.
    pub fn fastest(name: &'static str) -> Self {
        Path { name, why: String::new() }
    }

    /// One that is taken since a faster one cannot be.
    pub fn since(name: &'static str, why: impl Into<String>) -> Self {
        Path { name, why: why.into() }
    }
}

/// How a transform runs.
pub enum NodeKind {
    /// It reads a source.
    Read(Arc<dyn ErasedSource>),
    /// A test steps it.
    TestStream(Arc<dyn ErasedTestStream>),
    /// An operator runs it.
    Operator(OperatorFactory),
    /// An operator runs it that writes to a sink, which begins and ends the run.
    Write(OperatorFactory, Arc<dyn SinkHooks>),
}

/// Makes the operator of one shard.
pub type OperatorFactory = Arc<dyn Fn(&OperatorContext) -> Result<Box<dyn Step>> + Send + Sync>;

/// What an operator may know of the run.
pub struct OperatorContext {
    /// The number of the shard (thread) it is made for.
    pub shard: usize,
    /// How many shards there are.
    pub shards: usize,
    /// The full name of the step.
    pub step: String,
    /// Where it counts.
    pub metrics: Metrics,
}

impl OperatorContext {
    /// The step's counter with this name.
    pub fn counter(&self, name: &str) -> Counter {
        self.metrics.counter(&self.step, name).on_thread(self.shard)
    }
}

/// What a sink does once per run, not once per shard: see [`crate::Sink`].
pub trait SinkHooks: Send + Sync {
    /// Before anything is read.
    fn prepare(&self) -> Result<()>;
    /// Instead of `prepare` in a run with checkpoints.
    fn resume(&self, run: &DurableRun) -> Result<()>;
    /// After all writers have closed.
    fn finish(&self) -> Result<()>;
    /// After a failure.
    fn abort(&self);
    /// The pipeline was dropped, and nobody has run it.
    fn never_ran(&self) {}
    /// The result of the run was dropped, and nobody has waited for its end.
    fn never_waited_for(&self) {}
}

/// What a transform reads from.
#[derive(Clone)]
pub struct Input {
    /// The output of another transform.
    pub from: PortId,
    /// What it is to this one.
    pub role: Role,
    /// Which shard its elements go to.
    pub routing: Routing,
}

impl Input {
    /// Whether elements can change the thread on this input when there are `shards` of them.
    pub fn is_exchanged(&self, shards: usize) -> bool {
        shards > 1 && !matches!(self.routing, Routing::Forward)
    }
}

/// What an input is to a transform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Its elements are processed.
    Main,
    /// Its elements are there to be looked at.
    Side,
}

/// Which shard an element goes to.
#[derive(Clone)]
pub enum Routing {
    /// It stays where it is.
    Forward,
    /// To the owner of its key.
    ByKey(ExchangeFactory, Lifting),
    /// To all of them.
    Broadcast,
}

/// Whether elements of a key are combined before they leave their thread, for `explain()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifting {
    /// The step does not combine them.
    NotAsked,
    /// They are.
    Combined,
    /// They are not, for this reason, a clause: "late elements are an output".
    NotPossible(&'static str),
}

/// Makes the [`Exchange`] of one sender, to the given number of shards.
pub type ExchangeFactory = Arc<dyn Fn(usize) -> Box<dyn Exchange> + Send + Sync>;

/// Deals out batches by key: one outbox per shard.
///
/// What it sends need not be the elements: it may combine them, if the operator behind it takes
/// [that](crate::plane::Operator::combined), too.
pub trait Exchange: Send {
    /// Takes all elements of `batch`. Full batches go to the outboxes, the rest waits.
    ///
    /// # Errors
    /// If the batch is of the wrong type, or user code that finds the key panics.
    fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()>;

    /// Whether [`deal`](Self::deal) leaves batches as they were.
    fn reads_only(&self) -> bool {
        false
    }

    /// The watermark of what is dealt comes to `watermark`, and is sent next: what waits and would be late then goes to
    /// the outboxes.
    ///
    /// # Errors
    /// If an outbox is of another type.
    fn watermark(&mut self, _watermark: Timestamp, to: &mut [Outbox]) -> Result<()> {
        self.flush(to)
    }

    /// What waits goes to the outboxes.
    ///
    /// # Errors
    /// If an outbox is of another type.
    fn flush(&mut self, to: &mut [Outbox]) -> Result<()>;
}

/// What a transform makes: a collection.
#[derive(Clone, Debug)]
pub struct OutputPort {
    /// Its name among the outputs, `main` for an only one.
    pub tag: String,
    /// The name of the element type.
    pub type_name: &'static str,
    /// How it is windowed.
    pub windowing: WindowingStrategy,
    /// Whether it ends.
    pub boundedness: Boundedness,
}
