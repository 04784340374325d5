//! `flights`: hourly departures, cancellations and delays, per airport and carrier. `flights --help` says how.

use anyhow::{Context, Result};
use clap::Parser;
use dataflow::RunPipeline;
use dataflow::prelude::Pipeline;
use examples::flights::options::FlightsOptions;
use examples::flights::summary::Summary;
use std::process::ExitCode;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&FlightsOptions::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flights: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &FlightsOptions) -> Result<()> {
    let start = Instant::now();
    let pipeline = Pipeline::new("flights");
    let totals = examples::flights::build(&pipeline, options);
    let mut result = pipeline.run(&options.pipeline)?;
    result.wait_until_finish()?;

    let totals = totals.values().first().copied().unwrap_or_default();
    let summary = Summary::of(result.metrics(), totals, start.elapsed());
    if let Some(path) = &options.summary {
        std::fs::write(path, summary.to_json()).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    println!("{}", summary.to_table(&options.out_dir));
    summary.check(result.metrics())
}
