//! Nexmark: `nexmark --help` says what it measures.

mod check;
mod options;
mod report;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use nexmark::allocations::Counting;
use nexmark::generator::{Config, Generator};
use nexmark::latency::Paced;
use nexmark::measure::{self, Form, Input, Measured, Plan};
use nexmark::stopwatch::Stopwatch;
use options::Options;
use report::{LatencyLine, Line};
use std::process::{Command, ExitCode};
use std::sync::Arc;

#[global_allocator]
static GLOBAL: Counting = Counting;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if options.startup {
        return startup();
    }
    let queries = chosen(options)?;
    if options.explain {
        for query in queries {
            println!("{} ({}): {}\n{}", query.name(), query.path(), query.question(), query.explain(options.threads));
        }
        return Ok(());
    }
    if let Some(rate) = options.latency {
        return latency(options, rate, &queries);
    }
    if options.check {
        return check::check(options, &queries, &generator(options, options.rate));
    }
    if options.speedup {
        return speedup(options, &queries);
    }
    if options.timely {
        ensure!(cfg!(feature = "timely"), "timely-dataflow is not built in: cargo run --release --features timely ...");
    }
    if options.compare || options.all || options.timely || options.json {
        ensure!(options.threads <= 2, "loops are written for one thread and for two: use --threads 1 or --threads 2");
        return compare(options, &queries);
    }
    alone(options, &queries)
}

/// The queries to run: without `--path` the first form of each that is asked for.
fn chosen(options: &Options) -> Result<Vec<Box<dyn Measured>>> {
    let all = measure::all();
    let mut names: Vec<&str> = all.iter().map(|query| query.name()).collect();
    names.dedup();
    let all_of_them = options.all || options.check;
    if !all_of_them && options.query.is_empty() {
        bail!("which query? Use --query with some of {}, or --all", names.join(", "));
    }
    for name in &options.query {
        ensure!(names.contains(&name.as_str()), "there is no query {name}: there are {}", names.join(", "));
    }
    let asked = |query: &dyn Measured| options.query.is_empty() || options.query.iter().any(|q| q == query.name());
    let mut chosen: Vec<Box<dyn Measured>> = Vec::new();
    for query in all.into_iter().filter(|query| asked(&**query)) {
        let take = match &options.path {
            Some(path) => path == query.path(),
            None => all_of_them || chosen.last().is_none_or(|last| last.name() != query.name()),
        };
        if take {
            chosen.push(query);
        }
    }
    ensure!(!chosen.is_empty(), "there is no such path: --explain says which there are");
    Ok(chosen)
}

fn generator(options: &Options, rate: u64) -> Arc<Generator> {
    Arc::new(Generator::new(Config {
        seed: options.seed,
        first_rate: rate,
        next_rate: rate,
        out_of_order_group: options.out_of_order,
        ..Config::default()
    }))
}

/// The engine without anything to compare it with.
fn alone(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options, options.rate);
    for query in queries {
        for form in options.forms() {
            let run =
                query.engine(&Input::new(form, &generator, options.events(), options.threads), options.threads)?;
            let ns = run.time.clock.as_secs_f64() * 1e9 / options.events() as f64;
            let (name, path, form, rate) = (query.name(), query.path(), form.name(), 1e3 / ns);
            println!("{name} ({path}), {form}: {rate:.2} M events/s, {ns:.1} ns an event, {} results", run.total.rows);
        }
    }
    Ok(())
}

/// The engine and the loop in turn.
fn compare(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options, options.rate);
    let forms = options.forms();
    let mut lines = Vec::new();
    for query in queries {
        for form in forms.iter().copied() {
            let line = if queries.len() == 1 && forms.len() == 1 {
                let (events, threads, pairs) = (options.events(), options.threads, options.pairs);
                let plan = Plan { generator: generator.clone(), form, events, threads, pairs, timely: options.timely };
                let comparison = measure::compare(&**query, &plan)?;
                Line::new(&**query, &comparison)
            } else {
                in_a_process(options, &**query, form)?
            };
            if options.json {
                println!("{}", line.json()?);
            }
            lines.push(line);
        }
    }
    if !options.json {
        println!("{}", report::table(&lines));
    }
    let differing: Vec<String> = lines.iter().filter(|line| !line.results_equal).map(Line::differing).collect();
    ensure!(differing.is_empty(), "results of engine and loop differ: {}", differing.join("; "));
    Ok(())
}

/// Several queries and forms run in a process each, so that none finds the memory of the one before.
fn in_a_process(options: &Options, query: &dyn Measured, form: Form) -> Result<Line> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--compare", "--json", "--query", query.name(), "--path", query.path(), "--form", form.name()]);
    for (name, value) in [
        ("--events", options.events()),
        ("--threads", u64::from(options.threads)),
        ("--pairs", options.pairs as u64),
        ("--seed", options.seed),
        ("--rate", options.rate),
        ("--out-of-order", options.out_of_order),
    ] {
        command.args([name, &value.to_string()]);
    }
    if options.timely {
        command.arg("--timely");
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) => Ok(serde_json::from_str(line)?),
        None => bail!("{} ({}): {}", query.name(), query.path(), String::from_utf8_lossy(&output.stderr).trim()),
    }
}

fn speedup(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options, options.rate);
    for query in queries {
        for form in options.forms() {
            let speedup = measure::speedup(&**query, form, &generator, options.events(), options.pairs)?;
            let (name, path, form) = (query.name(), query.path(), form.name());
            println!(
                "{name} ({path}), {form}: two threads are {:.2} × as fast as one, by hand {:.2} ×: {:.2} of it",
                speedup.engine, speedup.by_hand, speedup.ratio
            );
        }
    }
    Ok(())
}

/// How late results are at a fixed rate.
fn latency(options: &Options, rate: u64, queries: &[Box<dyn Measured>]) -> Result<()> {
    let (events, speed) = (rate * options.seconds, options.speed_of_time.max(1));
    ensure!(rate >= speed, "with --speed-of-time {speed} there must be --latency {speed} or more");
    let generator = generator(options, rate / speed);
    for query in queries {
        let paced = Paced::new(generator.clone(), events, speed as f64, options.threads);
        let latency = query.latency(&paced, options.threads)?;
        let line = LatencyLine::new(&**query, rate, options.threads, &latency);
        ensure!(
            line.samples > 0,
            "{} ({}): no window was over before the end: take more --seconds, or a higher --speed-of-time",
            query.name(),
            query.path()
        );
        println!("{}", if options.json { serde_json::to_string(&line)? } else { line.to_string() });
    }
    Ok(())
}

/// How long it takes to a first result.
fn startup() -> Result<()> {
    let all = measure::all();
    let query = all.iter().find(|query| query.name() == "q0").context("there is no q0")?;
    let generator = Arc::new(Generator::new(Config::default()));
    let mut milliseconds = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        query.engine(&Input::new(Form::Filled, &generator, 1, 2), 2)?;
        milliseconds.push(watch.elapsed().clock.as_secs_f64() * 1e3);
    }
    let first = milliseconds[0];
    println!("first {first:.2} ms, median of five {:.2} ms", measure::median(milliseconds));
    Ok(())
}
