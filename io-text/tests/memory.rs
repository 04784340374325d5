//! Memory is bounded by the length that a line may have. Alone in its process, whose peak it measures.
#![allow(clippy::unwrap_used)]

mod common;

use common::read_all;
use io_text::{Cut, Parsed, TextSource};
use std::fs::{self, File};
use std::io::Write;

#[test]
fn a_hundred_megabyte_line_takes_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.ndjson");
    let mut file = File::create(&path).unwrap();
    for _ in 0..100 {
        file.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    file.write_all(b"\n7\n").unwrap();
    drop(file);
    let source = TextSource::new(path.display().to_string()).max_line(1 << 20);
    let before = peak_kib();
    for desired in [1, 8] {
        let lines = read_all(&source, desired).unwrap();
        assert_eq!(lines[0].cut(), Some(Cut::TooLong { length: 100 << 20 }));
        assert_eq!((lines.len(), &lines[1].bytes[..]), (2, &b"7"[..]));
    }
    let values = read_all(&source.clone().json::<u8>(), 1).unwrap();
    assert!(matches!(values[..], [Parsed::Bad(_), Parsed::Good(7)]));
    let rows = read_all(&source.csv::<(u8,)>().columns(["n"]), 1).unwrap();
    assert!(matches!(rows[..], [Parsed::Bad(_), Parsed::Good((7,))]), "{rows:?}");
    let grown = peak_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

/// The most memory that this process has had.
fn peak_kib() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
