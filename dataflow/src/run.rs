//! Which runner runs a pipeline.

use dataflow_core::{Error, Pipeline, PipelineOptions, PipelineResult, Result, Runner};

/// `run`: runs the pipeline on the runner that the options name.
pub trait RunPipeline {
    /// Starts to run the pipeline and returns at once; `wait_until_finish` waits for its end.
    ///
    /// # Errors
    /// If the graph is wrong, there is no such runner, or the sources and sinks are not there. Nothing has been read then.
    fn run(&self, options: &PipelineOptions) -> Result<PipelineResult>;
}

impl RunPipeline for Pipeline {
    fn run(&self, options: &PipelineOptions) -> Result<PipelineResult> {
        self.run_on(&*runner(&options.runner)?, options)
    }
}

/// The runner with this name.
///
/// # Errors
/// If there is none, or this program was built without it; the message names those that there are.
pub fn runner(name: &str) -> Result<Box<dyn Runner>> {
    let runners: Vec<Box<dyn Runner>> = vec![
        #[cfg(feature = "direct")]
        Box::new(runner_direct::DirectRunner::new()),
    ];
    let names: Vec<String> = runners.iter().map(|r| r.name().to_owned()).collect();
    runners.into_iter().find(|r| r.name() == name).ok_or_else(|| {
        Error::options(format!("there is no runner \"{name}\" in this program; it has: {}", names.join(", ")))
    })
}

#[cfg(all(test, feature = "direct"))]
mod tests {
    #[test]
    fn an_unknown_runner_is_an_error_that_names_those_there_are() {
        let error = super::runner("spark").err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("there is no runner \"spark\" in this program; it has: direct"));
    }
}
