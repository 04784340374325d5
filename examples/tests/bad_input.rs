//! Bad input gives rejects or clear errors, and everything is accounted for.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, event};
use examples::lake::event::EnrichedEvent;
use examples::lake::reason::Reason;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const TS: &str = "2026-01-31T22:00:00Z";

/// Lands a file with a good line before and after the given ones, and gives the reasons of the rejects.
fn rejects(lines: &[&[u8]]) -> Value {
    let place = Place::new();
    let mut file = BufWriter::new(File::create(place.path("in.ndjson")).unwrap());
    file.write_all(event("first", TS, 1, "click", "1").as_bytes()).unwrap();
    for line in lines {
        file.write_all(b"\n").unwrap();
        file.write_all(line).unwrap();
    }
    file.write_all(b"\n").unwrap();
    file.write_all(event("last", TS, 1, "click", "1").as_bytes()).unwrap();
    drop(file);
    let summary = place.land(&["--input", "in.ndjson"]);
    assert_eq!(place.events().len(), 2);
    assert_eq!(summary["written"], 2);
    assert_eq!(summary["rejected"], lines.len());
    assert_eq!(place.dead_letters().len(), lines.len());
    summary["rejected_by_reason"].clone()
}

#[test]
fn each_kind_of_bad_line_is_rejected_with_its_reason() {
    let with = |from: &str, to: &str| event("e", TS, 7, "view", "1").replace(from, to).into_bytes();
    for (line, reasons) in [
        (b"{\"event_id\":\"\xff\xfe\"".to_vec(), json!({"invalid_utf8": 1, "truncated_json": 1})),
        (b"{\"event_id\":\"e\",\"ts\":\"2026".to_vec(), json!({"truncated_json": 1})),
        (b"[1,2]".to_vec(), json!({"not_an_object": 1})),
        (b"hello".to_vec(), json!({"invalid_json": 1})),
        (with("\"e\"", "null"), json!({"event_id_null": 1})),
        (with(":7", ":null"), json!({"user_id_null": 1})),
        (with(":7", ":\"7\""), json!({"user_id_not_integer": 1})),
        (with("\"e\"", "5"), json!({"event_id_not_string": 1})),
        (with(":1}", ":NaN}"), json!({"non_finite_number": 1})),
        (with(":1}", ":-0.01}"), json!({"amount_negative": 1})),
        (with(":1}", ":1e300}"), json!({"amount_too_large": 1})),
        (with(":1}", ":1e999}"), json!({"amount_too_large": 1})),
        (with(TS, "0001-01-01T00:00:00Z"), json!({"ts_out_of_range": 1})),
        (with(TS, "9999-12-31T23:59:59Z"), json!({"ts_out_of_range": 1})),
        (with(TS, "yesterday"), json!({"ts_not_rfc3339": 1})),
    ] {
        assert_eq!(rejects(&[&line]), reasons, "{}", common::text(&line));
    }
}

#[test]
fn blank_lines_are_no_events() {
    let place = Place::new();
    place.file("in.ndjson", format!("\n  \r\n{}\r\n\n", event("e", TS, 1, "click", "1")));
    let summary = place.land(&["--input", "in.ndjson"]);
    assert_eq!((&summary["read"], &summary["written"]), (&1.into(), &1.into()));
}

#[test]
fn a_line_of_100_mb_is_rejected_in_bounded_memory() {
    let place = Place::new();
    let mut file = BufWriter::new(File::create(place.path("in.ndjson")).unwrap());
    writeln!(file, "{}", event("first", TS, 1, "click", "1")).unwrap();
    for _ in 0..100 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    writeln!(file, "\n{}", event("last", TS, 1, "click", "1")).unwrap();
    drop(file);
    let arguments = ["--input", "in.ndjson", "--max-line", "1MiB", "--threads", "1", "--summary", "summary.json"];
    let mut process = place.command(&arguments).stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(peak < 90 << 10, "it took {peak} KiB"); // less than the line; the program itself is in it
    let summary = place.summary();
    assert_eq!((&summary["read"], &summary["written"], &summary["rejected"]), (&3.into(), &2.into(), &1.into()));
    let letter = place.dead_letters().remove(0);
    assert_eq!(letter.reasons, [Reason::LineTooLong]);
    assert!(letter.message.contains("104857600 bytes"), "{}", letter.message);
    assert!(letter.raw.unwrap().len() < 5_000);
}

