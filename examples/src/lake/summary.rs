//! What a run did: everything that was read is accounted for.

use anyhow::{Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use dataflow_core::Metrics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::options::Size;
use super::pipeline::{DEAD_LETTERS, EVENTS, METRICS};
use super::reason::{Reason, ReasonCounters};

/// What a run did, from counters that are independent of each other: `read = written + rejected + duplicates`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Events that came, without blank lines.
    pub read: u64,
    /// Events in the files of `events/`.
    pub written: u64,
    /// Events in the files of `dead-letters/`.
    pub rejected: u64,
    /// How many of them violate a rule; one may violate several.
    pub rejected_by_reason: BTreeMap<Reason, u64>,
    /// Valid events that had come before.
    pub duplicates: u64,
    /// Events that came too late for their minute in `metrics/`; they are in `events/` all the same.
    pub dropped_late: u64,
    /// Files written, of all kinds.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Wall time.
    pub seconds: f64,
}

impl Summary {
    /// The summary of a run that had these counters when it ended.
    pub fn of(metrics: &Metrics, elapsed: Duration) -> Summary {
        let sinks = ["Lake/Events", "Lake/Metrics", "Lake/DeadLetters"];
        let of_sinks = |name| sinks.iter().map(|step| metrics.get(step, name)).sum();
        Summary {
            read: read(metrics),
            written: metrics.get("Lake/Events", "records"),
            rejected: metrics.get("Lake/DeadLetters", "records"),
            rejected_by_reason: ReasonCounters::read(metrics, "Lake/Validate"),
            duplicates: metrics.get("Lake/Deduplicate", "duplicates"),
            dropped_late: metrics.get("Lake/Activity", "dropped_late"),
            files: of_sinks("files"),
            bytes: of_sinks("bytes"),
            seconds: elapsed.as_secs_f64(),
        }
    }

    /// Makes sure that everything that was read is accounted for.
    ///
    /// # Errors
    ///
    /// If it is not, which is a fault of this program.
    pub fn check(&self) -> Result<()> {
        let Summary { read, written, rejected, duplicates, .. } = self;
        ensure!(
            *read == written + rejected + duplicates,
            "of {read} events read, {written} were written, {rejected} rejected and {duplicates} were duplicates: the \
             numbers do not add up, which is a fault of this program; please report it"
        );
        Ok(())
    }

    /// The summary as JSON.
    pub fn to_json(&self) -> String {
        // Numbers and names do not fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The summary as a table, for a lake in `folder`.
    pub fn to_table(&self, folder: &Path) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let place = |name: &str| folder.join(name).display().to_string();
        let mut row = |what: &str, value: String, place: String| _ = table.add_row([what.to_owned(), value, place]);
        row("events read", grouped(self.read), String::new());
        row("= written", grouped(self.written), place(EVENTS));
        row("+ rejected", grouped(self.rejected), place(DEAD_LETTERS));
        row("+ duplicates", grouped(self.duplicates), String::new());
        if !self.rejected_by_reason.is_empty() {
            row("", String::new(), String::new());
            row("rejected because", String::new(), "(an event may have several reasons)".to_owned());
        }
        for (reason, count) in &self.rejected_by_reason {
            row(&format!("  {}", reason.name()), grouped(*count), String::new());
        }
        row("", String::new(), String::new());
        row("too late for metrics", grouped(self.dropped_late), place(METRICS));
        row("files", grouped(self.files), Size(self.bytes).to_string());
        row("seconds", format!("{:.2}", self.seconds), format!("{} events/s", grouped(self.rate())));
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }

    fn rate(&self) -> u64 {
        (self.read as f64 / self.seconds.max(1e-6)) as u64
    }
}

/// How many events have been read so far.
pub fn read(metrics: &Metrics) -> u64 {
    metrics.get("Lake/Validate", "elements_in")
}

/// A number with its thousands apart: 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let rejected_by_reason = [(Reason::TsNull, 2), (Reason::ActionUnknown, 1)].into();
        let (read, written, rejected, duplicates) = (1_234, 1_200, 2, 32);
        let (dropped_late, files, bytes, seconds) = (0, 3, 4_567, 0.5);
        Summary { read, written, rejected, rejected_by_reason, duplicates, dropped_late, files, bytes, seconds }
    }

    #[test]
    fn the_json_has_the_names_that_others_rely_on() {
        let json: serde_json::Value = serde_json::from_str(&summary().to_json()).unwrap();
        let expected = serde_json::json!({
            "read": 1234, "written": 1200, "rejected": 2, "duplicates": 32, "dropped_late": 0, "files": 3,
            "bytes": 4567, "seconds": 0.5, "rejected_by_reason": {"ts_null": 2, "action_unknown": 1},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_table_accounts_for_all_and_says_where_to_look() {
        let table = summary().to_table(Path::new("out"));
        for part in ["1,234", "1,200", "out/events", "out/dead-letters", "action_unknown", "4.6 kB", "2,468 events/s"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
    }

    #[test]
    fn events_that_are_unaccounted_for_are_an_error() {
        assert!(summary().check().is_ok());
        assert!(Summary { read: 1_235, ..summary() }.check().is_err());
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
