//! What can be chosen on the command line.

use clap::Parser;
use dataflow::prelude::*;
use std::path::PathBuf;

use crate::lake::options::Mode;

/// The command line of `flights`.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "flights",
    version,
    about = "Counts departures, cancellations and delays per hour, airport and carrier"
)]
pub struct FlightsOptions {
    /// The flights, as CSV: a file, a glob or a folder [default: the three days that come with the program's source]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/flights/data/flights.csv")
    )]
    pub input: String,

    /// The airlines' codes and names, as CSV [default: the table that comes with the program's source]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/flights/data/airlines.csv")
    )]
    pub airlines: String,

    /// The folder of the result
    #[arg(long, default_value = "out/flights", value_name = "FOLDER")]
    pub out_dir: PathBuf,

    /// Replace what is in the folder
    #[arg(long, conflicts_with = "append")]
    pub overwrite: bool,

    /// Add to what is in the folder
    #[arg(long)]
    pub append: bool,

    /// Write the summary to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,

    /// Options that every pipeline has.
    #[command(flatten)]
    pub pipeline: PipelineOptions,
}

impl FlightsOptions {
    /// What to do with what is in the folder already.
    pub fn mode(&self) -> Mode {
        match (self.overwrite, self.append) {
            (true, _) => Mode::Overwrite,
            (false, true) => Mode::Append,
            (false, false) => Mode::New,
        }
    }
}
