//! Vectors on the engine: each script becomes a test stream and a pipeline, what comes out is compared with what must.

mod columns;
mod composed;
mod groupings;
mod programs;
mod report;
mod stream;

pub use columns::{ColumnForm, column_panes, run_columns};
pub use composed::composed;
pub use groupings::{maxima, panes, sums, totals};
pub use report::{Report, run_all};

use crate::Way;
use crate::vectors::{Ending, Vector};
use dataflow_core::{Metrics, Pipeline};
use std::time::Duration;

/// How vectors are run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which runner.
    pub runner: String,
    /// On how many threads, with which restarts and random choices. A seed also gives the keys other names, so that they
    /// come to other threads.
    pub way: Way,
    /// How many elements that follow each other are one bundle, at most: 1 in vectors.
    pub bundle: usize,
    /// Whether it restarts after exactly as many events as [`Way::restart_every`] says also with a seed.
    pub exact_restarts: bool,
    /// How long a vector may take by the real clock before it counts as failed.
    pub time_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            runner: "direct".to_owned(),
            way: Way::on(1),
            bundle: 1,
            exact_restarts: true,
            time_limit: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// Says what cannot be.
    ///
    /// # Errors
    /// If there is no such runner.
    pub fn check(&self) -> Result<(), String> {
        match self.runner.as_str() {
            "direct" => Ok(()),
            other => Err(format!("there is no runner \"{other}\" for vectors; there is: direct")),
        }
    }

    /// The key that the engine has for a key of a script.
    fn key(&self, key: &str) -> String {
        self.way.seed.map_or_else(|| key.to_owned(), |seed| format!("{key}~{seed}"))
    }

    /// The key of the script for a key of the engine.
    fn script_key(&self, key: &str) -> String {
        match self.way.seed {
            Some(seed) => key.strip_suffix(&format!("~{seed}")).unwrap_or(key).to_owned(),
            None => key.to_owned(),
        }
    }

    /// Checks the pipeline and runs it to its end.
    fn run(&self, p: &Pipeline) -> Result<Metrics, Ending> {
        p.check().map_err(|e| Ending::Rejected(e.to_string()))?;
        let result = if self.exact_restarts { self.way.run_with_exact_restarts(p) } else { self.way.run(p) };
        result.map_err(|e| Ending::Fails(e.to_string()))
    }
}

/// What comes of a vector on the engine.
///
/// # Errors
/// If the vector has a program that is not known, or parameters are missing.
pub fn run(vector: &Vector, settings: &Settings) -> Result<Ending, String> {
    match vector {
        Vector::Windowing(v) => Ok(groupings::run(v, settings)),
        Vector::Program(v) => programs::run(v, settings),
    }
}

/// What is wrong with `found`, for people; nothing if it is as expected.
pub fn difference(expected: &Ending, found: &Ending) -> Option<String> {
    match (expected, found) {
        (Ending::Outputs(expected), Ending::Outputs(found)) => expected.difference(found),
        (Ending::Rejected(_), Ending::Rejected(_)) => None,
        // What is refused never runs: that is an error, too.
        (Ending::Fails(_), Ending::Fails(_) | Ending::Rejected(_)) => None,
        (Ending::Rejected(why), Ending::Outputs(_)) => Some(format!("  it ran, but was to be refused: {why}\n")),
        (Ending::Rejected(why), Ending::Fails(e)) => {
            Some(format!("  it failed when it ran, but was to be refused before\n  expected {why}\n  found    {e}\n"))
        }
        (Ending::Fails(why), Ending::Outputs(_)) => Some(format!("  it ended well, but was to fail: {why}\n")),
        (Ending::Outputs(_), Ending::Rejected(e)) => Some(format!("  it was refused: {e}\n")),
        (Ending::Outputs(_), Ending::Fails(e)) => Some(format!("  it failed: {e}\n")),
    }
}
