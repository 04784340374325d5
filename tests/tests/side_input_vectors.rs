//! The engine gives what the shipped vectors of side inputs expect.

#![allow(clippy::unwrap_used)]

use dataflow_core::{Element as CoreElement, PCollection, Pipeline, TestStream};
use dataflow_exec::combiners::{Max, Sum};
use dataflow_exec::transforms::*;
use dataflow_tests::vectors::{Dropped, Event, Expected, Input, Outcome, ProgramVector, Text, Vector, read_file};
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{AfterCount, Duration, GlobalWindows, Repeatedly, Timestamp, WindowingStrategy};
use std::collections::BTreeMap;
use std::path::Path;

/// Whether it is of the side input, key and value.
type Row = (bool, String, i64);

fn list<'a>(values: impl IntoIterator<Item = &'a i64>) -> String {
    let mut values: Vec<i64> = values.into_iter().copied().collect();
    values.sort_unstable();
    format!("{values:?}")
}

fn table(rows: BTreeMap<&String, String>) -> String {
    let rows: Vec<String> = rows.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", rows.join(", "))
}

fn say((_, key, value): &Row, side: &str) -> (String, String) {
    (key.clone(), format!("{value} side={side}"))
}

fn program(vector: &ProgramVector, main: &PCollection<Row>, side: &PCollection<Row>) -> PCollection<(String, String)> {
    let values = side.map_ref("Value", |row| row.2);
    let pairs = side.map_ref("Pair", |row| (row.1.clone(), row.2));
    match vector.program.as_str() {
        "side_sum" => {
            let sum = values.combine_globally("Sum", Sum::of(|n: &i64| *n)).as_singleton_view_or("View", 0);
            main.map_with_side_input("Look", &sum, |row, sum| say(row, &sum.to_string()))
        }
        "side_singleton_default" => {
            let max = values.combine_globally("Max", Max::of(|n: &i64| *n)).filter_map("Known", |max| max);
            let max = max.as_singleton_view_or("View", -1);
            main.map_with_side_input("Look", &max, |row, max| say(row, &max.to_string()))
        }
        "side_iterable" => {
            let all = values.as_iterable_view("View");
            main.map_with_side_input("Look", &all, |row, all| say(row, &list(all)))
        }
        "side_map" => {
            let map = pairs.as_map_view("View");
            main.map_with_side_input("Look", &map, |row, map| {
                say(row, &table(map.iter().map(|(key, value)| (key, value.to_string())).collect()))
            })
        }
        "side_multimap" => {
            let map = pairs.as_multimap_view("View");
            main.map_with_side_input("Look", &map, |row, map| {
                say(row, &table(map.iter().map(|(key, values)| (key, list(values))).collect()))
            })
        }
        "side_latest" => {
            let latest = values.as_singleton_view_or("View", -1);
            main.map_with_side_input("Look", &latest, |row, latest| say(row, &latest.to_string()))
        }
        other => panic!("{}: there is no side program {other}", vector.name),
    }
}

fn run(vector: &ProgramVector, way: Way) -> Expected {
    let ms = Timestamp::from_millis;
    let mut stream = TestStream::new();
    for event in &vector.events {
        match event {
            Event::Element(e) => stream.add((e.input == Some(Input::Side), e.key.clone(), e.value), ms(e.timestamp_ms)),
            Event::AdvanceWatermarkToMs(to) => stream.advance_watermark_to(ms(*to)),
            Event::AdvanceProcessingTimeByMs(by) => stream.advance_processing_time(Duration::millis(*by)),
        };
    }
    let lateness = Duration::millis(vector.allowed_lateness_ms);
    let windows = WindowingStrategy::of(vector.window_fn.to_engine()).allowed_lateness(lateness);
    let side_windows = if vector.program == "side_latest" {
        WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(AfterCount::at_least(1)))
    } else {
        let side_window_fn = vector.params.side_window_fn().unwrap().to_engine();
        WindowingStrategy::of(side_window_fn).allowed_lateness(lateness).accumulating()
    };
    let p = Pipeline::new("vector");
    let rows = p.test_stream("Events", &stream);
    let main = rows.filter("Main", |row| !row.0).window("MainWindows", windows);
    let side = rows.filter("Side", |row| row.0).window("SideWindows", side_windows);
    let out = program(vector, &main, &side).collect("Out");
    if let Err(e) = p.check() {
        return Expected::Rejected(e.to_string());
    }
    match way.run(&p) {
        Err(e) => Expected::Fails(e.to_string()),
        Ok(metrics) => {
            let text = |e: &CoreElement<(String, String)>| Text {
                key: e.value.0.clone(),
                text: e.value.1.clone(),
                timestamp_ms: e.timestamp.as_millis(),
                window: e.window().into(),
            };
            let dropped = Dropped { lateness: metrics.sum("dropped_late"), ..Dropped::default() };
            Expected::Outputs(Outcome::of(&out.elements().iter().map(text).collect::<Vec<_>>(), dropped))
        }
    }
}

#[test]
fn the_engine_gives_the_outputs_of_all_core_side_input_vectors() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/state/side-inputs.jsonl");
    let vectors: Vec<Vector> = read_file(&file).unwrap().into_iter().map(|located| located.unwrap().vector).collect();
    assert_eq!(vectors.len(), 57);
    let mut failures = String::new();
    for vector in &vectors {
        let Vector::Program(program) = vector else { panic!("{} is no program", vector.name()) };
        for way in WAYS {
            let difference = match (vector.expected(), run(program, way)) {
                // What Beam finds when it runs, we find before.
                (Expected::Rejected(_) | Expected::Fails(_), Expected::Rejected(_)) => None,
                (Expected::Outputs(expected), Expected::Outputs(found)) => expected.difference(&found),
                (expected, found) => Some(format!("  {found:?} instead of {expected:?}\n")),
            };
            if let Some(difference) = difference {
                failures.push_str(&format!("{} in {way:?}\n{difference}", vector.name()));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
