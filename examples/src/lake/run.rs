//! Runs the main job as the options say.

use anyhow::{Result, bail};
use dataflow::prelude::*;
use dataflow_core::Runner;
use std::path::Path;
use std::time::{Duration as Span, Instant};

use super::input::ReadLines;
use super::options::{Input, RunOptions};
use super::output;
use super::pipeline::Lake;
use super::summary::Summary;
use super::users::Users;

/// How often is looked whether a run has ended.
const LOOK: Span = Span::from_millis(5);

/// The main job as the options say, ready to run.
///
/// # Errors
///
/// If the users table cannot be read, the lake's folder is none, or options contradict each other.
pub fn build(options: &RunOptions) -> Result<Pipeline> {
    let users = match &options.users {
        Some(file) => Users::from_csv(file)?,
        None => Users::built_in(),
    };
    if let (Some(_), None, Input::Simulation(_)) = (options.out_of_orderness, &options.reprocess, &options.input) {
        bail!(
            "--out-of-orderness is for lines that are read, by --input PATH; simulated events keep to their own order"
        );
    }
    let folder = options.lake.out_dir.clone();
    check_folder(&folder)?;
    let pipeline = Pipeline::new("lake");
    let lake = Lake { folder, mode: options.mode(), dedup_ttl: options.dedup_ttl, users };
    pipeline.apply("Input", ReadLines(options)).apply("Lake", lake);
    Ok(pipeline)
}

/// Builds the main job, runs it on `runner` to its end, and says what it did. While it runs, `watch` is called often.
///
/// # Errors
///
/// What [`build`] and the run itself fail with, and if files that options name have no folder. What was not complete
/// is not visible then.
pub fn run(options: &RunOptions, runner: &dyn Runner, mut watch: impl FnMut(&PipelineResult)) -> Result<Summary> {
    for (option, file) in [("--summary", &options.summary), ("--metrics-file", &options.metrics_file)] {
        if let Some(file) = file {
            output::check_file(option, file, &options.lake.out_dir)?;
        }
    }
    let pipeline = build(options)?;
    let start = Instant::now();
    let mut result = pipeline.run_on(runner, &options.pipeline)?;
    while !result.is_finished() {
        watch(&result);
        std::thread::sleep(LOOK);
    }
    result.wait_until_finish()?;
    let summary = Summary::of(result.metrics(), start.elapsed());
    if let Some(path) = &options.summary {
        output::write_file(path, &summary.to_json())?;
    }
    if let Some(path) = &options.metrics_file {
        output::write_file(path, &result.metrics().to_prometheus())?;
    }
    match &options.pipeline.checkpoint {
        None => summary.check()?,
        // What an earlier process had read may have been published by this one.
        Some(_) => tracing::info!("with --checkpoint the numbers are those of this process alone"),
    }
    Ok(summary)
}

fn check_folder(folder: &Path) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        bail!("the output folder {} is a file: name another one with --out-dir, or remove the file", folder.display());
    }
    Ok(())
}
