//! `lake`: raw JSON events become a clean, queryable lake of Parquet files. `lake --help` says how.

use anyhow::Result;
use clap::Parser;
use examples::lake::options::{Cli, Command, LogFormat, RunOptions};
use examples::lake::progress::Progress;
use examples::lake::{compact, output, query, run};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { command, run } = Cli::parse();
    let done = match command {
        None => land(&run),
        Some(Command::Query(options)) => query::query(&options),
        Some(Command::Compact(options)) => compact::compact(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lake: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn land(options: &RunOptions) -> Result<()> {
    start_log(options.log_format);
    if options.explain {
        let graph = run::build(options)?.explain(&options.pipeline);
        return output::print(format!("{graph}\n").as_bytes());
    }
    let runner = dataflow::runner(&options.pipeline.runner)?;
    let mut progress = Progress::new(options.log_format == LogFormat::Text);
    let summary = run::run(options, &*runner, |result| progress.show(result))?;
    drop(progress);
    output::print(format!("{}\n", summary.to_table(&options.lake.out_dir)).as_bytes())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let for_people = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => log.with_target(false).with_ansi(for_people).init(),
        LogFormat::Json => log.json().init(),
    }
}
