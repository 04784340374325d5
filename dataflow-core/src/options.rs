//! What is chosen when a pipeline is run, not when it is written.

use clap::{Args, Parser};

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
}

#[derive(Parser)]
#[command(about = "A dataflow pipeline")]
struct Alone {
    #[command(flatten)]
    options: PipelineOptions,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        PipelineOptions { runner: "direct".to_owned(), threads: None }
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
    fn help_lists_the_options() {
        let help = Alone::try_parse_from(["p", "--help"]).err().unwrap().to_string();
        assert!(help.contains("--runner <NAME>") && help.contains("--threads <N>"), "{help}");
    }
}
