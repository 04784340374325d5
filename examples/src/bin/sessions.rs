//! `sessions`: visits to a site, from clicks. `sessions --help` says how.

use clap::Parser;
use dataflow::prelude::*;
use examples::console::{Console, ReadJson};
use examples::sessions::{Click, sessions};

/// Prints the visits to a site; clicks that came too late go to standard error
#[derive(Parser)]
struct Options {
    /// The clicks, as lines of JSON: a file, a glob, a folder, or `-` for standard input [default: some examples]
    #[arg(
        long,
        value_name = "PATH",
        hide_default_value = true,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/data/clicks.ndjson")
    )]
    input: String,

    /// A visit ends when there was no click for so long
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    gap: Duration,

    /// How long after its end a visit still takes late clicks
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    lateness: Duration,

    /// How much later than others clicks may come, without being late
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    out_of_orderness: Duration,

    #[command(flatten)]
    pipeline: PipelineOptions,
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    options.pipeline.threads.get_or_insert(1); // what is late hangs on how far other threads are: so it is always the same
    let p = Pipeline::new("sessions");
    let read = ReadJson::of(&options.input, options.out_of_orderness, |click: &Click| click.time);
    let clicks = p.apply("Clicks", read);
    let (sessions, too_late) = sessions(&clicks, options.gap, options.lateness);
    sessions.write("Print", Console::Output);
    too_late.write("PrintTooLate", Console::Error);
    p.run(&options.pipeline)?.wait_until_finish()
}
