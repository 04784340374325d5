//! A pipeline that a test builds and runs.

use dataflow_core::{Metrics, Pipeline, PipelineOptions, Result};
use runner_direct::DirectRunner;
use std::cell::Cell;
use std::ops::Deref;

/// A pipeline that a test builds and runs: a [`Pipeline`] that knows how it is run, on the direct runner.
///
/// It must be run: a test that forgot to panics at its end.
///
/// ```
/// use dataflow::prelude::*;
/// use dataflow::testing::{PAssert, TestPipeline};
///
/// for seed in 0..5 {
///     let p = TestPipeline::new().threads(2).restart_every(3).seed(seed);
///     let squares = p.create("Numbers", 1..=3).map("Square", |n| n * n);
///     PAssert::that("Squares", &squares).contains_in_any_order([1, 4, 9]);
///     p.run();
/// }
/// ```
#[derive(Debug)]
pub struct TestPipeline {
    pipeline: Shown,
    runner: DirectRunner,
    threads: u16,
    ran: Cell<bool>,
}

/// A pipeline, of which there is nothing to print.
struct Shown(Pipeline);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipeline")
    }
}

impl Default for TestPipeline {
    fn default() -> Self {
        Self::new()
    }
}

impl TestPipeline {
    /// An empty pipeline, to be run on two threads.
    pub fn new() -> Self {
        let runner = DirectRunner::new().handle_signals(false);
        TestPipeline { pipeline: Shown(Pipeline::new("test")), runner, threads: 2, ran: Cell::new(false) }
    }

    /// On so many threads.
    #[must_use]
    pub fn threads(mut self, threads: u16) -> Self {
        self.threads = threads;
        self
    }

    /// With random choices from `seed`: see [`DirectRunner::seed`].
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.runner = self.runner.clone().seed(seed);
        self
    }

    /// Goes on from bytes after so many batches and events: see [`DirectRunner::restart_every`].
    #[must_use]
    pub fn restart_every(mut self, batches: u64) -> Self {
        self.runner = self.runner.clone().restart_every(batches);
        self
    }

    /// Runs the pipeline to its end and checks its [`PAssert`](super::PAssert)s.
    ///
    /// # Panics
    /// If the run fails or an assertion does not hold, with what is wrong and how it was run.
    #[track_caller]
    pub fn run(&self) -> TestResult {
        match self.try_run() {
            Ok(result) => result,
            Err(error) => panic!("{error}\n(on {} threads, {:?})", self.threads, self.runner),
        }
    }

    /// Runs the pipeline to its end and checks its [`PAssert`](super::PAssert)s.
    ///
    /// # Errors
    /// What the run ends with; also that an assertion does not hold.
    pub fn try_run(&self) -> Result<TestResult> {
        self.ran.set(true);
        let options = PipelineOptions::default().with_threads(self.threads);
        let mut result = self.run_on(&self.runner, &options)?;
        result.wait_until_finish()?;
        Ok(TestResult(result.metrics().clone()))
    }
}

impl Deref for TestPipeline {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        &self.pipeline.0
    }
}

impl Drop for TestPipeline {
    fn drop(&mut self) {
        // A test that fails already has said why.
        if !self.ran.get() && !std::thread::panicking() {
            panic!("the test pipeline was never run: call `run` when it is built");
        }
    }
}

/// What is known of a [`TestPipeline`]'s run.
#[derive(Clone, Debug)]
pub struct TestResult(Metrics);

impl TestResult {
    /// The value of a step's counter; 0 if there is none.
    pub fn counter(&self, step: &str, name: &str) -> u64 {
        self.0.get(step, name)
    }

    /// How many elements a step dropped because their window was over.
    pub fn dropped_late(&self, step: &str) -> u64 {
        self.counter(step, "dropped_late")
    }

    /// All counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0
    }
}
