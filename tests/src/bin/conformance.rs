//! Runs conformance vectors on a runner: scripts and what must come of them, see `tests/conformance/README.md`.

use clap::Parser;
use dataflow_tests::Way;
use dataflow_tests::conformance::{Settings, run_all};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs conformance vectors and prints what differs. The last line says how many passed and failed.
#[derive(Parser)]
struct Options {
    /// Files of vectors, or folders with such files (*.jsonl) [default: those of this project].
    paths: Vec<PathBuf>,
    /// What runs the vectors.
    #[arg(long, default_value = "direct", value_name = "NAME")]
    runner: String,
    /// How many threads.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=128))]
    threads: u16,
    /// Makes random choices where any is right, and gives the keys other names, so that they come to other threads.
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed)]
    seed: Option<u64>,
    /// Stops after every N events of a script, writes all state to bytes and goes on from them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    restart_every: Option<u64>,
    /// A vector that has not ended after so many seconds has failed.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: u64,
    /// Runs the files *quirks.jsonl, too: they need not pass.
    #[arg(long)]
    quirks: bool,
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut paths = options.paths;
    if paths.is_empty() {
        paths.push(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/conformance")));
    }
    let settings = Settings {
        runner: options.runner,
        way: Way { threads: options.threads, restart_every: options.restart_every, seed: options.seed },
        time_limit: Duration::from_secs(options.time_limit),
        ..Settings::default()
    };
    match run_all(&paths, &settings, options.quirks, &mut std::io::stdout()) {
        Ok(report) => {
            if options.quirks {
                println!("quirks: {} as Beam, {} not", report.quirks_passed, report.quirks_failed);
            }
            if report.unread > 0 {
                eprintln!("error: {} of the paths could not be run, see NOT RUN above", report.unread);
            } else if report.ran() == 0 {
                eprintln!("error: no vector was run: name other files, or ask for quirks by --quirks");
            }
            println!("{} passed, {} failed", report.passed, report.failed);
            ExitCode::from(if report.unread > 0 || report.ran() == 0 { 2 } else { u8::from(report.failed > 0) })
        }
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(2)
        }
    }
}
