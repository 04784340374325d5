//! The shipped vectors on the engine, and what the program `conformance` says of vectors that are wrong.

#![allow(clippy::unwrap_used)]

use dataflow_tests::Way;
use dataflow_tests::conformance::{Report, Settings, difference, run, run_all};
use dataflow_tests::vectors::Vector;
use std::path::{Path, PathBuf};

fn shipped() -> Vec<PathBuf> {
    vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")]
}

/// Runs all shipped vectors that must pass.
fn all_pass(way: Way) {
    let mut log = Vec::new();
    let settings = Settings { way, ..Settings::default() };
    let report = run_all(&shipped(), &settings, false, &mut log).unwrap();
    assert_eq!(report, Report { passed: 650, ..Report::default() }, "{way:?}\n{}", String::from_utf8_lossy(&log));
}

#[test]
fn all_core_vectors_pass_on_one_thread() {
    all_pass(Way::on(1));
}

#[test]
fn all_core_vectors_pass_on_two_threads_with_random_choices() {
    for seed in 1..4 {
        all_pass(Way::on(2).seed(seed));
    }
}

#[test]
fn all_core_vectors_pass_over_restarts() {
    all_pass(Way::on(1).restart_every(1));
    all_pass(Way::on(1).restart_every(3).seed(4));
    all_pass(Way::on(2).restart_every(3));
}

const STRATEGY: &str = r#"{"window_fn":{"kind":"fixed","size_ms":10,"offset_ms":0},"trigger":{"kind":"default"},
    "accumulation":"discarding","allowed_lateness_ms":0,"timestamp_combiner":"end_of_window",
    "closing":"fire_if_non_empty","on_time":"fire_always"}"#;
const EVENTS: &str = r#"[{"element":{"key":"a","value":1,"timestamp_ms":3}},{"advance_watermark_to_ms":20},
    {"element":{"key":"a","value":2,"timestamp_ms":4}}]"#;
const PANE: &str = r#"{"key":"a","values":[1],"window":{"start_ms":0,"end_ms":10},"timestamp_ms":9,
    "pane":{"index":0,"non_speculative_index":0,"timing":"on_time","is_first":true,"is_last":true}}"#;

fn vector(outcome: &str) -> String {
    format!(r#"{{"name":"v","tags":[],"strategy":{STRATEGY},"events":{EVENTS},{outcome}}}"#)
}

fn result(line: &str) -> Option<String> {
    let vector = Vector::parse(line).unwrap();
    difference(&vector.ending(), &run(&vector, &Settings::default()).unwrap())
}

fn mistake(line: &str) -> String {
    Vector::parse(line).unwrap_err()
}

#[test]
fn a_vector_passes_only_with_the_very_panes_and_drops() {
    let right = |late| vector(&format!(r#""expected":[{PANE}],"dropped":{{"lateness":{late},"closed_window":0}}"#));
    assert_eq!(result(&right(1)), None);
    assert_eq!(result(&right(0)).unwrap(), "  dropped late: 1 instead of 0\n");
    let other = right(1).replace(r#""values":[1]"#, r#""values":[1,2]"#);
    assert_eq!(
        result(&other).unwrap(),
        "  missing    a [0, 10) #0 on time [1, 2] at 9, non-speculative #0, first, last\n  \
           unexpected a [0, 10) #0 on time [1] at 9, non-speculative #0, first, last\n"
    );
    let twice = vector(&format!(r#""expected":[{PANE},{PANE}],"dropped":{{"lateness":1}}"#));
    assert!(result(&twice).unwrap().starts_with("  missing    a [0, 10) #0"));
}

#[test]
fn a_refusal_is_expected_or_it_is_not() {
    let refused = vector(r#""rejected":"some reason""#);
    assert_eq!(result(&refused).unwrap(), "  it ran, but was to be refused: some reason\n");
    let endless =
        |outcome: &str| vector(outcome).replace(r#""kind":"fixed","size_ms":10,"offset_ms":0"#, r#""kind":"global""#);
    assert_eq!(result(&endless(r#""rejected":"some reason""#)), None);
    let ran = result(&endless(r#""expected":[],"dropped":{"lateness":0}"#)).unwrap();
    assert!(ran.starts_with("  it was refused: step \"Group\":"), "{ran}");
}

#[test]
fn lines_that_are_no_vectors_are_told_what_is_wrong() {
    let right = vector(r#""rejected":"x""#);
    assert!(mistake(&right.replace(r#""tags""#, r#""tag""#)).starts_with("v: unknown field `tag`"));
    assert!(
        mistake(&right.replace(r#""kind":"default""#, r#""kind":"sometimes""#)).contains("unknown variant `sometimes`")
    );
    assert!(mistake(&right.replace("size_ms", "length")).contains("length"));
    assert!(mistake(&right.replace("advance_watermark_to_ms", "advance_to")).contains("unknown variant `advance_to`"));
    assert_eq!(mistake(r#"{"name":"n"}"#), "n: neither `strategy` nor `program`: a vector has one of them");
    assert!(mistake("{").starts_with("not a JSON object"));
    assert!(mistake(&vector(r#""expected":[]"#)).contains("`dropped` is missing"));
    assert!(mistake(&vector(r#""expected":[],"dropped":{"lateness":0},"rejected":"x""#)).contains("give one of"));
    let back = right.replace(
        r#"{"advance_watermark_to_ms":20}"#,
        r#"{"advance_watermark_to_ms":20},{"advance_watermark_to_ms":19}"#,
    );
    assert_eq!(mistake(&back), "v: the watermark goes back from 20 to 19");
}

#[test]
fn programs_must_be_known_and_have_their_parameters() {
    let program = |name: &str| {
        format!(
            r#"{{"name":"p","tags":[],"program":"{name}","params":{{}},"window_fn":{{"kind":"global"}},
            "allowed_lateness_ms":0,"events":[],"expected":[],"dropped":{{"lateness":0}}}}"#
        )
    };
    let run = |line: String| run(&Vector::parse(&line).unwrap(), &Settings::default()).map(|_| ());
    assert_eq!(run(program("running_count")), Ok(()));
    assert_eq!(run(program("other")), Err("there is no program \"other\"".to_owned()));
    assert!(run(program("buffer_until")).unwrap_err().contains("delay_ms"));
    assert!(run(program("side_sum")).unwrap_err().contains("side_window_fn"));
    let misspelt = program("running_count").replace(r#""params":{}"#, r#""params":{"delay":5}"#);
    assert_eq!(run(misspelt), Err("the program running_count has no parameter delay".to_owned()));
    let element = r#""events":[{"element":{"key":"a","value":1,"timestamp_ms":0}}]"#;
    let aimless = program("side_sum").replace(r#""events":[]"#, element);
    assert_eq!(mistake(&aimless), "p: an element has no `input`: give `main` or `side`");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_runs() {
    let run = |paths: &[&str], runner: &str| {
        let settings = Settings { runner: runner.to_owned(), ..Settings::default() };
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let mut log = Vec::new();
        run_all(&paths, &settings, false, &mut log).map(|report| (report, String::from_utf8(log).unwrap()))
    };
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/global.jsonl");
    let (report, log) = run(&["no/such/folder", vectors, source], "direct").unwrap();
    assert_eq!((report.unread, report.failed), (2, 0));
    assert!(report.passed > 10, "{report:?}");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("NOT RUN no/such/folder: "), "{log}");
    assert!(lines[1].starts_with(&format!("NOT RUN {source}: there are no vectors here: ")), "{log}");
    assert_eq!(run(&[source], "slow").unwrap_err(), "there is no runner \"slow\" for vectors; there is: direct");
}
