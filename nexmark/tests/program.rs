//! What the program prints.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::process::{Command, Output};

fn nexmark(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nexmark")).args(arguments).output().unwrap()
}

#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = nexmark(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn json_has_an_object_a_line_with_the_fields_that_tools_look_for() {
    for threads in ["1", "2"] {
        let json = ["--query", "q5", "--events", "20000", "--pairs", "1", "--compare", "--json", "--threads", threads];
        let text = printed(&json);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|l| l["form"].as_str().unwrap()).collect::<Vec<_>>(), ["preloaded", "filled"]);
        for line in lines {
            assert_eq!((line["query"].as_str(), line["path"].as_str()), (Some("q5"), Some("fast")), "{line}");
            assert_eq!((line["threads"].to_string(), line["events"].as_u64()), (threads.to_owned(), Some(20_000)));
            assert_eq!(line["results_equal"], Value::Bool(true));
            for field in ["engine_ns", "loop_ns", "ratio"] {
                assert!(line[field].as_f64().is_some_and(|n| n > 0.0), "{field} of {line}");
            }
            let per_event = line["allocs_per_event"].as_f64().unwrap();
            assert!((0.0..5.0).contains(&per_event), "{line}");
            if cfg!(target_os = "linux") {
                assert!(line["peak_rss_mb"].as_f64().is_some_and(|mb| mb > 1.0), "{line}");
            }
        }
    }
}

#[test]
fn another_path_is_chosen_by_name() {
    let arguments = ["--query", "q5", "--path", "general", "--form", "filled", "--events", "20000", "--compare"];
    let text = printed(&[&arguments[..], &["--pairs", "1", "--json"]].concat());
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["path"], "general");
}

#[test]
fn several_queries_come_as_a_table() {
    let text = printed(&["--query", "q0,q5", "--events", "5000", "--pairs", "1", "--compare", "--form", "filled"]);
    assert!(text.contains("| q0 ") && text.contains("| q5 ") && text.contains("ns/event"), "{text}");
}

#[test]
fn a_query_that_is_not_there_is_an_error_that_says_which_are() {
    let output = nexmark(&["--query", "q99"]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("q99") && error.contains("q0, "), "{error}");
}

#[test]
fn the_plan_can_be_seen() {
    let text = printed(&["--query", "q5", "--explain", "--threads", "2"]);
    assert!(text.contains("on 2 threads") && text.contains("exchange by key"), "{text}");
}

#[test]
fn a_check_fails_for_what_costs_more_than_its_bar() {
    let with = |bar: f64| {
        let file = std::env::temp_dir().join(format!("nexmark-bars-{}-{bar}.json", std::process::id()));
        let others = format!("{{ \"preloaded\": {bar}, \"filled\": {bar} }}");
        std::fs::write(&file, format!("{{ \"tolerance\": 1.0, \"others\": {others}, \"bars\": [] }}")).unwrap();
        let arguments = ["--check", "--query", "q0", "--events", "5000", "--pairs", "1", "--bars"];
        let output = nexmark(&[&arguments[..], &[file.to_str().unwrap()]].concat());
        std::fs::remove_file(file).unwrap();
        output
    };
    assert!(with(1e9).status.success());
    let broken = with(1e-9);
    assert!(!broken.status.success());
    let text = String::from_utf8_lossy(&broken.stdout);
    assert!(text.contains("TOO SLOW"), "{text}");
    assert!(String::from_utf8_lossy(&broken.stderr).contains("q0 (fast, preloaded)"));
}

#[test]
fn every_query_that_has_a_bar_exists() {
    let bars: Value = serde_json::from_str(include_str!("../bars.json")).unwrap();
    let all = nexmark::measure::all();
    for bar in bars["bars"].as_array().unwrap() {
        let exists = all.iter().any(|query| bar["query"] == query.name() && bar["path"] == query.path());
        assert!(exists, "{bar} is for no query");
    }
}

#[test]
fn latency_is_measured_beside_the_machine_s_stalls() {
    let arguments = ["--query", "q0", "--latency", "2000", "--seconds", "1", "--threads", "2", "--json"];
    let line: Value = serde_json::from_str(&printed(&arguments)).unwrap();
    assert!(line["samples"].as_u64().unwrap() > 100, "{line}");
    for field in ["latency_ms", "stalls_ms"] {
        let at = |name: &str| line[field][name].as_f64().unwrap();
        assert!(0.0 < at("p50") && at("p50") <= at("p99") && at("p99") <= at("p99_9") && at("p99_9") <= at("max"));
    }
}

#[cfg(feature = "timely")]
#[test]
fn timely_has_the_same_results_on_one_thread_and_on_two() {
    for threads in ["1", "2"] {
        let arguments = ["--query", "q0,q1,q2,q3,q5,q7,q8,q11", "--events", "30000", "--rate", "400", "--pairs", "1"];
        let more = ["--timely", "--json", "--threads", threads, "--out-of-order", "100"];
        let text = printed(&[&arguments[..], &more[..]].concat());
        assert_eq!(text.lines().count(), 16);
        for line in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            assert!(line["timely_ns"].as_f64().is_some_and(|ns| ns > 0.0), "{line}");
            assert_eq!(line["results_equal"], Value::Bool(true), "{line}");
        }
    }
}
