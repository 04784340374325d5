//! `enrichment`: orders in euros, with exchange rates that change. `enrichment --help` says how.

use clap::Parser;
use dataflow::prelude::*;
use examples::console::{Console, ReadJson};
use examples::enrichment::{Order, Rate, in_euros};

/// Prints orders with their amounts in euros, by the rates of their time
#[derive(Parser)]
struct Options {
    /// The orders, as lines of JSON: a file, a glob, a folder, or `-` for standard input [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/enrichment/data/orders.ndjson")
    )]
    orders: String,

    /// The exchange rates, as lines of JSON [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/enrichment/data/rates.ndjson")
    )]
    rates: String,

    #[command(flatten)]
    pipeline: PipelineOptions,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let p = Pipeline::new("enrichment");
    let orders = p.apply("Orders", ReadJson::of(&options.orders, Duration::ZERO, |order: &Order| order.time));
    let rates = p.apply("Rates", ReadJson::of(&options.rates, Duration::ZERO, |rate: &Rate| rate.time));
    in_euros(&orders, &rates).write("Print", Console::Output);
    p.run(&options.pipeline)?.wait_until_finish()
}
