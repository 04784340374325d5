//! `late_corrections`: revenue that is corrected when sales come late. `late_corrections --help` says how.

use clap::Parser;
use dataflow::prelude::*;
use examples::console::{Console, ReadJson};
use examples::late_corrections::{Sale, revenue};

/// Prints the revenue per region and minute, and its corrections; sales that came too late go to standard error
#[derive(Parser)]
struct Options {
    /// The sales, as lines of JSON: a file, a glob, a folder, or `-` for standard input [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/late_corrections/data/sales.ndjson")
    )]
    input: String,

    /// How long after its end a minute is still corrected
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    lateness: Duration,

    /// How much later than others sales may come, without being late
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    out_of_orderness: Duration,

    #[command(flatten)]
    pipeline: PipelineOptions,
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    options.pipeline.threads.get_or_insert(1); // what is late hangs on how far other threads are: so it is always the same
    let p = Pipeline::new("late_corrections");
    let read = ReadJson::of(&options.input, options.out_of_orderness, |sale: &Sale| sale.time);
    let sales = p.apply("Sales", read);
    let (revenue, too_late) = revenue(&sales, options.lateness);
    revenue.write("Print", Console::Output);
    too_late.write("PrintTooLate", Console::Error);
    p.run(&options.pipeline)?.wait_until_finish()
}
