//! What can be chosen on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use dataflow::prelude::*;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::simulate::Simulation;

/// By how much lines of standard input may be out of order, if nothing else is said.
const STDIN_OUT_OF_ORDERNESS: Duration = Duration::minutes(1);

/// The command line of `lake`.
#[derive(Parser, Debug)]
#[command(
    name = "lake",
    version,
    about = "Turns raw JSON events into a clean lake of Parquet files",
    after_help = "Without a command it reads events and lands them.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do, if not to land events.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How events are landed.
    #[command(flatten)]
    pub run: RunOptions,
}

/// What can be done beside landing events.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run SQL over the lake: the tables are `events` and `metrics`
    Query(QueryOptions),
    /// Merge small files of the lake
    Compact(CompactOptions),
}

/// How events are landed.
#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// Where events come from: simulate:N or simulate:N:SEED, a file, a glob, a folder, or - for standard input
    #[arg(long, default_value = "simulate:1000000", value_name = "INPUT")]
    pub input: Input,

    /// Feed corrected dead letters back, and add them to the lake. In the files' lines `raw` is the event to correct;
    /// lines that are plain events are taken as they are
    #[arg(long, value_name = "PATH", conflicts_with_all = ["input", "overwrite"])]
    pub reprocess: Option<String>,

    /// The folder of the lake
    #[command(flatten)]
    pub lake: LakeFolder,

    /// A CSV file with the columns user_id, country and tier, instead of the built-in users table
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// For how long, in event time, an event is known when it comes again
    #[arg(long, default_value = "7d", value_name = "DURATION")]
    pub dedup_ttl: Duration,

    /// By how much, in event time, lines that are read may come after later ones. With it, event time is read from the
    /// lines as they come, so that minutes are closed and ids forgotten while an endless stream goes on; an event that
    /// comes later than this is missing in the metrics of a minute that is closed, never in the events. 50000d makes
    /// nothing late. [default: 60s for standard input; for files none: nothing is late, and minutes are closed at the
    /// end]
    #[arg(long, value_name = "DURATION")]
    pub out_of_orderness: Option<Duration>,

    /// Lines that are longer are rejected
    #[arg(long, default_value = "16MiB", value_name = "SIZE")]
    pub max_line: Size,

    /// Replace what is in the lake
    #[arg(long, conflicts_with = "append")]
    pub overwrite: bool,

    /// Add to what is in the lake
    #[arg(long)]
    pub append: bool,

    /// Write the summary to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,

    /// Write all counters to a file, in Prometheus' text format
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,

    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// Print the graph and its fused stages, and read nothing
    #[arg(long)]
    pub explain: bool,

    /// Options that every pipeline has.
    #[command(flatten)]
    pub pipeline: PipelineOptions,
}

impl RunOptions {
    /// The default options for landing the simulated events of `simulation` in `folder`.
    pub fn simulate(simulation: Simulation, folder: impl Into<PathBuf>) -> RunOptions {
        RunOptions {
            input: Input::Simulation(simulation),
            reprocess: None,
            lake: LakeFolder { out_dir: folder.into() },
            users: None,
            dedup_ttl: Duration::days(7),
            out_of_orderness: None,
            max_line: Size(16 << 20),
            overwrite: false,
            append: false,
            summary: None,
            metrics_file: None,
            log_format: LogFormat::Text,
            explain: false,
            pipeline: PipelineOptions::default(),
        }
    }

    /// By how much lines may be out of order, or `None` if event time is not to be read from them as they come.
    pub fn line_order(&self) -> Option<Duration> {
        let is_stdin = self.reprocess.is_none() && self.input == Input::Files("-".to_owned());
        self.out_of_orderness.or(is_stdin.then_some(STDIN_OUT_OF_ORDERNESS))
    }

    /// What to do with what is in the lake already.
    pub fn mode(&self) -> Mode {
        match (self.overwrite, self.append || self.reprocess.is_some()) {
            (true, _) => Mode::Overwrite,
            (false, true) => Mode::Append,
            (false, false) => Mode::New,
        }
    }
}

/// The folder of the lake.
#[derive(Args, Clone, Debug)]
pub struct LakeFolder {
    /// The folder of the lake
    #[arg(long, env = "OUT_DIR", default_value = "out", value_name = "FOLDER")]
    pub out_dir: PathBuf,
}

/// What is asked of the lake.
#[derive(Args, Clone, Debug)]
pub struct QueryOptions {
    /// A query, such as "SELECT action, count(*) FROM events GROUP BY action"
    pub sql: String,
    /// The folder of the lake
    #[command(flatten)]
    pub lake: LakeFolder,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: QueryFormat,
}

