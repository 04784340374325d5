//! The command line.

use clap::{Parser, ValueEnum};
use nexmark::measure::Form;
use std::path::PathBuf;

/// Runs Nexmark's queries, and measures them beside loops written by hand.
#[derive(Parser, Debug)]
#[command(name = "nexmark")]
pub(crate) struct Options {
    /// The queries: q0, q1, ...
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "all")]
    pub(crate) query: Vec<String>,

    /// All queries in all forms, as a table; implies --compare.
    #[arg(long)]
    pub(crate) all: bool,

    /// Which form of the query: fast, general, by_ref, ... [default: the first that it has].
    #[arg(long, value_name = "NAME")]
    pub(crate) path: Option<String>,

    /// How many events [default: 2,000,000; for --check 200,000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    events: Option<u64>,

    /// How many threads the engine has. With two, the loop has two as well.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=128))]
    pub(crate) threads: u16,

    /// Run the loop written by hand, too, in turn with the engine, and compare the results.
    #[arg(long)]
    pub(crate) compare: bool,

    /// Run timely-dataflow, too, where the query is written for it; implies --compare. Needs the feature `timely`.
    #[arg(long)]
    pub(crate) timely: bool,

    /// Whether events are made before the clock starts or on the way [default: both, one after the other].
    #[arg(long)]
    pub(crate) form: Option<FormName>,

    /// How often engine and loop run in turn, after a first time that only warms up.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) pairs: usize,

    /// One JSON object a line; implies --compare.
    #[arg(long)]
    pub(crate) json: bool,

    /// Say how the pipeline is run, and do not run it.
    #[arg(long)]
    pub(crate) explain: bool,

    /// How much faster two threads are than one, for engine and loop.
    #[arg(long)]
    pub(crate) speedup: bool,

    /// Events come at this rate, per second on the clock: how late are results?
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) latency: Option<u64>,

    /// For --latency: for so long.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,

    /// For --latency: event time goes on so many times as fast as the clock, so that there are many windows. With 100,
    /// windows of 10 seconds are 100 milliseconds.
    #[arg(long, value_name = "FACTOR", default_value_t = 100)]
    pub(crate) speed_of_time: u64,

    /// How long it takes from the start of the program's work to the first result: q0 of one event, median of five.
    #[arg(long)]
    pub(crate) startup: bool,

    /// Compares what all queries, or those of --query, cost on little input with the bars of a file, and fails if one costs
    /// too much.
    #[arg(long)]
    pub(crate) check: bool,

    /// For --check: the file [default: nexmark/bars.json as it was when this program was built].
    #[arg(long, value_name = "FILE")]
    pub(crate) bars: Option<PathBuf>,

    /// Other seeds, other events.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Events per second of event time.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) rate: u64,

    /// Events come out of order in groups of so many.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) out_of_order: u64,
}

/// See [`Form`].
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FormName {
    /// Before the clock starts.
    Preloaded,
    /// On the way.
    Filled,
}

impl Options {
    /// The forms that are asked for.
    pub(crate) fn forms(&self) -> Vec<Form> {
        self.forms_or(&[Form::Preloaded, Form::Filled])
    }

    /// The forms that are asked for, or `default`.
    pub(crate) fn forms_or(&self, default: &[Form]) -> Vec<Form> {
        match self.form {
            Some(FormName::Preloaded) => vec![Form::Preloaded],
            Some(FormName::Filled) => vec![Form::Filled],
            None => default.to_vec(),
        }
    }

    /// How many events a run has.
    pub(crate) fn events(&self) -> u64 {
        self.events.unwrap_or(if self.check { 200_000 } else { 2_000_000 })
    }
}
