//! What the suites share: every behaviour is shown on every runner, thread count, and over restarts.

pub mod conformance;
pub mod model;
pub mod programs;
mod touching;
pub mod vectors;

pub use touching::Touching;

use dataflow_core::{Metrics, Pipeline, PipelineOptions, Result};
use runner_direct::DirectRunner;

/// How many cases a property is tried with: what `DATAFLOW_MODEL_CASES` says, or else `default`.
///
/// # Panics
/// If it says something that is not a number.
pub fn cases(default: u32) -> u32 {
    match std::env::var("DATAFLOW_MODEL_CASES") {
        Ok(n) => n.parse().unwrap_or_else(|_| panic!("DATAFLOW_MODEL_CASES={n}: give a number of cases")),
        Err(_) => default,
    }
}

/// A way to run a pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// How many threads.
    pub threads: u16,
    /// Whether it stops every so many batches, to go on from bytes.
    pub restart_every: Option<u64>,
    /// Whether choices that are free are made at random, from this seed.
    pub seed: Option<u64>,
}

/// All the ways in which a behaviour is to be shown.
pub const WAYS: [Way; 9] = [
    Way::on(1),
    Way::on(2),
    Way::on(5),
    Way::on(1).restart_every(1),
    Way::on(2).restart_every(3),
    Way::on(3).restart_every(7),
    Way::on(1).restart_every(8).seed(1),
    Way::on(2).seed(2),
    Way::on(4).restart_every(12).seed(3),
];

impl Way {
    /// On so many threads, from the beginning to the end.
    pub const fn on(threads: u16) -> Self {
        Way { threads, restart_every: None, seed: None }
    }

    /// With restarts.
    #[must_use]
    pub const fn restart_every(self, batches: u64) -> Self {
        Way { restart_every: Some(batches), ..self }
    }

    /// With random choices.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Way { seed: Some(seed), ..self }
    }

    /// Runs the pipeline to its end.
    ///
    /// # Errors
    /// What the run ends with.
    pub fn run(self, pipeline: &Pipeline) -> Result<Metrics> {
        let runner = self.runner();
        self.run_on(&self.restart_every.map_or(runner.clone(), |batches| runner.restart_every(batches)), pipeline)
    }

    /// Runs the pipeline to its end, with restarts after exactly so many events also with a seed.
    ///
    /// # Errors
    /// What the run ends with.
    pub fn run_with_exact_restarts(self, pipeline: &Pipeline) -> Result<Metrics> {
        let runner = self.runner();
        self.run_on(
            &self.restart_every.map_or(runner.clone(), |batches| runner.restart_exactly_every(batches)),
            pipeline,
        )
    }

    /// Without restarts.
    fn runner(self) -> DirectRunner {
        let runner = DirectRunner::new().handle_signals(false);
        self.seed.map_or(runner.clone(), |seed| runner.seed(seed))
    }

    fn run_on(self, runner: &DirectRunner, pipeline: &Pipeline) -> Result<Metrics> {
        let options = PipelineOptions::default().with_threads(self.threads);
        let mut result = pipeline.run_on(runner, &options)?;
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
