//! What the suites share: every behaviour is shown on every runner, thread count, and over restarts.

pub mod conformance;
pub mod model;
pub mod vectors;

use dataflow_core::{Metrics, Pipeline, PipelineOptions, Result};
use runner_direct::DirectRunner;

/// A way to run a pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// How many threads.
    pub threads: u16,
    /// Whether it stops every so many batches, to go on from bytes.
    pub restart_every: Option<u64>,
}

/// All the ways in which a behaviour is to be shown.
pub const WAYS: [Way; 6] = [
    Way { threads: 1, restart_every: None },
    Way { threads: 2, restart_every: None },
    Way { threads: 5, restart_every: None },
    Way { threads: 1, restart_every: Some(1) },
    Way { threads: 2, restart_every: Some(3) },
    Way { threads: 3, restart_every: Some(7) },
];

impl Way {
    /// Runs the pipeline to its end.
    ///
    /// # Errors
    /// What the run ends with.
    pub fn run(self, pipeline: &Pipeline) -> Result<Metrics> {
        let mut runner = DirectRunner::new().handle_signals(false);
        if let Some(batches) = self.restart_every {
            runner = runner.restart_every(batches);
        }
        let options = PipelineOptions::default().with_threads(self.threads);
        let mut result = pipeline.run_on(&runner, &options)?;
        result.wait_until_finish()?;
        Ok(result.metrics().clone())
    }
}

/// Runs what `build` builds in every way, and hands its output to `check` with the counters.
///
/// # Panics
/// If a run fails.
pub fn in_every_way<H>(build: impl Fn(&Pipeline) -> H, check: impl Fn(H, Metrics, Way)) {
    for way in WAYS {
        let pipeline = Pipeline::new("test");
        let handle = build(&pipeline);
        match way.run(&pipeline) {
            Ok(metrics) => check(handle, metrics, way),
            Err(e) => panic!("{way:?}: {e}"),
        }
    }
}
