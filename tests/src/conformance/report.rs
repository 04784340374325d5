//! Runs of many vectors.

use super::Settings;
use crate::vectors::{Located, find_files, read_file};
use std::io::{self, Write};
use std::path::PathBuf;

/// How a run of many vectors went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many gave what they must.
    pub passed: usize,
    /// How many did not, or are no vectors.
    pub failed: usize,
    /// How many hang on a quirk and gave what Beam gives.
    pub quirks_passed: usize,
    /// How many hang on a quirk and gave something else.
    pub quirks_failed: usize,
}

/// Runs all vectors of these files and folders, and writes to `log` what fails. Those of files `*quirks.jsonl` run only
/// with `quirks`, and are counted by themselves.
///
/// # Errors
/// If a file or folder cannot be read, there is no such runner, or `log` cannot be written.
pub fn run_all(paths: &[PathBuf], settings: &Settings, quirks: bool, log: &mut impl Write) -> Result<Report, String> {
    settings.check()?;
    let mut report = Report::default();
    for path in paths {
        let mut seen = 0;
        for file in find_files(path)? {
            seen += 1;
            let is_quirk = file.file_name().is_some_and(|n| n.to_string_lossy().ends_with("quirks.jsonl"));
            if is_quirk && !quirks {
                if file == *path {
                    let note = "skipped: its vectors need not pass, ask for them by --quirks";
                    writeln!(log, "{}: {note}", file.display()).map_err(|e| e.to_string())?;
                }
                continue;
            }
            for vector in read_file(&file)? {
                let failure = check(vector, settings);
                if let Some(failure) = &failure {
                    let note = if is_quirk { "not as Beam" } else { "FAILED" };
                    writeln!(log, "{note} {failure}").map_err(|e: io::Error| e.to_string())?;
                }
                let count = match (is_quirk, failure.is_some()) {
                    (false, false) => &mut report.passed,
                    (false, true) => &mut report.failed,
                    (true, false) => &mut report.quirks_passed,
                    (true, true) => &mut report.quirks_failed,
                };
                *count += 1;
            }
        }
        if seen == 0 {
            return Err(format!("{}: there are no vectors (files *.jsonl) here", path.display()));
        }
    }
    Ok(report)
}

fn check(vector: Result<Located, String>, settings: &Settings) -> Option<String> {
    let Located { vector, file, line } = match vector {
        Ok(located) => located,
        Err(e) => return Some(e),
    };
    let failure = match super::run(&vector, settings) {
        Ok(found) => super::difference(&vector.ending(), &found)?,
        Err(e) => format!("  {e}\n"),
    };
    Some(format!("{} ({}:{line})\n{failure}", vector.name(), file.display()))
}
