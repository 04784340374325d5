//! What was measured, as JSON and as a table.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use nexmark::measure::{Comparison, Measured};
use serde::{Deserialize, Serialize};

/// What is known of a query in one form. Times are nanoseconds per event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) query: String,
    pub(crate) threads: u16,
    pub(crate) form: String,
    pub(crate) path: String,
    pub(crate) events: u64,
    pub(crate) engine_ns: f64,
    pub(crate) loop_ns: f64,
    pub(crate) ratio: f64,
    pub(crate) results_equal: bool,
    pub(crate) peak_rss_mb: Option<f64>,
    pub(crate) allocs_per_event: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) engine_cpu_ns: f64,
    pub(crate) loop_cpu_ns: f64,
    pub(crate) generation_ns: Option<f64>,
    pub(crate) loop_peak_rss_mb: Option<f64>,
    pub(crate) rows: u64,
    pub(crate) loop_rows: u64,
}

impl Line {
    pub(crate) fn new(query: &dyn Measured, of: &Comparison) -> Self {
        let rounded = |n: f64| (n * 1e4).round() / 1e4;
        Line {
            query: query.name().to_owned(),
            threads: of.threads,
            form: of.form.name().to_owned(),
            path: query.path().to_owned(),
            events: of.events,
            engine_ns: rounded(of.engine_ns),
            loop_ns: rounded(of.loop_ns),
            ratio: rounded(of.ratio),
            results_equal: of.results_equal,
            peak_rss_mb: of.peak_rss_mb.map(rounded),
            allocs_per_event: rounded(of.allocs_per_event),
            cpu_ratio: rounded(of.cpu_ratio),
            engine_cpu_ns: rounded(of.engine_cpu_ns),
            loop_cpu_ns: rounded(of.loop_cpu_ns),
            generation_ns: of.generation_ns.map(rounded),
            loop_peak_rss_mb: of.loop_peak_rss_mb.map(rounded),
            rows: of.rows.0,
            loop_rows: of.rows.1,
        }
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// How the results differ.
    pub(crate) fn differing(&self) -> String {
        let Line { query, path, form, rows, loop_rows, .. } = self;
        format!("{query} ({path}, {form}) has {rows} of the engine and {loop_rows} of the loop")
    }
}

/// A line each.
pub(crate) fn table(lines: &[Line]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "query",
        "path",
        "form",
        "threads",
        "M events/s",
        "ns/event",
        "loop",
        "making",
        "ratio",
        "ratio (CPU)",
        "MB",
        "allocs/event",
        "results",
    ]);
    let or_none = |n: Option<f64>, digits: usize| n.map_or_else(String::new, |n| format!("{n:.digits$}"));
    for line in lines {
        table.add_row([
            line.query.clone(),
            line.path.clone(),
            line.form.clone(),
            line.threads.to_string(),
            format!("{:.2}", 1e3 / line.engine_ns),
            format!("{:.1}", line.engine_ns),
            format!("{:.1}", line.loop_ns),
            or_none(line.generation_ns, 1),
            format!("{:.2}", line.ratio),
            format!("{:.2}", line.cpu_ratio),
            or_none(line.peak_rss_mb, 0),
            format!("{:.4}", line.allocs_per_event),
            if line.results_equal { format!("{}, equal", line.rows) } else { "DIFFER".to_owned() },
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
