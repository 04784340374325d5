//! Runs all steps of one shard (thread): depth first, one batch at a time, without I/O, clocks or blocking.
//!
//! A runner reads sources and passes their batches and watermarks in, carries [`Message`]s between shards, and asks
//! before each input whether there is room for what may come of it. Batches go through a chain of steps while they are in
//! the cache; at an exchange they are dealt out to the shards and wait in queues that the runner empties.

mod delivery;
mod links;
mod running;
mod snapshot;

pub use links::{EdgeId, Message};
pub use snapshot::Snapshot;

use dataflow_core::graph::{Graph, NodeId, NodeKind, OperatorContext};
use dataflow_core::plane::{AnyBatch, Bounds, Outbox, Step, last_position};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;
use links::Edge;
use running::Running;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A bundle ends at the latest after so many batches.
const BUNDLE_BATCHES: u32 = 256;

/// The steps of one shard, and how far each of them is.
///
/// A runner reads sources and [passes](Executor::push) their batches and watermarks in, [carries](Executor::send)
/// messages between shards, and asks [before each input](Executor::can_read) whether there is room for what comes of it.
///
/// ```
/// use dataflow_core::Pipeline;
/// use dataflow_core::graph::NodeId;
/// use dataflow_core::plane::Batch;
/// use dataflow_exec::{Executor, transforms::*};
/// use dataflow_windows::Timestamp;
/// # use dataflow_core::{PipelineOptions, PipelineResult, Result, Runner, graph::Graph};
///
/// # struct ByHand;
/// # impl Runner for ByHand {
/// #     fn name(&self) -> &str { "by hand" }
/// #     fn run(&self, graph: Graph, _: &PipelineOptions) -> Result<PipelineResult> {
/// let mut executor = Executor::new(&graph, 0, 1, None)?;
/// let mut batch = Batch::default();
/// batch.fill(3, |i| (i as i32, Timestamp::MIN));
/// executor.push(NodeId(0), Box::new(batch))?;
/// executor.source_watermark(NodeId(0), Timestamp::MAX)?;
/// assert!(executor.is_finished());
/// executor.close()?;
/// #         Err(dataflow_core::Error::options("done"))
/// #     }
/// # }
/// # let p = Pipeline::new("doc");
/// # let doubled = p.create("Numbers", vec![0i32]).map("Double", |n| n * 2).collect("Out");
/// # assert!(p.run_on(&ByHand, &PipelineOptions::default()).is_err_and(|e| e.message() == "done"));
/// # assert_eq!(doubled.sorted(), [0, 2, 4]);
/// ```
pub struct Executor {
    nodes: Vec<Running>,
    edges: Vec<Edge>,
    /// Steps that have more to emit once there is room.
    unfinished: VecDeque<NodeId>,
    /// Which step is at work, for error messages.
    current: NodeId,
    /// What it is at work on.
    work: Work,
    /// It was made from a snapshot, and its steps do not know their watermarks yet.
    restored: bool,
    bundle_batches: u32,
    /// Some sender is idle, or has been.
    knows_idle: bool,
    /// Processing time, as far as steps know it.
    now: Timestamp,
}

/// What an executor is doing, for error messages.
#[derive(Clone, Copy)]
enum Work {
    Batch { len: usize, bounds: Bounds },
    Watermark(Timestamp),
    Other(&'static str),
}

impl Executor {
    /// The steps of `graph` for `shard` of `shards`. With a snapshot they go on where its steps stood. They are to be told
    /// the [time](Self::processing_time) before anything else.
    ///
    /// # Errors
    /// If an operator cannot be made (user code in `setup` fails), or the snapshot is not of this graph.
    pub fn new(graph: &Graph, shard: usize, shards: usize, from: Option<&Snapshot>) -> Result<Self> {
        let (edges, inputs) = links::edges(graph, shards);
        let mut executor = Executor {
            nodes: Vec::with_capacity(graph.nodes.len()),
            edges,
            unfinished: VecDeque::new(),
            current: NodeId(0),
            work: Work::Other("setting up"),
            restored: from.is_some(),
            bundle_batches: BUNDLE_BATCHES,
            knows_idle: false,
            now: Timestamp::MIN,
        };
        for (id, inputs) in inputs.into_iter().enumerate() {
            let node = &graph.nodes[id];
            executor.current = NodeId(id);
            let metrics = graph.metrics.clone();
            let context = OperatorContext { shard, shards, step: node.name.clone(), metrics };
            let step = executor.make_step(&node.kind, &context)?;
            executor.nodes.push(Running::new(node, step, inputs, &context));
        }
        links::connect(graph, shards, &mut executor.nodes, &mut executor.edges);
        if let Some(snapshot) = from {
            executor.restore(graph, snapshot, shard, shards)?;
        }
        Ok(executor)
    }

