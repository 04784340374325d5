//! `kill -9` at any moment: whatever is seen then is whole, and the next run cleans up and completes.
//!
//! The process that is killed is this test binary itself, told by an environment variable what to do.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{files, read, rows, write};
use io_parquet::{ArrowRow, CompactOptions, ParquetSink, ParquetSource, PartitionValue, WriteMode, compact};
use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "DATAFLOW_TEST_ROLE";
const TARGET: &str = "DATAFLOW_TEST_TARGET";
const ROWS: u64 = 60_000;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    name: String,
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(|id| Event { id, name: format!("event {id}") }).collect()
}

fn sink(target: &Path, mode: WriteMode) -> ParquetSink<Event> {
    ParquetSink::to(target)
        .mode(mode)
        .roll_rows(1_000)
        .partition_by("lane", |event: &Event| PartitionValue::Int((event.id / 500 % 5) as i64))
}

/// What the processes that are killed do. Run as a test like the others, it does nothing.
#[test]
fn role() {
    let (Ok(role), Ok(target)) = (env::var(ROLE), env::var(TARGET)) else { return };
    let target = PathBuf::from(target);
    match &role[..] {
        "write" => drop(write(&sink(&target, WriteMode::Overwrite), &events(0..ROWS)).unwrap()),
        "compact" => drop(compact(&CompactOptions::new(&target)).unwrap()),
        _ => panic!("unknown role {role}"),
    }
}

fn start(role: &str, target: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "role", "--nocapture"])
        .env(ROLE, role)
        .env(TARGET, target)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// How long the role takes when it is left alone, so that the kills fall into it.
fn duration(role: &str, target: &Path) -> Duration {
    let begun = Instant::now();
    assert!(start(role, target).wait().unwrap().success());
    begun.elapsed()
}

/// A moment of the kill number `n` of `of`, spread over what the role takes; reproducible, unlike what it hits.
fn moment(n: u32, of: u32, all: Duration) -> Duration {
    all * (n * 7 % of) / of + Duration::from_micros(u64::from(n) * 137)
}

#[test]
fn a_sink_that_is_killed_leaves_only_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("lake");
    let all = duration("write", &target);
    let mut seen_parts = BTreeSet::new();
    for n in 0..20 {
        let mut child = start("write", &target);
        std::thread::sleep(moment(n, 20, all));
        child.kill().unwrap();
        child.wait().unwrap();
        let seen: Vec<Event> = rows(&target); // panics at a file that cannot be read
        seen_parts.insert(seen.len());
        let ids: BTreeSet<u64> = seen.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), seen.len(), "no row twice");
        if !seen.is_empty() {
            read(&ParquetSource::<Event>::new(target.to_str().unwrap())).unwrap();
        }
    }
    assert!(seen_parts.len() > 3, "the kills must fall into the run: {seen_parts:?}");
    write(&sink(&target, WriteMode::Overwrite), &events(0..ROWS)).unwrap();
    let mut all: Vec<Event> = rows(&target);
    all.sort_by_key(|row| row.id);
    assert_eq!(all, events(0..ROWS));
    assert!(!target.join("_staging").exists());
}

#[test]
fn a_compaction_that_is_killed_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for flat in [false, true] {
        let target = dir.path().join(format!("lake-{flat}"));
        let fill = || {
            let sink = if flat { ParquetSink::to(&target).roll_rows(500) } else { sink(&target, WriteMode::Append) };
            write(&sink.mode(WriteMode::Overwrite), &events(0..ROWS / 3)).unwrap();
        };
        fill();
        let all = duration("compact", &target);
        for n in 0..20 {
            fill();
            let mut child = start("compact", &target);
            std::thread::sleep(moment(n, 20, all));
            child.kill().unwrap();
            child.wait().unwrap();
            let mut seen: Vec<Event> = rows(&target);
            seen.sort_by_key(|row| row.id);
            assert_eq!(seen, events(0..ROWS / 3), "kill {n}");
        }
        compact(&CompactOptions::new(&target)).unwrap();
        assert_eq!(files(&target).len(), if flat { 1 } else { 5 });
        assert!(!target.join("_staging").exists());
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside the tables");
}
