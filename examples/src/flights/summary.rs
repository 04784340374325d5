//! What a run did.

use anyhow::{Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use dataflow_core::Metrics;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

use super::{DEAD_LETTERS, HOURLY, Totals};
use crate::lake::options::Size;
use crate::lake::summary::grouped;

/// What a run did, and the totals of all flights.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Records of flights that were read, good ones and bad ones.
    pub read: u64,
    /// Flights among them.
    pub scheduled: u64,
    /// Flights that never left.
    pub cancelled: u64,
    /// The mean delay, in minutes, of those that left.
    pub mean_dep_delay: Option<f64>,
    /// Records, of flights and airlines, in the files of `dead-letters/`.
    pub rejected: u64,
    /// Rows in the files of `hourly/`.
    pub rows: u64,
    /// Files written, of both kinds.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Wall time.
    pub seconds: f64,
}

impl Summary {
    /// The summary of a run that ended with these counters and totals.
    pub fn of(metrics: &Metrics, totals: Totals, elapsed: Duration) -> Summary {
        let of_sinks = |name| metrics.get("Land", name) + metrics.get("DeadLetters", name);
        Summary {
            read: metrics.get("Flights/Parse", "elements_in"),
            scheduled: totals.scheduled,
            cancelled: totals.cancelled,
            mean_dep_delay: totals.mean_delay(),
            rejected: metrics.get("DeadLetters", "records"),
            rows: metrics.get("Land", "records"),
            files: of_sinks("files"),
            bytes: of_sinks("bytes"),
            seconds: elapsed.as_secs_f64(),
        }
    }

    /// Makes sure that every flight is in the hours: none came too late for its own.
    ///
    /// # Errors
    ///
    /// If one is not, which is a fault of this program.
    pub fn check(&self, metrics: &Metrics) -> Result<()> {
        let late = metrics.get("Departures", "dropped_late");
        ensure!(late == 0, "{late} flights came too late for their hour, which is a fault of this program; report it");
        Ok(())
    }

    /// The summary as JSON.
    pub fn to_json(&self) -> String {
        // Numbers and names do not fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The summary as a table, for a result in `folder`.
    pub fn to_table(&self, folder: &Path) -> String {
        let mean = self.mean_dep_delay.map_or_else(|| "none".to_owned(), |mean| format!("{mean:.6}"));
        let place = |name: &str| folder.join(name).display().to_string();
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        for (what, value, note) in [
            ("scheduled departures", grouped(self.scheduled), String::new()),
            ("  cancelled", grouped(self.cancelled), String::new()),
            ("  mean delay", mean, "minutes, of those that left".to_owned()),
            ("rows", grouped(self.rows), place(HOURLY)),
            ("rejected records", grouped(self.rejected), place(DEAD_LETTERS)),
            ("files", grouped(self.files), Size(self.bytes).to_string()),
            ("seconds", format!("{:.2}", self.seconds), String::new()),
        ] {
            table.add_row([what.to_owned(), value, note]);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }
}
