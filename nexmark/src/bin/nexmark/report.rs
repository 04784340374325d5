//! What was measured, as JSON and as a table.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use nexmark::latency::{Durations, Latency};
use nexmark::measure::{Comparison, Measured};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    pub(crate) loop_allocs_per_event: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) engine_cpu_ns: f64,
    pub(crate) loop_cpu_ns: f64,
    pub(crate) generation_ns: Option<f64>,
    pub(crate) loop_peak_rss_mb: Option<f64>,
    pub(crate) timely_ns: Option<f64>,
    pub(crate) speed_over_timely: Option<f64>,
    pub(crate) cpu_speed_over_timely: Option<f64>,
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
            loop_allocs_per_event: rounded(of.loop_allocs_per_event),
            cpu_ratio: rounded(of.cpu_ratio),
            engine_cpu_ns: rounded(of.engine_cpu_ns),
            loop_cpu_ns: rounded(of.loop_cpu_ns),
            generation_ns: of.generation_ns.map(rounded),
            loop_peak_rss_mb: of.loop_peak_rss_mb.map(rounded),
            timely_ns: of.timely_ns.map(rounded),
            speed_over_timely: of.speed_over_timely.map(rounded),
            cpu_speed_over_timely: of.cpu_speed_over_timely.map(rounded),
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
    let with_timely = lines.iter().any(|line| line.timely_ns.is_some());
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let header = "query path form threads Mevents/s ns/event loop making ratio CPU-ratio MB allocs/event results";
    let timely = if with_timely { " timely ×timely ×timely(CPU)" } else { "" };
    table.set_header(header.split(' ').chain(timely.split_whitespace()));
    let or_none = |n: Option<f64>, digits: usize| n.map_or_else(String::new, |n| format!("{n:.digits$}"));
    for line in lines {
        let mut row = vec![
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
        ];
        if with_timely {
            let speeds = [line.speed_over_timely, line.cpu_speed_over_timely];
            row.push(or_none(line.timely_ns, 1));
            row.extend(speeds.map(|speed| or_none(speed, 2)));
        }
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// How late results of a query are, beside how late the machine wakes those who sleep. In milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LatencyLine {
    query: String,
    path: String,
    threads: u16,
    rate: u64,
    pub(crate) samples: usize,
    latency_ms: Percentiles,
    stalls_ms: Percentiles,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Percentiles {
    fn new(of: &Durations) -> Self {
        let at = |share| (of.percentile(share).as_secs_f64() * 1e6).round() / 1e3;
        Percentiles { p50: at(0.5), p99: at(0.99), p99_9: at(0.999), max: at(1.0) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50, p99, p99_9, max } = self;
        write!(f, "p50 {p50:.2}, p99 {p99:.2}, p99.9 {p99_9:.2}, max {max:.2} ms")
    }
}

impl LatencyLine {
    pub(crate) fn new(query: &dyn Measured, rate: u64, threads: u16, of: &Latency) -> Self {
        LatencyLine {
            query: query.name().to_owned(),
            path: query.path().to_owned(),
            threads,
            rate,
            samples: of.results.count(),
            latency_ms: Percentiles::new(&of.results),
            stalls_ms: Percentiles::new(&of.stalls),
        }
    }
}

impl fmt::Display for LatencyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LatencyLine { query, path, threads, rate, samples, latency_ms, stalls_ms } = self;
        let threads = if *threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        writeln!(f, "{query} ({path}), {rate} events/s, {threads}: {samples} results")?;
        writeln!(f, "  from event to result: {latency_ms}")?;
        write!(f, "  the machine's stalls: {stalls_ms}; p99 over it: {:.2} ms", latency_ms.p99 - stalls_ms.p99)
    }
}
