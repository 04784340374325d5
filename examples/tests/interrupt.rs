//! Ctrl-C.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, text, visible};
use examples::lake::simulate;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use std::time::Duration;

const SEED: u64 = 3;

/// Starts a run that would take minutes, and lets it get into its stride.
fn start(place: &Place, threads: &str) -> Child {
    let input = format!("simulate:1000000000:{SEED}");
    let mut command = place.command(&["--input", &input, "--threads", threads, "--summary", "summary.json"]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !place.out().join("events/_staging").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(700));
    process
}

fn send(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}

#[test]
fn one_signal_drains_and_everything_read_is_accounted_for() {
    for threads in ["1", "2"] {
        let place = Place::new();
        let process = start(&place, threads);
        send(&process, Signal::INT);
        let output = process.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("events read"), "{}", text(&output.stdout));
        let number = |name: &str| place.summary()[name].as_u64().unwrap();
        let read = number("read");
        assert!((1..100_000_000).contains(&read), "{read}");
        assert_eq!(read, number("written") + number("rejected") + number("duplicates"));
        assert_eq!(place.events().len() as u64, number("written"));
        assert_eq!(place.metrics().iter().map(|row| row.count).sum::<u64>(), number("written"));
        if threads == "1" {
            // Then events are read in order, so that it is known which ones were.
            let truth = simulate::truth(read, SEED);
            let expected = (truth.valid, truth.invalid, truth.duplicates);
            assert_eq!((number("written"), number("rejected"), number("duplicates")), expected);
        }
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_nothing_half_written_is_visible() {
    let place = Place::new();
    let process = start(&place, "2");
    // Both are there when the process looks.
    send(&process, Signal::STOP);
    send(&process, Signal::INT);
    send(&process, Signal::TERM);
    send(&process, Signal::CONT);
    let output = process.wait_with_output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("cancelled"), "{error}");
    assert_eq!(visible(&place.out()), Vec::<std::path::PathBuf>::new());
    let written = place.land(&["--input", "simulate:1000"])["written"].as_u64().unwrap();
    assert_eq!(place.events().len() as u64, written, "and the next run needs no help");
}
