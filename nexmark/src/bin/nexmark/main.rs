//! Nexmark: `nexmark --help` says what it measures.

mod options;
mod report;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use nexmark::allocations::Counting;
use nexmark::generator::{Config, Generator};
use nexmark::measure::{self, Form, Input, Measured};
use options::Options;
use report::Line;
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
    let queries = chosen(options)?;
    if options.explain {
        for query in queries {
            println!("{} ({}): {}\n{}", query.name(), query.path(), query.question(), query.explain(options.threads));
        }
        return Ok(());
    }
    if options.speedup {
        return speedup(options, &queries);
    }
    if options.compare || options.all {
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
    if !options.all && options.query.is_empty() {
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
            None => options.all || chosen.last().is_none_or(|last| last.name() != query.name()),
        };
        if take {
            chosen.push(query);
        }
    }
    ensure!(!chosen.is_empty(), "there is no such path: --explain says which there are");
    Ok(chosen)
}

fn generator(options: &Options) -> Arc<Generator> {
    Arc::new(Generator::new(Config {
        seed: options.seed,
        first_rate: options.rate,
        next_rate: options.rate,
        out_of_order_group: options.out_of_order,
        ..Config::default()
    }))
}

/// The engine without anything to compare it with.
fn alone(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options);
    for query in queries {
        for form in options.forms() {
            let run = query.engine(&Input::new(form, &generator, options.events, options.threads), options.threads)?;
            let ns = run.time.clock.as_secs_f64() * 1e9 / options.events as f64;
            let (name, path, form, rate) = (query.name(), query.path(), form.name(), 1e3 / ns);
            println!("{name} ({path}), {form}: {rate:.2} M events/s, {ns:.1} ns an event, {} results", run.total.rows);
        }
    }
    Ok(())
}

/// The engine and the loop in turn.
fn compare(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options);
    let mut lines = Vec::new();
    for query in queries {
        for form in options.forms() {
            let line = if queries.len() == 1 {
                let comparison =
                    measure::compare(&**query, form, &generator, options.events, options.threads, options.pairs)?;
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

/// Several queries run in a process each, so that none finds the memory of the one before.
fn in_a_process(options: &Options, query: &dyn Measured, form: Form) -> Result<Line> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--compare", "--json", "--query", query.name(), "--path", query.path(), "--form", form.name()]);
    for (name, value) in [
        ("--events", options.events),
        ("--threads", u64::from(options.threads)),
        ("--pairs", options.pairs as u64),
        ("--seed", options.seed),
        ("--rate", options.rate),
        ("--out-of-order", options.out_of_order),
    ] {
        command.args([name, &value.to_string()]);
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) => Ok(serde_json::from_str(line)?),
        None => bail!("{} ({}): {}", query.name(), query.path(), String::from_utf8_lossy(&output.stderr).trim()),
    }
}

fn speedup(options: &Options, queries: &[Box<dyn Measured>]) -> Result<()> {
    let generator = generator(options);
    for query in queries {
        for form in options.forms() {
            let speedup = measure::speedup(&**query, form, &generator, options.events, options.pairs)?;
            let (name, path, form) = (query.name(), query.path(), form.name());
            println!(
                "{name} ({path}), {form}: two threads are {:.2} × as fast as one, by hand {:.2} ×: {:.2} of it",
                speedup.engine, speedup.by_hand, speedup.ratio
            );
        }
    }
    Ok(())
}