/// How the result of a query is printed.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryFormat {
    /// For people.
    #[default]
    Table,
    /// One object a line.
    Json,
    /// With a header.
    Csv,
}

/// How the lake is compacted.
#[derive(Args, Clone, Debug)]
pub struct CompactOptions {
    /// The folder of the lake
    #[command(flatten)]
    pub lake: LakeFolder,
    /// About how large files become
    #[arg(long, default_value = "128MB", value_name = "SIZE")]
    pub target_size: Size,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How log lines look.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// What to do with what is in the lake already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refuse to touch it.
    New,
    /// Add to it.
    Append,
    /// Replace it.
    Overwrite,
}

impl From<Mode> for dataflow::text::WriteMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::New => Self::FailIfNotEmpty,
            Mode::Append => Self::Append,
            Mode::Overwrite => Self::Overwrite,
        }
    }
}

impl From<Mode> for dataflow::parquet::WriteMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::New => Self::FailIfNotEmpty,
            Mode::Append => Self::Append,
            Mode::Overwrite => Self::Overwrite,
        }
    }
}

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Made up.
    Simulation(Simulation),
    /// Files, by a path or a pattern, or standard input.
    Files(String),
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Input, String> {
        let Some(simulation) = text.strip_prefix("simulate:") else {
            return if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Input::Files(text.to_owned())) };
        };
        let (n, seed) = simulation.split_once(':').unwrap_or((simulation, "0"));
        match (n.parse(), seed.parse()) {
            (Ok(n), Ok(seed)) => Ok(Input::Simulation(Simulation::new(n, seed))),
            _ => Err("a simulation is simulate:N or simulate:N:SEED, such as simulate:1000000:7".to_owned()),
        }
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit {
            "" | "B" => Some(1),
            "kB" | "KB" => Some(1_000),
            "MB" => Some(1_000_000),
            "GB" => Some(1_000_000_000),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let size = number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        size.filter(|size| *size > 0).map(Size).ok_or_else(|| {
            "a size is a whole number above 0 and a unit (B, kB, MB, GB, KiB, MiB, GiB), such as 16MiB".to_owned()
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut unit, mut size) = ("B", self.0 as f64);
        for larger in ["kB", "MB", "GB", "TB"] {
            if size >= 1_000.0 {
                (unit, size) = (larger, size / 1_000.0);
            }
        }
        if unit == "B" { write!(f, "{size} B") } else { write!(f, "{size:.1} {unit}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_sizes_are_read() {
        assert_eq!("simulate:5:7".parse(), Ok(Input::Simulation(Simulation::new(5, 7))));
        assert_eq!("simulate:5".parse(), Ok(Input::Simulation(Simulation::new(5, 0))));
        assert_eq!("logs/*.json".parse(), Ok(Input::Files("logs/*.json".to_owned())));
        assert!("simulate:many".parse::<Input>().is_err());
        assert_eq!("16MiB".parse(), Ok(Size(16 << 20)));
        assert_eq!("128MB".parse(), Ok(Size(128_000_000)));
        for wrong in ["", "0", "MB", "1.5MB", "-1", "99999999999GB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
        assert_eq!([Size(999).to_string(), Size(1_234_567).to_string()], ["999 B", "1.2 MB"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let options = |args: &[&str]| Cli::try_parse_from([&["lake"], args].concat());
        assert_eq!(options(&[]).unwrap().run.mode(), Mode::New);
        assert_eq!(options(&["--reprocess", "x"]).unwrap().run.mode(), Mode::Append);
        assert!(options(&["--append", "--overwrite"]).is_err());
        let order = |args: &[&str]| options(args).unwrap().run.line_order();
        assert_eq!([order(&[]), order(&["--input", "x"]), order(&["--reprocess", "-"])], [None; 3]);
        assert_eq!(order(&["--input", "-"]), Some(Duration::seconds(60)));
        assert_eq!(order(&["--input", "-", "--out-of-orderness", "0s"]), Some(Duration::ZERO));
        assert_eq!(order(&["--input", "x", "--out-of-orderness", "5m"]), Some(Duration::minutes(5)));
        let error = options(&["--inptu", "-"]).unwrap_err().to_string();
        assert!(error.contains("--input"), "{error}");
        assert!(matches!(options(&["query", "SELECT 1"]).unwrap().command, Some(Command::Query(_))));
    }
}
