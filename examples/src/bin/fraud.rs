//! `fraud`: alerts for cards that may be stolen. `fraud --help` says how.

use clap::Parser;
use dataflow::prelude::*;
use examples::console::{Console, ReadJson};
use examples::fraud::{Detector, Purchase, alerts};

/// Prints an alert for each card that seems to be stolen
#[derive(Parser)]
struct Options {
    /// The purchases, as lines of JSON: a file, a glob, a folder, or `-` for standard input [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/fraud/data/purchases.ndjson")
    )]
    input: String,

    /// How much later than others purchases may come, without being late
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    out_of_orderness: Duration,

    /// How many purchases within a minute are not suspicious
    #[arg(long, value_name = "N", default_value_t = Detector::default().most)]
    most: u64,

    #[command(flatten)]
    pipeline: PipelineOptions,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let p = Pipeline::new("fraud");
    let read = ReadJson::of(&options.input, options.out_of_orderness, |purchase: &Purchase| purchase.time);
    let purchases = p.apply("Purchases", read);
    let detector = Detector { most: options.most, ..Detector::default() };
    alerts(&purchases, detector).write("Print", Console::Output);
    p.run(&options.pipeline)?.wait_until_finish()
}
