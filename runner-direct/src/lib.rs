//! Runs pipelines in this process, on any number of threads. It starts in well under a millisecond.
//!
//! Each thread has all steps of the graph and owns a share of the key groups. It reads splits of the sources as it gets
//! round to it, works off what they bring depth first, and exchanges elements with the other threads by key, through
//! bounded queues: a thread whose queues are full does not wait but works off what has come to itself, and reads on when
//! there is room. The watermark of a source is the least of all its splits, read and unread, so that reading in parallel
//! makes nothing late.
//!
//! # Checkpoints
//! With [`PipelineOptions::checkpoint`] (`--checkpoint=DIR`, or a URL with the feature `object-store`) a run that is killed
//! at any moment, `kill -9` included, goes on from its last checkpoint when it is started again: positions of sources,
//! state, timers, watermarks, and what sinks have taken and not published yet. Sinks publish what a checkpoint has as soon
//! as it is durable, and nothing else, so each result is seen once.
//!
//! - A checkpoint is taken `--checkpoint-interval` (10s) after the last one. *Nothing is processed meanwhile*: sources are
//!   not read, what is on its way is worked off, all threads come to rest and write their state, sinks end their files, a
//!   manifest is synced, and all steps are made anew from the bytes. That costs some milliseconds, and about what it takes
//!   to encode and decode all state, which may have 1 GiB at most.
//! - Two processes on the same location: the later one takes over. The earlier one can publish no more, also if it is put
//!   to sleep and wakes up after a day, and ends with an error of kind `Cancelled` that says so.
//! - SIGTERM, or [`PipelineResult::stop`](dataflow_core::PipelineResult::stop): a checkpoint is taken and published, and the
//!   run ends without closing windows; the next start goes on. Ctrl-C drains the run: that is its end.
//! - A run that has come to its end says so in its last checkpoint: started again it does nothing, and succeeds.
//! - The last three checkpoints are kept, and what is younger than ten intervals (and a minute).
//! - Another graph, by names and kinds of its steps, is refused. The number of threads may change.
//! - A newest checkpoint that cannot be read is an error that names it. With `--accept-duplicates` the run goes on from an
//!   older one, and what was published since is published again.
//! - Text and Parquet files are such sinks. Others are refused, until they say that they can
//!   [go on](dataflow_core::Sink::resume).
//! - Counters begin at 0 in each process.
//!
//! ```
//! use dataflow_core::{Pipeline, PipelineOptions, Runner};
//! # use dataflow_core::plane::Batch;
//! # use dataflow_core::{DurableRun, Result, Sink, SinkContext, SinkWriter};
//! use dataflow_exec::transforms::*;
//! use runner_direct::DirectRunner;
//! # struct Nowhere;
//! # impl Sink<i32> for Nowhere {
//! #     type Writer = Nowhere;
//! #     fn resume(&self, _: &DurableRun) -> Result<()> { Ok(()) }
//! #     fn open(&self, _: SinkContext) -> Result<Nowhere> { Ok(Nowhere) }
//! # }
//! # impl SinkWriter<i32> for Nowhere {
//! #     fn write(&mut self, _: &mut Batch<i32>) -> Result<()> { Ok(()) }
//! #     fn checkpoint(&mut self) -> Result<Vec<u8>> { Ok(Vec::new()) }
//! #     fn restore(&mut self, _: &[u8]) -> Result<()> { Ok(()) }
//! #     fn close(&mut self) -> Result<()> { Ok(()) }
//! # }
//! # let dir = std::env::temp_dir().join(format!("dataflow-doc-{}", std::process::id()));
//!
//! let options = PipelineOptions::default().with_checkpoint(dir.to_string_lossy());
//! for squares in [3, 0] {
//!     let p = Pipeline::new("squares");
//!     p.create("Numbers", vec![1, 2, 3]).map("Square", |n| n * n).write("Write", Nowhere);
//!     let mut result = p.run_on(&DirectRunner::new(), &options)?;
//!     result.wait_until_finish()?;
//!     assert_eq!(result.metrics().get("Square", "elements_out"), squares); // there is nothing left to do
//! }
//! # std::fs::remove_dir_all(dir).unwrap();
//! # Ok::<(), dataflow_core::Error>(())
//! ```
//!
//! # Test streams
//! With a [`TestStream`](dataflow_core::TestStream) in the graph all threads do one event after another: the next one
//! comes when no thread has anything to do and all bundles have ended. Time is virtual then and moves with events alone.
//!
//! ```
//! use dataflow_core::{Pipeline, PipelineOptions, Runner};
//! use dataflow_exec::transforms::*;
//! use runner_direct::DirectRunner;
//!
//! let p = Pipeline::new("squares");
//! p.create("Numbers", vec![1, 2, 3]).map("Square", |n| n * n);
//! let mut result = p.run_on(&DirectRunner::new(), &PipelineOptions::default())?;
//! result.wait_until_finish()?;
//! assert_eq!(result.metrics().get("Square", "elements_out"), 3);
//! # Ok::<(), dataflow_core::Error>(())
//! ```