#[test]
fn an_empty_file_is_a_lake_without_events() {
    let place = Place::new();
    place.file("in.ndjson", "");
    let summary = place.land(&["--input", "in.ndjson"]);
    assert_eq!((&summary["read"], &summary["files"]), (&0.into(), &0.into()));
    assert!(place.out().join("events").is_dir());
}

#[test]
fn a_truncated_gzip_gives_what_is_left_of_it_and_a_reject() {
    let place = Place::new();
    let lines: String = (0..5_000).map(|i| event(&format!("e{i}"), TS, i + 1, "click", "1") + "\n").collect();
    place.file("in.ndjson", lines);
    assert!(Command::new("gzip").arg(place.path("in.ndjson")).status().unwrap().success());
    let whole = fs::read(place.path("in.ndjson.gz")).unwrap();
    place.file("in.ndjson.gz", &whole[..whole.len() * 2 / 3]);
    let summary = place.land(&["--input", "in.ndjson.gz"]);
    assert_eq!(summary["rejected_by_reason"], json!({"file_truncated": 1}));
    let written = summary["written"].as_u64().unwrap();
    assert!((100..5_000).contains(&written), "{written}");
    assert_eq!(summary["read"], written + 1);
    assert_eq!(place.events().len() as u64, written);
}

#[test]
fn input_that_is_not_there_is_an_error_before_anything_is_made() {
    let place = Place::new();
    for (input, part) in [("missing.ndjson", "missing.ndjson"), ("logs/*.json", "logs/*.json")] {
        let error = place.refuse(&["--input", input]);
        assert!(error.starts_with("lake: ") && error.contains(part), "{error}");
        assert!(!error.contains("Error {"), "{error}");
        assert!(!place.out().exists());
    }
}

#[test]
fn a_file_without_permission_is_an_error_that_names_it() {
    let place = Place::new();
    fs::set_permissions(place.path("."), fs::Permissions::from_mode(0o777)).unwrap();
    place.file("in.ndjson", event("e", TS, 1, "click", "1"));
    fs::create_dir(place.path("closed")).unwrap();
    for name in ["in.ndjson", "closed"] {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    // Permissions do not stop root, who therefore becomes nobody, and has the program where nobody can run it.
    let program = place.path("lake");
    fs::copy(env!("CARGO_BIN_EXE_lake"), &program).unwrap();
    for input in ["in.ndjson", "closed"] {
        let mut command = Command::new(&program);
        command.args(["--input", input]).current_dir(place.path("."));
        if rustix::process::getuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        let error = common::text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(input) && error.to_lowercase().contains("permission"), "{error}");
    }
}

