//! `kill -9` at any moment: whatever is visible is whole, and the next run gives the complete lake.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, is_full, visible};
use examples::lake::simulate;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const N: u64 = 60_000;
const SEED: u64 = 11;
const KILLS: u64 = 20;

/// Numbers that look random and are the same each time.
fn random(i: u64) -> f64 {
    let bits = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

/// An interpreter with pyarrow, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("DATAFLOW_TEST_PYTHON").ok();
    assert!(python.is_some() || !is_full(), "DATAFLOW_TEST_FULL=1, but DATAFLOW_TEST_PYTHON names no interpreter");
    if python.is_none() {
        println!("another Parquet implementation is not tried: DATAFLOW_TEST_PYTHON is not set");
    }
    python
}

/// Reads all visible Parquet files by pyarrow.
fn read_by_pyarrow(python: &str, place: &Place) {
    let is_parquet = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "parquet");
    let files: Vec<PathBuf> = visible(&place.out()).into_iter().filter(is_parquet).collect();
    let script =
        "import sys, pyarrow.parquet as pq\nfor p in sys.argv[1:]: pq.ParquetFile(p).read().validate(full=True)";
    let output = Command::new(python).args(["-c", script]).args(files).output().unwrap();
    assert!(output.status.success(), "{}", common::text(&output.stderr));
}

#[test]
fn a_killed_run_with_checkpoints_goes_on_and_lands_each_event_once() {
    let place = Place::new();
    let input = format!("simulate:{N}:{SEED}");
    let arguments = ["--input", &input, "--threads", "2", "--checkpoint", "state", "--checkpoint-interval", "200ms"];
    let truth = simulate::truth(N, SEED);
    for i in 0..8 {
        let mut process = place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100).mul_f64(1.0 + 9.0 * random(i)));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(place.events().len() as u64 <= truth.valid, "kill {i}");
    }
    place.land(&arguments);
    let mut ids: Vec<_> = place.events().into_iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len() as u64, truth.valid);
    ids.dedup();
    assert_eq!(ids.len() as u64, truth.valid, "each once");
    assert_eq!(place.metrics().iter().map(|row| row.count).sum::<u64>(), truth.valid);
    assert_eq!(place.dead_letters().len() as u64, truth.invalid);
    // It has come to its end, so it does nothing when it is started again.
    place.land(&arguments);
    assert_eq!(place.events().len() as u64, truth.valid);
}

#[test]
fn a_killed_run_leaves_nothing_broken_and_the_next_one_is_complete() {
    let python = python();
    let place = Place::new();
    let input = format!("simulate:{N}:{SEED}");
    let arguments = ["--input", &input, "--threads", "2", "--overwrite"];
    let start = Instant::now();
    place.land(&arguments);
    let whole = start.elapsed();
    let truth = simulate::truth(N, SEED);
    for i in 0..KILLS {
        let mut process = place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Half of the moments are near the end, when files become visible.
        let moment = if i % 2 == 0 { random(i) } else { 0.8 + 0.3 * random(i) };
        std::thread::sleep(whole.mul_f64(moment));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(place.events().len() as u64 <= truth.valid, "kill {i}");
        place.metrics();
        place.dead_letters();
        if let Some(python) = &python {
            read_by_pyarrow(python, &place);
        }
        if i % 4 == 3 {
            let summary = place.land(&arguments);
            assert_eq!(summary["written"], truth.valid, "after kill {i}");
            assert_eq!(place.events().len() as u64, truth.valid, "after kill {i}");
            assert_eq!(place.metrics().iter().map(|row| row.count).sum::<u64>(), truth.valid, "after kill {i}");
            assert_eq!(place.dead_letters().len() as u64, truth.invalid, "after kill {i}");
        }
    }
}
