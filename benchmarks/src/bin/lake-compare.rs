//! What the engine costs in the main job: the program `lake` beside the hand-written loop, on the same events.
//!
//! They run in turn (A B A B …) in this process; the median of the ratios of the pairs is what counts. With `--threads 2`
//! or more the engine runs beside itself on one thread. CPU time is shown, too, as it is less disturbed by others.

use anyhow::{Result, ensure};
use benchmarks::lake_loop;
use clap::Parser;
use dataflow::DirectRunner;
use examples::lake::options::RunOptions;
use examples::lake::run;
use examples::lake::simulate::Simulation;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the main job against the hand-written loop, or on several threads against one.
#[derive(Parser)]
struct Options {
    /// How many events are simulated
    #[arg(long, default_value_t = 5_000_000)]
    events: u64,
    /// How many pairs of runs are made, after one that does not count
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// On how many threads the engine runs; from two on it is compared with itself on one
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// A folder to write to, which is removed; by default one in that for temporary files
    #[arg(long)]
    dir: Option<PathBuf>,
}

const SEED: u64 = 0;

/// Wall time and CPU time of a run, in seconds.
#[derive(Clone, Copy)]
struct Times {
    wall: f64,
    cpu: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let dir = options
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("lake-compare-{}", std::process::id())));
    let (ours, theirs) = match options.threads {
        0 | 1 => ("engine".to_owned(), "loop".to_owned()),
        threads => ("engine, 1 thread".to_owned(), format!("{threads} threads")),
    };
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for pair in 0..=options.pairs {
        let a = measure(&dir, || engine(options.events, 1, &dir))?;
        let b = match options.threads {
            0 | 1 => measure(&dir, || by_hand(options.events, &dir))?,
            threads => measure(&dir, || engine(options.events, threads, &dir))?,
        };
        if pair == 0 {
            continue; // warms up
        }
        wall.push(a.wall / b.wall);
        cpu.push(a.cpu / b.cpu);
        let ns = |seconds: f64| seconds * 1e9 / options.events as f64;
        println!(
            "{ours} {:7.1} ns/event ({:7.1} CPU), {theirs} {:7.1} ns/event ({:7.1} CPU), ratio {:.3} ({:.3} CPU)",
            ns(a.wall),
            ns(a.cpu),
            ns(b.wall),
            ns(b.cpu),
            a.wall / b.wall,
            a.cpu / b.cpu
        );
    }
    println!(
        "{ours} / {theirs}: median ratio of {} pairs {:.3}, of CPU time {:.3}",
        options.pairs,
        median(wall),
        median(cpu)
    );
    Ok(())
}

fn engine(events: u64, threads: u16, dir: &Path) -> Result<()> {
    let mut options = RunOptions::simulate(Simulation::new(events, SEED), dir);
    options.pipeline = options.pipeline.with_threads(threads);
    let summary = run::run(&options, &DirectRunner::new().handle_signals(false), |_| {})?;
    ensure!(summary.read == events, "the engine read {} events", summary.read);
    Ok(())
}

fn by_hand(events: u64, dir: &Path) -> Result<()> {
    let result = lake_loop::run(events, SEED, dir)?;
    ensure!(result.written + result.rejected + result.duplicates == events, "the loop lost events: {result:?}");
    Ok(())
}

fn measure(dir: &Path, run: impl FnOnce() -> Result<()>) -> Result<Times> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let done = run();
    let times = Times { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu };
    // Also after an error.
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    done.map(|()| times)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}