#[test]
fn events_of_later_producers_land_with_their_session() {
    let place = Place::new();
    let old = event("old", TS, 1, "click", "null");
    let new = old.replace("old", "new").replace('}', r#","session_id":"s-1","schema":2}"#);
    place.file("in.ndjson", format!("{old}\n{new}\n"));
    place.land(&["--input", "in.ndjson"]);
    let sessions =
        |event: EnrichedEvent| (event.event_id.to_string(), event.session_id.map(String::from), event.amount);
    let events: Vec<_> = place.events().into_iter().map(sessions).collect();
    assert_eq!(events, [("new".to_owned(), Some("s-1".to_owned()), 0.0), ("old".to_owned(), None, 0.0)]);
}

#[test]
fn an_id_is_known_for_its_time_to_live() {
    let place = Place::new();
    let line = |ts: &str| event("e", ts, 1, "click", "1") + "\n";
    let lines = ["2026-01-01T00:00:00Z", "2026-01-06T00:00:00Z", "2026-01-09T00:00:00Z"].map(line).concat();
    place.file("in.ndjson", lines);
    let summary = place.land(&["--input", "in.ndjson", "--threads", "1"]);
    assert_eq!((&summary["written"], &summary["duplicates"]), (&2.into(), &1.into()));
    let summary = place.land(&["--input", "in.ndjson", "--threads", "1", "--overwrite", "--dedup-ttl", "30d"]);
    assert_eq!((&summary["written"], &summary["duplicates"]), (&1.into(), &2.into()));
}

/// So many that the watermark moves now and then, and not only at the end.
const ON_TIME: u64 = 25 * 1_800;

/// Half an hour of events, 25 a second, and one at the end that is ten minutes behind.
fn with_a_late_event() -> String {
    let line = |id: &str, second: u64| {
        event(id, &format!("2026-01-31T22:{:02}:{:02}Z", second / 60, second % 60), 1, "click", "1") + "\n"
    };
    let on_time: String = (0..ON_TIME).map(|i| line(&format!("e{i}"), i / 25)).collect();
    on_time + &line("late", 1_200)
}

/// Checks that the late event is accounted for, in the events, and in the metrics unless it is dropped there.
fn check_late(place: &Place, summary: &Value, dropped: u64) {
    assert_eq!((&summary["read"], &summary["written"]), (&(ON_TIME + 1).into(), &(ON_TIME + 1).into()));
    assert_eq!(summary["dropped_late"], dropped);
    assert_eq!(place.events().iter().filter(|event| event.event_id == "late").count(), 1);
    assert_eq!(place.events().len() as u64, ON_TIME + 1);
    assert_eq!(place.metrics().iter().map(|row| row.count).sum::<u64>(), ON_TIME + 1 - dropped);
    assert_eq!(place.metrics().len(), 30, "one row a minute");
}

#[test]
fn in_files_nothing_is_late_unless_asked_for() {
    let place = Place::new();
    place.file("in.ndjson", with_a_late_event());
    // One thread, so that it is known how far the watermark has come.
    let options = ["--input", "in.ndjson", "--overwrite", "--threads", "1"];
    check_late(&place, &place.land(&options), 0);
    check_late(&place, &place.land(&[&options[..], &["--out-of-orderness", "1s"]].concat()), 1);
    check_late(&place, &place.land(&[&options[..], &["--out-of-orderness", "15m"]].concat()), 0);
    check_late(&place, &place.land(&["--input", "in.ndjson", "--overwrite", "--threads", "2"]), 0);
    let error = place.refuse(&["--input", "simulate:10", "--out-of-orderness", "1s"]);
    assert!(error.contains("--out-of-orderness is for lines that are read"), "{error}");
}

#[test]
fn absurd_and_escaped_times_do_not_run_the_watermark_away() {
    let place = Place::new();
    let absurd = event("absurd", "9999-12-31T00:00:00Z", 1, "click", "1") + "\n";
    let nested = event("nested", TS, 1, "click", "1").replace('}', r#","x":{"ts":"2099-01-01T00:00:00Z"}}"#) + "\n";
    let escaped = event("escaped", TS, 1, "click", "1").replace("ts", r"\u0074s") + "\n";
    place.file("in.ndjson", absurd + &nested + &escaped + &with_a_late_event() + &escaped.replace("escaped", "again"));
    let summary = place.land(&["--input", "in.ndjson", "--threads", "1", "--out-of-orderness", "1s"]);
    assert_eq!((&summary["written"], &summary["rejected"]), (&(ON_TIME + 4).into(), &1.into()));
    assert_eq!(summary["dropped_late"], 2, "the late one, and the escaped one at the end");
}

#[test]
fn lines_of_standard_input_may_be_a_minute_out_of_order() {
    let place = Place::new();
    let command = &mut place.command(&["--input", "-", "--threads", "1", "--summary", "summary.json"]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(with_a_late_event().as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
    check_late(&place, &place.summary(), 1);
}

#[test]
fn corrected_dead_letters_tell_their_time() {
    let place = Place::new();
    let letter = |line: &str| json!({"raw": line, "reasons": ["ts_null"]}).to_string() + "\n";
    place.file("letters.ndjson", with_a_late_event().lines().map(letter).collect::<String>());
    let summary = place.land(&["--reprocess", "letters.ndjson", "--threads", "1", "--out-of-orderness", "1s"]);
    check_late(&place, &summary, 1);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let place = Place::new();
    let mut process =
        place.command(&["--input", "-", "--summary", "summary.json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    for i in 0..1_000 {
        writeln!(stdin, "{}", event(&format!("e{}", i / 2), TS, 1, "click", "1")).unwrap();
    }
    drop(stdin);
    assert!(process.wait().unwrap().success());
    let summary = place.summary();
    assert_eq!((&summary["read"], &summary["duplicates"]), (&1000.into(), &500.into()));
}