    /// A bundle ends at the latest after so many batches of a step.
    pub fn set_bundle_batches(&mut self, batches: u32) {
        self.bundle_batches = batches;
    }

    fn make_step(&mut self, kind: &NodeKind, context: &OperatorContext) -> Result<Option<Box<dyn Step>>> {
        match kind {
            NodeKind::Read(_) | NodeKind::TestStream(_) => Ok(None),
            NodeKind::Operator(factory) | NodeKind::Write(factory, _) => {
                let made =
                    catch_unwind(AssertUnwindSafe(|| factory(context))).unwrap_or_else(|p| Err(Error::panicked(&*p)));
                made.map(Some).map_err(|e| e.at_step(&context.step))
            }
        }
    }

    /// The outbox of a source, to poll its readers into.
    pub fn source_outbox(&mut self, source: NodeId) -> &mut Outbox {
        &mut self.nodes[source.0].outboxes[0]
    }

    /// Takes a batch that was read from a source.
    ///
    /// # Errors
    /// An error or panic of a step, with its name and the element's position.
    pub fn push(&mut self, source: NodeId, batch: AnyBatch) -> Result<()> {
        self.guarded(|executor| {
            executor.current = source;
            executor.nodes[source.0].outboxes[0].push(batch);
            executor.emit(source)
        })
    }

    /// The watermark of a source has moved.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn source_watermark(&mut self, source: NodeId, watermark: Timestamp) -> Result<()> {
        self.guarded(|executor| executor.advance_output(source, watermark))
    }

