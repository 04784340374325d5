//! Runs pipelines in this process, on any number of threads. It starts in well under a millisecond.
//!
//! Each thread has all steps of the graph and owns a share of the key groups. It reads splits of the sources as it gets
//! round to it, works off what they bring depth first, and exchanges elements with the other threads by key, through
//! bounded queues: a thread whose queues are full does not wait but works off what has come to itself, and reads on when
//! there is room. The watermark of a source is the least of all its splits, read and unread, so that reading in parallel
//! makes nothing late.
//!
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

mod mail;
mod quiet;
mod run;
mod script;
mod shared;
mod signals;
mod source;
mod splits;
mod worker;

use dataflow_core::graph::Graph;
use dataflow_core::{PipelineOptions, PipelineResult, Result, Runner};

/// The runner of this crate.
#[derive(Clone, Debug)]
pub struct DirectRunner {
    restart_every: Option<u64>,
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
        DirectRunner { restart_every: None, signals: true }
    }

    /// For tests: after every `batches` batches that were read, writes the whole state of the pipeline to bytes, throws
    /// all of it away and goes on from the bytes. The result must not change.
    #[must_use]
    pub fn restart_every(self, batches: u64) -> Self {
        DirectRunner { restart_every: Some(batches.max(1)), ..self }
    }

    /// Whether Ctrl-C and SIGTERM stop the sources and drain the pipeline, and a second one ends the run at once (the
    /// default), or do what they would do without a pipeline.
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
        let run = run::start(graph, options.threads(), self.restart_every, self.signals)?;
        Ok(PipelineResult::new(run, metrics))
    }
}
