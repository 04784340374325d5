//! What is chosen when a pipeline is run, not when it is written.

use clap::{Args, Parser};
use dataflow_windows::Duration;

/// How often there is a checkpoint if nothing else is said.
const CHECKPOINT_INTERVAL: Duration = Duration::seconds(10);

/// The options that every pipeline has. A program with options of its own puts them beside these:
///
/// ```
/// use clap::Parser;
/// use dataflow_core::PipelineOptions;
///
/// #[derive(Parser)]
/// struct Options {
///     /// Where to read.
///     #[arg(long)]
///     input: String,
///     #[command(flatten)]
///     pipeline: PipelineOptions,
/// }
///
/// let options = Options::try_parse_from(["program", "--input", "a.csv", "--threads=2"]).unwrap();
/// assert_eq!(options.pipeline.threads(), 2);
/// let error = Options::try_parse_from(["program", "--input", "a.csv", "--thread=2"]).err().unwrap();
/// assert!(error.to_string().contains("--threads"), "{error}");
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct PipelineOptions {
    /// What runs the pipeline.
    #[arg(long, default_value = "direct", value_name = "NAME", help_heading = "Pipeline options")]
    pub runner: String,

    /// How many threads work on it [default: one per processor].
    #[arg(long, value_name = "N", help_heading = "Pipeline options", value_parser = clap::value_parser!(u16).range(1..=128))]
    pub threads: Option<u16>,

    /// Where checkpoints are: a folder, or the URL of a prefix of an object store. A run that is started again with the
    /// same location goes on where the last checkpoint was.
    #[arg(long, value_name = "DIR|URL", help_heading = "Pipeline options", value_parser = checkpoint_location)]
    pub checkpoint: Option<String>,

    /// How long after one checkpoint the next one is taken, such as 500ms, 10s or 1m.
    #[arg(
        long, value_name = "TIME", help_heading = "Pipeline options", default_value_t = CHECKPOINT_INTERVAL,
        value_parser = checkpoint_interval, requires = "checkpoint"
    )]
    pub checkpoint_interval: Duration,

    /// Go on from an older checkpoint where the newest one cannot be read: what was published since is published again.
    #[arg(long, help_heading = "Pipeline options", requires = "checkpoint")]
    pub accept_duplicates: bool,
}

fn checkpoint_location(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("it is empty: give a folder, or a URL such as s3://bucket/prefix".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn checkpoint_interval(text: &str) -> Result<Duration, String> {
    let interval = text.parse::<Duration>().map_err(|e| e.to_string())?;
    match interval >= Duration::millis(1) {
        true => Ok(interval),
        false => Err("it must be at least 1ms".to_owned()),
    }
}

#[derive(Parser)]
#[command(about = "A dataflow pipeline")]
struct Alone {
    #[command(flatten)]
    options: PipelineOptions,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        PipelineOptions {
            runner: "direct".to_owned(),
            threads: None,
            checkpoint: None,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            accept_duplicates: false,
        }
    }
}

impl PipelineOptions {
    /// The options from the program's own command line. Ends the program with a message and a suggestion if they are
    /// wrong, and after `--help`.
    pub fn from_args() -> Self {
        Alone::parse().options
    }

    /// These options with another number of threads.
    #[must_use]
    pub fn with_threads(self, threads: u16) -> Self {
        PipelineOptions { threads: Some(threads), ..self }
    }

    /// These options with checkpoints in `location`, a folder or the URL of a prefix of an object store.
    ///
    /// ```
    /// use dataflow_core::PipelineOptions;
    /// use dataflow_core::windows::Duration;
    /// let options = PipelineOptions::default().with_checkpoint("state").with_checkpoint_interval(Duration::seconds(1));
    /// assert_eq!(options.checkpoint.as_deref(), Some("state"));
    /// ```
    #[must_use]
    pub fn with_checkpoint(self, location: impl Into<String>) -> Self {
        PipelineOptions { checkpoint: Some(location.into()), ..self }
    }

    /// These options with another time between checkpoints, 10 seconds by default.
    #[must_use]
    pub fn with_checkpoint_interval(self, interval: Duration) -> Self {
        PipelineOptions { checkpoint_interval: interval, ..self }
    }

    /// The number of threads, at least one.
    pub fn threads(&self) -> usize {
        match self.threads {
            Some(n) => usize::from(n).max(1),
            None => std::thread::available_parallelism().map_or(1, |n| n.get().min(128)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_is_an_error_with_a_suggestion() {
        let error = Alone::try_parse_from(["p", "--runer=direct"]).err().unwrap().to_string();
        assert!(error.contains("--runner"), "{error}");
    }

    #[test]
    fn wrong_checkpoint_options_are_errors_that_say_what_to_write() {
        let error = |args: &[&str]| Alone::try_parse_from([&["p"], args].concat()).err().unwrap().to_string();
        assert!(error(&["--checkpoint=x", "--checkpoint-interval=10"]).contains("such as 10m"));
        assert!(error(&["--checkpoint=x", "--checkpoint-interval=0s"]).contains("at least 1ms"));
        assert!(error(&["--checkpoint="]).contains("folder"));
        assert!(error(&["--checkpoint-interval=1s"]).contains("--checkpoint"));
        assert!(error(&["--accept-duplicates"]).contains("--checkpoint"));
        let options = Alone::try_parse_from(["p", "--checkpoint=x", "--checkpoint-interval=500ms"]).unwrap().options;
        assert_eq!((options.checkpoint.as_deref(), options.checkpoint_interval), (Some("x"), Duration::millis(500)));
        assert_eq!(Alone::try_parse_from(["p"]).unwrap().options, PipelineOptions::default());
    }

    #[test]
    fn help_lists_the_options() {
        let help = Alone::try_parse_from(["p", "--help"]).err().unwrap().to_string();
        assert!(help.contains("--runner <NAME>") && help.contains("--threads <N>"), "{help}");
    }
}
