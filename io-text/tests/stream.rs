//! Pipes and standard input: read as they come, never waited for, never lost between two readers.
#![allow(clippy::unwrap_used)]

mod common;

use common::{poll_some, through_bytes};
use dataflow_core::plane::Batch;
use dataflow_core::{Poll, Source, SourceReader};
use io_text::{Line, TextSource};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

fn pipe() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    (dir, path)
}

fn open(path: &PathBuf) -> File {
    // For reading, too: that does not wait for a reader.
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

fn told(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8(line.bytes.to_vec()).unwrap()).collect()
}

#[test]
fn nothing_is_waited_for() {
    let (_dir, path) = pipe();
    let mut writer = open(&path);
    let source = TextSource::new(path.display().to_string());
    let mut splits = source.splits(8).unwrap();
    assert_eq!(splits.len(), 1);
    let mut reader = source.open(splits.remove(0)).unwrap();
    let mut batch = Batch::default();
    assert_eq!(reader.poll(&mut batch).unwrap(), Poll::Pending);
    writer.write_all(b"one\ntw").unwrap();
    assert_eq!(told(&poll_some(&mut reader).unwrap().0), ["one"]);
    assert_eq!(reader.poll(&mut batch).unwrap(), Poll::Pending);
    writer.write_all(b"o\n").unwrap();
    assert_eq!(told(&poll_some(&mut reader).unwrap().0), ["two"]);
    assert_eq!(reader.progress().total, None);
}

#[test]
fn a_reader_goes_on_where_the_last_one_stood() {
    let (_dir, path) = pipe();
    let content: String = (0..20_000).map(|i| format!("line {i}\n")).collect();
    let mut writer = open(&path);
    let source = TextSource::new(path.display().to_string()).max_line(1_000);
    let to_write = content.clone() + &"x".repeat(100_000) + "\nlast";
    let split = source.splits(1).unwrap().remove(0);
    let mut reader = source.open(split).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let pump = std::thread::spawn(move || {
        writer.write_all(to_write.as_bytes()).unwrap();
        wait.recv().unwrap(); // until the reader has opened its own end
    });
    let mut lines = vec![];
    let mut go = Some(go);
    loop {
        let rest = through_bytes(reader.checkpoint().unwrap());
        drop(reader);
        reader = source.open(rest).unwrap();
        let (more, last) = poll_some(&mut reader).unwrap();
        lines.extend(more);
        if let Some(go) = go.take() {
            go.send(()).unwrap();
        }
        if last {
            break;
        }
    }
    pump.join().unwrap();
    assert_eq!(lines.len(), 20_002);
    assert_eq!(lines[20_000].cut(), Some(io_text::Cut::TooLong { length: 100_000 }));
    assert_eq!(told(&lines[20_001..]), ["last"]);
    assert!(told(&lines[..20_000]).iter().map(String::as_str).eq(content.lines()));
}

#[test]
fn a_stream_cannot_be_read_twice_nor_again() {
    let (_dir, path) = pipe();
    let mut writer = open(&path);
    let source = TextSource::new(path.display().to_string());
    let split = source.splits(1).unwrap().remove(0);
    let mut reader = source.open(split.clone()).unwrap();
    let error = source.open(split.clone()).err().unwrap().to_string();
    assert!(error.contains("read twice at the same time"), "{error}");
    writer.write_all(b"one\n").unwrap();
    poll_some(&mut reader).unwrap();
    drop(reader);
    let error = source.open(split).err().unwrap().to_string();
    assert!(error.contains("stands at byte 4 and cannot go back to byte 0"), "{error}");
}

/// Runs as a child process with something on its standard input; see below.
#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_reads_standard_input() {
    let lines = common::read_all(&TextSource::stdin(), 4).unwrap();
    println!("\n[{}] from {}", told(&lines).join("|"), lines[0].position);
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(b"a\nb\n").unwrap();
    for content in [b"a\nb\n".to_vec(), gzip.finish().unwrap(), zstd::encode_all(&b"a\nb\n"[..], 1).unwrap()] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        std::fs::write(&path, content).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "child_that_reads_standard_input"])
            .stdin(File::open(&path).unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("[a|b] from standard input:byte 0"), "{text}");
    }
}
