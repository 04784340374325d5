//! Program vectors with a side input: `TestStream -> window -> map_with_side_input`.

use super::Settings;
use super::stream::test_stream;
use crate::vectors::{
    Accumulation, Dropped, Ending, Input, Outcome, ProgramVector, Text, Trigger, WindowFn, Windowing,
};
use dataflow_core::{Element, PCollection, Pipeline};
use dataflow_exec::combiners::{Max, Sum};
use dataflow_exec::transforms::*;
use std::collections::BTreeMap;

const PROGRAMS: [&str; 6] =
    ["side_sum", "side_singleton_default", "side_iterable", "side_map", "side_multimap", "side_latest"];

/// Whether it is of the side input, key and value.
type Row = (bool, String, i64);

/// Whether there is such a program.
pub(super) fn knows(program: &str) -> bool {
    PROGRAMS.contains(&program)
}

/// What comes of a vector.
pub(super) fn run(vector: &ProgramVector, settings: &Settings) -> Result<Ending, String> {
    let side_window_fn = vector.params.side_window_fn()?;
    Ok(outcome(vector, side_window_fn, settings).map_or_else(|ending| ending, Ending::Outputs))
}

fn outcome(vector: &ProgramVector, side_window_fn: &WindowFn, settings: &Settings) -> Result<Outcome, Ending> {
    let windows = |window_fn: &WindowFn| Windowing {
        allowed_lateness_ms: vector.allowed_lateness_ms,
        ..Windowing::of(window_fn.clone())
    };
    let side_windows = match vector.program.as_str() {
        "side_latest" => {
            let each = Trigger::Repeatedly { of: Box::new(Trigger::AfterCount { count: 1 }) };
            Windowing { trigger: each, ..windows(side_window_fn) }
        }
        _ => Windowing { accumulation: Accumulation::Accumulating, ..windows(side_window_fn) },
    };
    let stream = test_stream(&vector.events, settings, |e| (e.input == Some(Input::Side), e.key.clone(), e.value));
    let p = Pipeline::new("vector");
    let rows = p.test_stream("Events", &stream);
    let main = rows.filter("Main", |row| !row.0).window("MainWindows", windows(&vector.window_fn).to_engine());
    let side = rows.filter("Side", |row| row.0).window("SideWindows", side_windows.to_engine());
    let out = program(&vector.program, &main, &side).collect("Out");
    let metrics = settings.run(&p)?;
    let text = |e: Element<(String, String)>| Text {
        window: e.window().into(),
        timestamp_ms: e.timestamp.as_millis(),
        key: e.value.0,
        text: e.value.1,
    };
    let texts: Vec<Text> = out.elements().into_iter().map(text).collect();
    // Of all steps: no main element is ever dropped in these programs.
    let dropped = Dropped { lateness: metrics.sum("dropped_late"), ..Dropped::default() };
    Ok(Outcome::of(&texts, dropped))
}

fn program(name: &str, main: &PCollection<Row>, side: &PCollection<Row>) -> PCollection<(String, String)> {
    let values = side.map_ref("Value", |row| row.2);
    let pairs = side.map_ref("Pair", |row| (row.1.clone(), row.2));
    match name {
        "side_sum" => {
            let sum = values.combine_globally("Sum", Sum::of(|n: &i64| *n)).as_singleton_view_or("View", 0);
            main.map_with_side_input("Program", &sum, |row, sum| say(row, &sum.to_string()))
        }
        "side_singleton_default" => {
            let max = values.combine_globally("Max", Max::of(|n: &i64| *n)).filter_map("Known", |max| max);
            let max = max.as_singleton_view_or("View", -1);
            main.map_with_side_input("Program", &max, |row, max| say(row, &max.to_string()))
        }
        "side_iterable" => {
            let all = values.as_iterable_view("View");
            main.map_with_side_input("Program", &all, |row, all| say(row, &list(all)))
        }
        "side_map" => {
            let map = pairs.as_map_view("View");
            main.map_with_side_input("Program", &map, |row, map| {
                say(row, &table(map.iter().map(|(key, value)| (key, value.to_string())).collect()))
            })
        }
        "side_multimap" => {
            let map = pairs.as_multimap_view("View");
            main.map_with_side_input("Program", &map, |row, map| {
                say(row, &table(map.iter().map(|(key, values)| (key, list(values))).collect()))
            })
        }
        _ => {
            let latest = values.as_singleton_view_or("View", -1);
            main.map_with_side_input("Program", &latest, |row, latest| say(row, &latest.to_string()))
        }
    }
}

fn say((_, key, value): &Row, side: &str) -> (String, String) {
    (key.clone(), format!("{value} side={side}"))
}

fn list(values: &[i64]) -> String {
    let mut values = values.to_vec();
    values.sort_unstable();
    format!("{values:?}")
}

fn table(rows: BTreeMap<&String, String>) -> String {
    let rows: Vec<String> = rows.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", rows.join(", "))
}
