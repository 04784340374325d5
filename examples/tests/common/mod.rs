//! What the tests of `lake` share: the program in a folder of its own, and what it has landed.
#![allow(dead_code, reason = "not every test needs everything")]
#![allow(unreachable_pub, reason = "it is a part of each test")]
#![allow(clippy::unwrap_used)]

use dataflow::parquet::ArrowRow;
use examples::lake::dead_letter::DeadLetter;
use examples::lake::event::EnrichedEvent;
use examples::lake::rows::MetricRow;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder for a test, in which the program runs and `out` is the lake.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Writes a file to the folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The program with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lake"));
        command.args(arguments).current_dir(self.dir.path()).env_remove("OUT_DIR").env_remove("RUST_LOG");
        command
    }

    /// Runs the program to its end.
    pub fn lake(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed, and gives its summary.
    pub fn land(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.lake(&[arguments, &["--summary", "summary.json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        self.summary()
    }

    pub fn summary(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("summary.json")).unwrap()).unwrap()
    }

    /// Runs the program, which must fail, and gives what it says.
    pub fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.lake(arguments);
        assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stderr)
    }

    /// The events that are visible, by id.
    pub fn events(&self) -> Vec<EnrichedEvent> {
        events(&self.out())
    }

    /// The metrics that are visible, by time and action.
    pub fn metrics(&self) -> Vec<MetricRow> {
        metrics(&self.out())
    }

    /// The lines of the dead letters that are visible.
    pub fn dead_letters(&self) -> Vec<DeadLetter<'static>> {
        let files = visible(&self.out().join("dead-letters"));
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str::<DeadLetter<'_>>(line).unwrap()).map(owned).collect()
    }
}

fn owned(letter: DeadLetter<'_>) -> DeadLetter<'static> {
    DeadLetter {
        raw: letter.raw.map(|raw| raw.into_owned().into()),
        raw_hex: letter.raw_hex,
        reasons: letter.reasons,
        message: letter.message.into_owned().into(),
        position: letter.position.into_owned().into(),
        rejected_at: letter.rejected_at.into_owned().into(),
    }
}

/// The events in a lake, by id.
pub fn events(lake: &Path) -> Vec<EnrichedEvent> {
    let mut events: Vec<EnrichedEvent> = rows(&lake.join("events"));
    events.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    events
}

/// The metrics in a lake, by time and action.
pub fn metrics(lake: &Path) -> Vec<MetricRow> {
    let mut metrics: Vec<MetricRow> = rows(&lake.join("metrics"));
    metrics.sort_by_key(|row| (row.window_start, row.action));
    metrics
}

/// All rows of the files of a table, each of which must be in a partition.
fn rows<T: ArrowRow>(table: &Path) -> Vec<T> {
    let mut rows = Vec::new();
    for file in visible(table) {
        assert!(file.parent().unwrap().file_name().unwrap().to_str().unwrap().starts_with("date="), "{file:?}");
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            rows.extend(T::from_batch(&batch.unwrap()).unwrap());
        }
    }
    rows
}

/// The files below a folder that readers see: those of which no part of the path begins with `_` or `.`.
pub fn visible(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with(['_', '.']);
        if path.is_dir() && !hidden {
            files.extend(visible(&path));
        } else if !hidden {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Whether tests that lack what they need must fail instead of being skipped.
pub fn is_full() -> bool {
    std::env::var("DATAFLOW_TEST_FULL").is_ok_and(|full| full == "1")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A valid event as a line.
pub fn event(id: &str, ts: &str, user_id: u64, action: &str, amount: &str) -> String {
    format!(r#"{{"event_id":"{id}","ts":"{ts}","user_id":{user_id},"action":"{action}","amount":{amount}}}"#)
}
