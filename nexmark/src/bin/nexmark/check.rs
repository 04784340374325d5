//! Whether queries still cost what they may: ratios of processor time to the loop, which hardly hang on the machine.

use crate::options::Options;
use anyhow::{Context, Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use nexmark::generator::Generator;
use nexmark::measure::{self, Form, Measured, Plan};
use serde::Deserialize;
use std::sync::Arc;

/// What queries may cost. The file is `nexmark/bars.json`.
#[derive(Debug, Deserialize)]
struct Bars {
    /// A measured ratio may be so many times its bar: a check on a busy machine should fail for what has changed alone.
    tolerance: f64,
    /// The bars of queries that are not listed.
    others: Bar,
    bars: Vec<Listed>,
}

/// The ratios to the loop that are to be reached, on one thread.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Bar {
    preloaded: f64,
    filled: f64,
}

#[derive(Debug, Deserialize)]
struct Listed {
    query: String,
    path: String,
    #[serde(flatten)]
    bar: Bar,
}

impl Bars {
    fn of(&self, query: &dyn Measured, form: Form) -> f64 {
        let listed = self.bars.iter().find(|l| (l.query.as_str(), l.path.as_str()) == (query.name(), query.path()));
        let bar = listed.map_or(self.others, |listed| listed.bar);
        match form {
            Form::Preloaded => bar.preloaded,
            Form::Filled => bar.filled,
        }
    }
}

/// Runs `queries` on little input and compares what they take with their bars.
pub(crate) fn check(options: &Options, queries: &[Box<dyn Measured>], generator: &Arc<Generator>) -> Result<()> {
    let bars = match &options.bars {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?,
        None => include_str!("../../../bars.json").to_owned(),
    };
    let bars: Bars = serde_json::from_str(&bars).context("the bars cannot be understood")?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["query", "path", "form", "ratio (CPU)", "bar", "limit", ""]);
    let mut broken = Vec::new();
    for query in queries {
        for form in options.forms_or(&[Form::Preloaded]) {
            let (events, pairs) = (options.events(), options.pairs);
            let plan = Plan { generator: generator.clone(), form, events, threads: 1, pairs, timely: false };
            let found = measure::compare(&**query, &plan)?;
            let bar = bars.of(&**query, form);
            let limit = bar * bars.tolerance;
            let verdict = match () {
                () if !found.results_equal => "RESULTS DIFFER",
                () if found.cpu_ratio > limit => "TOO SLOW",
                () if found.cpu_ratio > bar => "above the bar",
                () => "",
            };
            if !found.results_equal || found.cpu_ratio > limit {
                broken.push(format!("{} ({}, {})", query.name(), query.path(), form.name()));
            }
            table.add_row([
                query.name().to_owned(),
                query.path().to_owned(),
                form.name().to_owned(),
                format!("{:.2}", found.cpu_ratio),
                format!("{bar:.2}"),
                format!("{limit:.2}"),
                verdict.to_owned(),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(3).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    ensure!(broken.is_empty(), "not as it should be: {}", broken.join(", "));
    Ok(())
}
