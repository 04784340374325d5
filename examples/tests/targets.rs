//! Where the lake is written to: what is there already, what cannot be written, and a disk that fills up.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, text, visible};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const INPUT: [&str; 2] = ["--input", "simulate:2000:1"];

#[test]
fn a_lake_that_is_there_is_refused_unless_told_what_to_do() {
    let place = Place::new();
    let written = place.land(&INPUT)["written"].as_u64().unwrap();
    let before = visible(&place.out());
    let error = place.refuse(&INPUT);
    assert!(error.contains("--append") && error.contains("--overwrite"), "{error}");
    assert_eq!(visible(&place.out()), before);

    place.land(&[&INPUT[..], &["--append"]].concat());
    assert_eq!(place.events().len() as u64, 2 * written);
    assert!(before.iter().all(|file| file.exists()));

    place.land(&[&INPUT[..], &["--overwrite"]].concat());
    assert_eq!(place.events().len() as u64, written);
    assert!(!before.iter().any(|file| file.exists()));
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let place = Place::new();
    place.file("out", "precious");
    let error = place.refuse(&INPUT);
    assert!(error.contains("out is a file") && error.contains("--out-dir"), "{error}");
    assert_eq!(fs::read(place.out()).unwrap(), b"precious");
}

#[test]
fn the_folder_comes_from_the_environment_or_the_command_line() {
    let place = Place::new();
    let output = place.command(&INPUT).env("OUT_DIR", "elsewhere").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(place.path("elsewhere/events").is_dir() && !place.out().exists());
    assert!(text(&output.stdout).contains("elsewhere/events"), "{}", text(&output.stdout));
}

#[test]
fn the_counters_and_the_graph_can_be_had() {
    let place = Place::new();
    place.land(&[&INPUT[..], &["--metrics-file", "metrics.txt", "--log-format", "json"]].concat());
    let metrics = fs::read_to_string(place.path("metrics.txt")).unwrap();
    assert!(metrics.contains("dataflow_elements_in_total{step=\"Lake/Validate\"} 2000"), "{metrics}");
    let output = place.lake(&[&INPUT[..], &["--explain", "--out-dir", "nowhere", "--threads", "2"]].concat());
    let graph = text(&output.stdout);
    assert!(output.status.success() && graph.contains("Lake/Deduplicate"), "{graph}");
    assert!(!place.path("nowhere").exists());
}

#[test]
fn wrong_options_are_errors_with_a_suggestion() {
    let place = Place::new();
    for (arguments, part) in [
        (&["--threds", "2"][..], "--threads"),
        (&["--input", "simulate:many"], "simulate:1000000:7"),
        (&["--dedup-ttl", "7 days"], "is not a duration"),
        (&["--max-line", "big"], "such as 16MiB"),
    ] {
        let output = place.lake(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
    let error = place.refuse(&["--runner", "spark"]);
    assert!(error.contains("it has: direct"), "{error}");
    let error = place.refuse(&["--users", "nobody.csv"]);
    assert!(error.contains("nobody.csv") && error.contains("user_id,country,tier"), "{error}");
}

#[test]
fn files_that_could_not_be_written_in_the_end_are_refused_before_the_run() {
    let place = Place::new();
    for option in ["--summary", "--metrics-file"] {
        let error = place.refuse(&[&INPUT[..], &[option, "missing/file"]].concat());
        assert!(error.contains(option) && error.contains("mkdir -p missing"), "{error}");
        let error = place.refuse(&[&INPUT[..], &[option, "."]].concat());
        assert!(error.contains("is a folder: name a file"), "{error}");
        assert!(!place.out().exists());
    }
    assert!(place.lake(&[&INPUT[..], &["--summary", "out/summary.json"]].concat()).status.success());
    assert!(place.out().join("summary.json").is_file(), "the run makes this folder itself");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let place = Place::new();
    for arguments in [&INPUT[..], &["compact"], &["--input", "simulate:5", "--out-dir", "new", "--explain"]] {
        let mut process = place
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        drop(process.stdout.take());
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// A small file system in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<SmallDisk> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}

#[test]
fn a_disk_that_fills_up_is_an_error_that_says_what_to_do() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(place.out()) else {
        assert!(!common::is_full(), "DATAFLOW_TEST_FULL=1, but a file system cannot be mounted here: it takes root");
        println!("skipped: a file system cannot be mounted here");
        return;
    };
    let error = place.refuse(&["--input", "simulate:300000:1"]);
    assert!(error.contains("the disk is full") || error.contains("No space left"), "{error}");
    // What is visible is readable, and with room the same command gives the whole lake.
    place.events();
    let grown = Command::new("mount").args(["-o", "remount,size=100m"]).arg(&disk.0).status().unwrap();
    assert!(grown.success());
    let written = place.land(&["--input", "simulate:50000:1", "--overwrite"])["written"].as_u64().unwrap();
    assert_eq!(place.events().len() as u64, written);
}
