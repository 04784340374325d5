//! `topk`: the most viewed articles per hour. `topk --help` says how.

use clap::Parser;
use dataflow::prelude::*;
use examples::console::{Console, ReadJson};
use examples::topk::{View, top};

/// Prints the most viewed articles of each hour
#[derive(Parser)]
struct Options {
    /// The views, as lines of JSON: a file, a glob, a folder, or `-` for standard input [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/topk/data/views.ndjson")
    )]
    input: String,

    /// How many articles
    #[arg(short, value_name = "N", default_value_t = 3)]
    k: usize,

    /// How much later than others views may come, without being late
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    out_of_orderness: Duration,

    #[command(flatten)]
    pipeline: PipelineOptions,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let p = Pipeline::new("topk");
    let read = ReadJson::of(&options.input, options.out_of_orderness, |view: &View| view.time);
    let views = p.apply("Views", read);
    top(&views, options.k).write("Print", Console::Output);
    p.run(&options.pipeline)?.wait_until_finish()
}
