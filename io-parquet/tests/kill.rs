//! `kill -9` at any moment: whatever is seen then is whole, and the next run cleans up and completes.
//!
//! The process that is killed is this test binary itself, told by an environment variable what to do.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{batch, files, open, read, rows, write};
use dataflow_core::{Metrics, Sink, SinkWriter};
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
        "write" => drop(write(&sink(&target, WriteMode::Append), &events(0..ROWS)).unwrap()),
        "overwrite" => overwrite(&target),
        "compact" => drop(compact(&CompactOptions::new(&target)).unwrap()),
        _ => panic!("unknown role {role}"),
    }
}

/// A file that says that the run has come to its end.
fn mark(target: &Path) -> PathBuf {
    target.with_extension("finishing")
}

fn overwrite(target: &Path) {
    let sink = sink(target, WriteMode::Overwrite);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(0..ROWS))).unwrap();
    writer.close().unwrap();
    std::fs::write(mark(target), "").unwrap();
    sink.finish().unwrap();
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
        let target = dir.path().join(format!("lake-{n}"));
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
    let target = dir.path().join("lake-10");
    write(&sink(&target, WriteMode::Overwrite), &events(0..ROWS)).unwrap();
    let mut all: Vec<Event> = rows(&target);
    all.sort_by_key(|row| row.id);
    assert_eq!(all, events(0..ROWS));
    assert!(!target.join("_staging").exists());
}

#[test]
fn an_overwrite_that_is_killed_leaves_the_old_data_until_its_end() {
    const OLD: std::ops::Range<u64> = 1_000_000..1_010_000;
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("lake");
    let all = duration("overwrite", &target);
    let mut in_the_end = 0;
    for n in 0..30 {
        write(&sink(&target, WriteMode::Overwrite), &events(OLD)).unwrap();
        _ = std::fs::remove_file(mark(&target));
        let mut child = start("overwrite", &target);
        if n < 15 {
            std::thread::sleep(moment(n, 15, all));
        } else {
            while !mark(&target).exists() {
                std::thread::sleep(Duration::from_micros(50));
            }
            std::thread::sleep(Duration::from_micros(u64::from(n - 15) * 300));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut seen: Vec<Event> = rows(&target); // panics at a file that cannot be read
        seen.sort_by_key(|row| row.id);
        if !mark(&target).exists() {
            assert!(seen == events(OLD), "kill {n}: {} rows", seen.len());
            continue;
        }
        assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id), "kill {n}: no row twice");
        let old = seen.iter().filter(|row| row.id >= OLD.start).count();
        assert!(old == 0 || old == seen.len(), "kill {n}: {old} of {} rows are old", seen.len());
        in_the_end += usize::from(seen != events(OLD) && seen != events(0..ROWS));
    }
    println!("{in_the_end} kills fell into the moment of the exchange");
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