mod durable;
mod mail;
mod quiet;
mod random;
mod restarts;
mod run;
mod script;
mod shared;
mod signals;
mod source;
mod splits;
mod worker;

use dataflow_core::graph::Graph;
use dataflow_core::{PipelineOptions, PipelineResult, Result, Runner};
use restarts::Restarts;

/// The runner of this crate.
#[derive(Clone, Debug)]
pub struct DirectRunner {
    restarts: Restarts,
    seed: Option<u64>,
    signals: bool,
}

impl Default for DirectRunner {
    fn default() -> Self {
        Self::new()
    }
}

impl DirectRunner {
    /// A runner with the usual settings.
    pub fn new() -> Self {
        DirectRunner { restarts: Restarts::Never, seed: None, signals: true }
    }

    /// For tests: after every `batches` batches that were read and events of test streams, writes the whole state of the
    /// pipeline to bytes, throws all of it away and goes on from the bytes. The result must not change.
    #[must_use]
    pub fn restart_every(self, batches: u64) -> Self {
        DirectRunner { restarts: Restarts::About(batches.max(1)), ..self }
    }

    /// For tests: as [`restart_every`](Self::restart_every), but a [seed](Self::seed) leaves it at that: the run restarts
    /// after exactly so many batches and events, each time.
    #[must_use]
    pub fn restart_exactly_every(self, batches: u64) -> Self {
        DirectRunner { restarts: Restarts::Exactly(batches.max(1)), ..self }
    }

    /// For tests: makes choices at random that are free, all from one `seed`. What is read comes in batches and bundles of
    /// random sizes; threads send, receive and read in random order; the elements of an event of a test stream come to
    /// any thread; and [restarts](Self::restart_every), if there are any, come at random times, so often on average.
    /// What a pipeline means must not hang on them.
    ///
    /// With one thread a seed gives the same run again; with more, threads still run as they please.
    ///
    /// ```
    /// # use dataflow_core::{Pipeline, PipelineOptions};
    /// # use dataflow_exec::transforms::*;
    /// # use runner_direct::DirectRunner;
    /// for seed in 0..10 {
    ///     let p = Pipeline::new("sum");
    ///     let sums = p.create("Numbers", 0..100u64).key_by("Odd", |n| n % 2).sum("Sum", |n| *n).collect("Sums");
    ///     let runner = DirectRunner::new().restart_every(3).seed(seed);
    ///     p.run_on(&runner, &PipelineOptions::default())?.wait_until_finish()?;
    ///     assert_eq!(sums.sorted(), [(0, 2_450), (1, 2_500)], "{runner:?}");
    /// }
    /// # Ok::<(), dataflow_core::Error>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        DirectRunner { seed: Some(seed), ..self }
    }

    /// Whether Ctrl-C and SIGTERM stop the sources and drain the pipeline, and a second one ends the run at once (the
    /// default), or do what they would do without a pipeline. With checkpoints SIGTERM does not drain: a checkpoint is
    /// taken, from which the next start goes on.
    #[must_use]
    pub fn handle_signals(self, yes: bool) -> Self {
        DirectRunner { signals: yes, ..self }
    }
}

impl Runner for DirectRunner {
    fn name(&self) -> &str {
        "direct"
    }

    fn run(&self, graph: Graph, options: &PipelineOptions) -> Result<PipelineResult> {
        graph.check()?;
        let metrics = graph.metrics.clone();
        let run = run::start(graph, options, self)?;
        Ok(PipelineResult::new(run, metrics))
    }
}