    /// A source has nothing for a while, and nobody should wait for its watermark; or that is over.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn source_idle(&mut self, source: NodeId, idle: bool) -> Result<()> {
        self.guarded(|executor| executor.idle_output(source, idle))
    }

    /// Takes a message that shard `sender` has sent along `edge`. What is returned is a batch whose elements nobody has
    /// taken: the sender is to [have it back](Self::come_home), as memory is freed best by the thread that has allocated it.
    /// To drop it is only slower.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn receive(&mut self, edge: EdgeId, sender: usize, message: Message) -> Result<Option<AnyBatch>> {
        self.guarded(|executor| {
            let (node, input) = executor.edges[edge.0].to;
            match message {
                Message::Batch(mut batch) => {
                    if !executor.edges[edge.0].is_dealt() {
                        executor.nodes[node.0].elements_in.add(batch.len() as u64);
                    }
                    batch.set_last(false); // its elements are to go home
                    executor.deliver(node, input, &mut *batch)?;
                    if !batch.is_empty() && batch.owns_memory() {
                        return Ok(Some(batch));
                    }
                    executor.edges[edge.0].recycle(batch);
                }
                Message::Watermark(watermark) => executor.advance_input(node, input, sender, watermark)?,
                Message::Idle(idle) => executor.idle_input(node, input, sender, idle)?,
            }
            Ok(None)
        })
    }

    /// Takes back a batch that this shard has sent along `edge`: its elements are dropped, its memory is used again.
    ///
    /// # Errors
    /// If that panics.
    pub fn come_home(&mut self, edge: EdgeId, batch: AnyBatch) -> Result<()> {
        self.guarded(|executor| {
            executor.current = executor.edges[edge.0].to.0;
            executor.work = Work::Other("when elements were dropped");
            executor.edges[edge.0].recycle(batch);
            Ok(())
        })
    }

    /// Goes on with steps that had more to emit than there was room for. Returns whether anything was done.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn resume(&mut self) -> Result<bool> {
        let mut done = false;
        for _ in 0..self.unfinished.len() {
            let Some(node) = self.unfinished.pop_front() else { break };
            if self.has_room_after(node) {
                self.guarded(|executor| executor.advance(node))?;
                done = true;
            } else {
                self.unfinished.push_back(node);
            }
        }
        Ok(done)
    }

    /// Nothing more will come for a while: ends bundles, and sends what waits for more to be sent with.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn flush(&mut self) -> Result<()> {
        self.guarded(|executor| {
            for id in 0..executor.nodes.len() {
                executor.finish_bundle(NodeId(id))?;
            }
            executor.edges.iter_mut().try_for_each(Edge::flush)
        })
    }

    /// Sends what waits for more to be sent with, but lets bundles go on.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn flush_exchanges(&mut self) -> Result<()> {
        self.guarded(|executor| executor.edges.iter_mut().try_for_each(Edge::flush))
    }

    /// Whether a step is in the midst of a bundle.
    pub fn has_open_bundles(&self) -> bool {
        self.nodes.iter().any(|node| node.bundle > 0)
    }

    /// Processing time has come to `now`. For the steps it never goes back, whatever the clock does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn processing_time(&mut self, now: Timestamp) -> Result<()> {
        self.now = self.now.max(now);
        let now = self.now;
        self.guarded(|executor| {
            // All steps know the time before the first of them gets what another makes of it.
            let mut changed = Vec::new();
            for id in (0..executor.nodes.len()).map(NodeId) {
                executor.work = Work::Other("at a point in processing time");
                if executor.nodes[id.0].step.is_some()
                    && executor.run(id, |step, out| step.processing_time(now, out))?
                {
                    changed.push(id);
                }
            }
            if std::mem::take(&mut executor.restored) {
                executor.learn_all()?;
            }
            (0..executor.nodes.len()).try_for_each(|id| executor.emit(NodeId(id)))?;
            changed.into_iter().try_for_each(|node| executor.advance(node))
        })
    }

    /// Whether all input has come and all is sent.
    pub fn is_finished(&self) -> bool {
        self.nodes.iter().all(Running::is_finished) && self.unfinished.is_empty() && !self.has_mail()
    }

    /// The snapshot that it was made from is durable: sinks publish what belongs to it.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn committed(&mut self) -> Result<()> {
        self.guarded(|executor| {
            executor.work = Work::Other("while a checkpoint was published");
            for id in 0..executor.nodes.len() {
                executor.current = NodeId(id);
                if let Some(step) = &mut executor.nodes[id].step {
                    step.committed()?;
                }
            }
            Ok(())
        })
    }

    /// Ends the run well: sinks write what they still have.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn close(&mut self) -> Result<()> {
        self.guarded(|executor| {
            executor.work = Work::Other("at the end of its input");
            for id in 0..executor.nodes.len() {
                executor.current = NodeId(id);
                if let Some(step) = &mut executor.nodes[id].step {
                    step.close()?;
                }
            }
            Ok(())
        })
    }

    /// What each step waits for, for the message of a run that is stuck.
    pub fn describe_waiting(&self) -> String {
        let line =
            |n: &Running| format!("  {}: has come to {}, its inputs to {}\n", n.name, n.watermark, n.describe_inputs());
        self.nodes.iter().filter(|n| !n.is_finished()).map(line).collect()
    }

    /// Runs `work`, and adds to an error the step at work and the element it was at. A panic becomes an error.
    fn guarded<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let result = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|p| Err(Error::panicked(&*p)));
        result.map_err(|error| {
            let position = match self.work {
                Work::Batch { len, bounds } => describe_element(len, bounds),
                Work::Watermark(w) => format!("when the watermark came to {w}"),
                Work::Other(what) => what.to_owned(),
            };
            error.at_step(&self.nodes[self.current.0].name).at_position(position)
        })
    }
}

/// Which element of a batch was at hand, and what is known of its time.
fn describe_element(len: usize, bounds: Bounds) -> String {
    let element = last_position().min(len.saturating_sub(1));
    let times = match bounds {
        Bounds { max: Timestamp::MIN, .. } => String::new(),
        Bounds { min, max } if min == max => format!(" at {min}"),
        Bounds { min, max } => format!(" with event times from {min} to {max}"),
    };
    format!("element {element} of a batch of {len}{times}")
}
