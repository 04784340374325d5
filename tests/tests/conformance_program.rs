//! The program `conformance`: its arguments, last line and exit code.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit code, standard output and standard error.
fn conformance(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_conformance")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn shipped(file: &str) -> String {
    format!("{}/conformance/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A file of this test's own.
fn written(name: &str, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn vectors_that_pass_end_with_zero() {
    let (code, out, err) = conformance(&["--threads=2", "--seed=7", "--restart-every=1", &shipped("global.jsonl")]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.ends_with(" passed, 0 failed\n") && out.lines().count() == 1, "{out}");
}

#[test]
fn a_vector_that_fails_ends_with_one_and_is_named() {
    let text = std::fs::read_to_string(shipped("global.jsonl")).unwrap();
    let line = text.lines().find(|l| l.contains(r#""values":["#)).unwrap();
    let wrong = line.replacen(r#""values":["#, r#""values":[-99,"#, 1).replacen(",]", "]", 1);
    let file = written("wrong.jsonl", &wrong);
    let (code, out, _) = conformance(&[file.to_str().unwrap()]);
    assert_eq!(code, 1, "{out}");
    let name = serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].as_str().unwrap().to_owned();
    assert!(out.starts_with(&format!("FAILED {name} (")) && out.ends_with("\n0 passed, 1 failed\n"), "{out}");
}

#[test]
fn a_run_of_nothing_ends_with_two() {
    let empty = written("empty.jsonl", "\n");
    let quirks = shipped("quirks.jsonl");
    for (path, why) in [(empty.to_str().unwrap(), "could not be run"), (&quirks, "no vector was run")] {
        let (code, out, err) = conformance(&[path]);
        assert_eq!(code, 2, "{path}: {out}");
        assert!(err.contains(why) && out.ends_with("0 passed, 0 failed\n") && out.contains(path), "{path}: {out}{err}");
    }
    let (code, out, _) = conformance(&["--quirks", &quirks]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("\nquirks: "), "{out}");
}

#[test]
fn a_path_that_is_missing_does_not_keep_the_others_from_running() {
    let (code, out, err) = conformance(&["no/such.jsonl", &shipped("global.jsonl")]);
    assert_eq!(code, 2);
    assert!(out.starts_with("NOT RUN no/such.jsonl: ") && err.contains("1 of the paths"), "{out}{err}");
    let last = out.lines().last().unwrap();
    assert!(last.ends_with(" passed, 0 failed") && !last.starts_with("0 "), "{out}");
}

#[test]
fn arguments_that_are_wrong_are_told_what_is_right() {
    for arguments in [&["--seed", "-5"][..], &["--seed=-5"], &["--seed=one"]] {
        let (code, _, err) = conformance(arguments);
        assert_eq!(code, 2);
        assert!(err.contains("a seed is a whole number from 0 to 18446744073709551615"), "{err}");
    }
    let (_, help, _) = conformance(&["--help"]);
    assert!(help.contains("after every N events") && !help.contains("batches"), "{help}");
}
