//! `flights`: hourly departures, cancellations and delays, per airport and carrier. `flights --help` says how.

use anyhow::Result;
use clap::Parser;
use dataflow::RunPipeline;
use dataflow::prelude::Pipeline;
use examples::flights::options::FlightsOptions;
use examples::flights::summary::Summary;
use examples::lake::output;
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
    if let Some(file) = &options.summary {
        output::check_file("--summary", file, &options.out_dir)?;
    }
    let start = Instant::now();
    let pipeline = Pipeline::new("flights");
    let totals = examples::flights::build(&pipeline, options);
    let mut result = pipeline.run(&options.pipeline)?;
    result.wait_until_finish()?;

    let totals = totals.values().first().copied().unwrap_or_default();
    let summary = Summary::of(result.metrics(), totals, start.elapsed());
    if let Some(path) = &options.summary {
        output::write_file(path, &summary.to_json())?;
    }
    output::print(format!("{}\n", summary.to_table(&options.out_dir)).as_bytes())?;
    summary.check(result.metrics())
}
