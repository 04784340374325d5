//! What runs a pipeline.

use crate::graph::{Graph, SinkHooks};
use crate::{Metrics, PipelineOptions, Progress, Result};
use std::sync::Arc;

/// Runs pipelines. The runners of this project implement it, and so can any other crate.
pub trait Runner {
    /// Its name, as `--runner=` takes it.
    fn name(&self) -> &str;

    /// Starts to run the graph and returns at once.
    ///
    /// # Errors
    /// If the graph cannot be run, or its sources and sinks are not there. Nothing has been read then.
    fn run(&self, graph: Graph, options: &PipelineOptions) -> Result<PipelineResult>;
}

/// How a run is watched and ended, as a runner implements it. See [`PipelineResult`] for what the calls mean.
pub trait RunningPipeline: Send {
    /// Waits for the end.
    fn wait(&mut self) -> Result<()>;
    /// Stops the sources.
    fn drain(&self);
    /// Takes a checkpoint and ends; drains where there are no checkpoints.
    fn stop(&self) {
        self.drain();
    }
    /// Ends the run at once.
    fn cancel(&self);
    /// What of the input is read.
    fn progress(&self) -> Progress;
    /// Whether it has ended.
    fn is_finished(&self) -> bool;
}

/// A pipeline that runs.
///
/// It goes on without this, but only [`wait_until_finish`](Self::wait_until_finish) tells how it ends. If the pipeline has
/// assertions of a test and nobody has waited for them, dropping this panics: a test that checks nothing must not pass.
#[must_use = "only `wait_until_finish` tells how the run ends"]
pub struct PipelineResult {
    running: Box<dyn RunningPipeline>,
    metrics: Metrics,
    /// Those who want to know if nobody waits for the end.
    unheard: Vec<Arc<dyn SinkHooks>>,
}

impl PipelineResult {
    /// A result that a runner returns.
    pub fn new(running: impl RunningPipeline + 'static, metrics: Metrics) -> Self {
        PipelineResult { running: Box::new(running), metrics, unheard: Vec::new() }
    }

    /// As it is, but `hooks` are told if it is dropped before anybody has waited for its end.
    pub(crate) fn heard_by(self, hooks: Vec<Arc<dyn SinkHooks>>) -> Self {
        let mut result = self;
        result.unheard = hooks;
        result
    }

    /// Waits until all input is processed and everything is written.
    ///
    /// # Errors
    /// The first error of the run, with step and position.
    pub fn wait_until_finish(&mut self) -> Result<()> {
        self.unheard.clear();
        self.running.wait()
    }

    /// Stops the sources; what is on its way is processed, windows close, and the run ends well.
    pub fn drain(&self) {
        self.running.drain();
    }

    /// Takes a checkpoint, publishes what belongs to it and ends the run well, so that the next one goes on from there:
    /// windows stay open. Without `--checkpoint` the same as [`drain`](Self::drain).
    pub fn stop(&self) {
        self.running.stop();
    }

    /// Ends the run at once, with an error of kind `Cancelled`.
    pub fn cancel(&self) {
        self.running.cancel();
    }

    /// How much of the input is read, summed over all sources.
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// Whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// The counters; they can be read while the run goes on.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Drop for PipelineResult {
    fn drop(&mut self) {
        self.unheard.iter().for_each(|hooks| hooks.never_waited_for());
    }
}
