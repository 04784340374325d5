//! Runs of many vectors.

use super::Settings;
use crate::vectors::{Located, find_files, read_file};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

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
    /// How many files and folders could not be read, or have no vectors.
    pub unread: usize,
}

impl Report {
    /// How many vectors ran.
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.quirks_passed + self.quirks_failed
    }

    fn count(&mut self, is_quirk: bool, has_failed: bool) {
        let count = match (is_quirk, has_failed) {
            (false, false) => &mut self.passed,
            (false, true) => &mut self.failed,
            (true, false) => &mut self.quirks_passed,
            (true, true) => &mut self.quirks_failed,
        };
        *count += 1;
    }
}

/// Runs all vectors of these files and folders, and writes to `log` what fails and what cannot be read. Those of files
/// `*quirks.jsonl` run only with `quirks`, and are counted by themselves.
///
/// # Errors
/// If there is no such runner, or `log` cannot be written.
pub fn run_all(paths: &[PathBuf], settings: &Settings, quirks: bool, log: &mut impl Write) -> Result<Report, String> {
    settings.check()?;
    let mut report = Report::default();
    for path in paths {
        run_path(path, settings, quirks, log, &mut report).map_err(|e| format!("the report cannot be written: {e}"))?;
    }
    Ok(report)
}

fn run_path(
    path: &Path,
    settings: &Settings,
    quirks: bool,
    log: &mut impl Write,
    report: &mut Report,
) -> io::Result<()> {
    let unread = |report: &mut Report, log: &mut dyn Write, why: String| {
        report.unread += 1;
        writeln!(log, "NOT RUN {why}")
    };
    let files = match find_files(path) {
        Ok(files) => files,
        Err(e) => return unread(report, log, e),
    };
    let mut seen = 0;
    for file in files {
        let is_quirk = file.file_name().is_some_and(|n| n.to_string_lossy().ends_with("quirks.jsonl"));
        if is_quirk && !quirks {
            seen += 1;
            if file == *path {
                let note = "skipped: its vectors need not pass, ask for them by --quirks";
                writeln!(log, "{}: {note}", file.display())?;
            }
            continue;
        }
        let vectors = match read_file(&file) {
            Ok(vectors) => vectors,
            Err(e) => {
                seen += 1;
                unread(report, log, e)?;
                continue;
            }
        };
        for vector in vectors {
            seen += 1;
            let failure = check(vector, settings);
            if let Some(failure) = &failure {
                let note = if is_quirk { "not as Beam" } else { "FAILED" };
                writeln!(log, "{note} {failure}")?;
            }
            report.count(is_quirk, failure.is_some());
        }
    }
    if seen == 0 {
        let why = "there are no vectors here: name a file with a vector a line, or a folder of such files, *.jsonl";
        unread(report, log, format!("{}: {why}", path.display()))?;
    }
    Ok(())
}

fn check(vector: Result<Located, String>, settings: &Settings) -> Option<String> {
    let Located { vector, file, line } = match vector {
        Ok(located) => located,
        Err(e) => return Some(e),
    };
    let (expected, name) = (vector.ending(), vector.name().to_owned());
    let run = {
        let settings = settings.clone();
        move || super::run(&vector, &settings)
    };
    let failure = match within(settings.time_limit, run).and_then(|result| result) {
        Ok(found) => super::difference(&expected, &found)?,
        Err(e) => format!("  {e}\n"),
    };
    Some(format!("{name} ({}:{line})\n{failure}", file.display()))
}

/// What `work` gives, which is left to itself when it takes longer than `limit`.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (done, result) = sync_channel(1);
    let work = move || _ = done.send(work());
    let thread = std::thread::Builder::new().name("vector".to_owned());
    thread.spawn(work).map_err(|e| format!("a thread for it cannot be started: {e}"))?;
    result.recv_timeout(limit).map_err(|e| match e {
        RecvTimeoutError::Timeout => {
            format!("it has not ended after {} s: is a watermark held for ever?", limit.as_secs())
        }
        RecvTimeoutError::Disconnected => "it panicked: see above".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_does_not_end_in_time_is_given_up() {
        let (release, wait) = channel::<()>();
        let error = within(Duration::from_millis(20), move || wait.recv().is_ok()).unwrap_err();
        assert_eq!(error, "it has not ended after 0 s: is a watermark held for ever?");
        drop(release);
        assert_eq!(within(Duration::from_secs(60), || 5), Ok(5));
        let error = within(Duration::from_secs(60), || assert_eq!(1, 2, "on purpose")).unwrap_err();
        assert_eq!(error, "it panicked: see above");
    }
}
