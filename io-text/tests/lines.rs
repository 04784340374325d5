//! Lines come once each and in order, however files are cut, read and interrupted.
#![allow(clippy::unwrap_used)]

mod common;

use common::{poll, read_all, through_bytes};
use dataflow_core::{Source, SourceReader};
use io_text::{Cut, Line, TextSource};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("input.txt");
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

fn source(path: &Path) -> TextSource {
    TextSource::new(path.display().to_string())
}

/// What the lines of a text are: offset and bytes.
fn model(content: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut lines = vec![];
    let mut offset = 0;
    for piece in content.split_inclusive(|b| *b == b'\n') {
        let line = piece.strip_suffix(b"\n").map_or(piece, |line| line.strip_suffix(b"\r").unwrap_or(line));
        lines.push((offset, line.to_vec()));
        offset += piece.len() as u64;
    }
    lines
}

fn told(lines: &[Line]) -> Vec<(u64, Vec<u8>)> {
    lines.iter().map(|line| (line.position.offset, line.bytes.to_vec())).collect()
}

fn lines_of(content: &[u8]) -> Vec<String> {
    let (_dir, path) = file(content);
    read_all(&source(&path), 1).unwrap().iter().map(|l| String::from_utf8_lossy(&l.bytes).into_owned()).collect()
}

#[test]
fn line_ends_of_both_kinds_are_stripped() {
    assert_eq!(lines_of(b"a\r\nb\n\n\r\nc"), ["a", "b", "", "", "c"]);
    assert_eq!(lines_of(b"a\rb\r"), ["a\rb\r"]);
    assert_eq!(lines_of(b"\n"), [""]);
}

#[test]
fn an_empty_file_has_no_lines() {
    assert!(lines_of(b"").is_empty());
}

#[test]
fn a_byte_order_mark_is_left_out() {
    assert_eq!(lines_of(b"\xef\xbb\xbfa\nb\n"), ["a", "b"]);
}

#[test]
fn invalid_utf_8_is_handed_on_as_it_is() {
    let (_dir, path) = file(b"\xff\xfe\n\x00");
    let lines = read_all(&source(&path), 1).unwrap();
    assert_eq!((&lines[0].bytes[..], &lines[1].bytes[..]), (&b"\xff\xfe"[..], &b"\x00"[..]));
}

#[test]
fn a_line_tells_where_it_was() {
    let (_dir, path) = file(b"one\ntwo\n");
    let lines = read_all(&source(&path), 1).unwrap();
    assert_eq!(lines[1].position.to_string(), format!("{}:byte 4", path.display()));
}

#[test]
fn a_file_is_cut_into_as_many_splits_as_are_desired() {
    let (_dir, path) = file(&b"0123456789abcde\n".repeat(1_000));
    for desired in [1, 2, 7, 40] {
        let splits = source(&path).min_split_bytes(1).splits(desired).unwrap();
        assert_eq!(splits.len(), desired);
    }
    let large_enough = source(&path).min_split_bytes(6_000).splits(40).unwrap();
    assert_eq!(large_enough.len(), 2);
}

#[test]
fn a_given_part_is_read_by_the_other_reader_only() {
    let content = b"0123456789abcde\n".repeat(1_000);
    let (_dir, path) = file(&content);
    let source = source(&path).min_split_bytes(1).chunk_bytes(100);
    let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
    let (mut lines, _) = poll(&mut reader).unwrap();
    let part = reader.split(0.5).unwrap().unwrap();
    assert!(reader.progress().total.unwrap() < 9_000);
    while !lines.is_empty() {
        let (more, last) = poll(&mut reader).unwrap();
        lines.extend(more);
        if last {
            break;
        }
    }
    assert!((400..600).contains(&lines.len()), "{} lines", lines.len());
    lines.extend(common::read_split(&source, through_bytes(part)).unwrap());
    assert_eq!(told(&lines), model(&content));
}

#[test]
fn progress_counts_bytes_up_to_the_size_of_the_split() {
    let (_dir, path) = file(&b"0123456789abcde\n".repeat(1_000));
    let source = source(&path).min_split_bytes(1).chunk_bytes(1_000);
    for split in source.splits(3).unwrap() {
        let mut reader = source.open(split).unwrap();
        let total = reader.progress().total.unwrap();
        assert!((5_000..6_000).contains(&total), "{total}");
        let mut before = 0;
        loop {
            let (_, last) = poll(&mut reader).unwrap();
            assert!(reader.progress().done >= before);
            before = reader.progress().done;
            if last {
                break;
            }
        }
        assert_eq!(reader.progress().done, total);
    }
}

#[test]
fn a_line_that_is_too_long_is_told_by_its_beginning_and_length() {
    let long = vec![b'x'; 5_000];
    let content = [b"a\n", &long[..], b"\r\nb\n", &long[..]].concat();
    let (_dir, path) = file(&content);
    for chunk in [1, 7, 900, 4_999, 5_003, 100_000] {
        let lines = read_all(&source(&path).max_line(4_999).chunk_bytes(chunk), 1).unwrap();
        assert_eq!(lines.len(), 4, "chunks of {chunk}");
        for (line, offset) in [(&lines[1], 2), (&lines[3], 5_006)] {
            assert_eq!(line.cut(), Some(Cut::TooLong { length: 5_000 }), "chunks of {chunk}");
            assert_eq!((line.bytes.len(), line.position.offset), (1_024, offset));
        }
        let all = read_all(&source(&path).max_line(5_000).chunk_bytes(chunk), 1).unwrap();
        assert!(all.iter().all(|line| line.cut().is_none()));
        assert_eq!(told(&all), model(&content));
    }
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\n".to_vec()),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        6 => proptest::collection::vec(b'a'..=b'd', 0..12),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(400)))]

    #[test]
    fn every_line_once_in_order(content in texts(), desired in 1usize..9, chunk in 1usize..50) {
        prop_assume!(!content.starts_with(b"\xef\xbb\xbf"));
        let (_dir, path) = file(&content);
        let lines = read_all(&source(&path).min_split_bytes(1).chunk_bytes(chunk), desired).unwrap();
        prop_assert_eq!(told(&lines), model(&content));
    }

    #[test]
    fn long_lines_are_cut_wherever_chunks_end(content in texts(), max in 1usize..20, chunk in 1usize..50) {
        prop_assume!(!content.starts_with(b"\xef\xbb\xbf"));
        let (_dir, path) = file(&content);
        let lines = read_all(&source(&path).max_line(max).chunk_bytes(chunk).min_split_bytes(1), 3).unwrap();
        let expected: Vec<_> = model(&content).into_iter().map(|(offset, bytes)| match bytes.len() > max {
            true => (offset, bytes[..max].to_vec(), Some(Cut::TooLong { length: bytes.len() as u64 })),
            false => (offset, bytes, None),
        }).collect();
        let got: Vec<_> = lines.iter().map(|l| (l.position.offset, l.bytes.to_vec(), l.cut())).collect();
        prop_assert_eq!(got, expected);
    }

    /// Between any two polls the reader may go and another one take over, or a part be given away.
    #[test]
    fn checkpoints_and_splits_lose_and_double_nothing(
        content in texts(),
        desired in 1usize..4,
        chunk in 1usize..30,
        max in prop_oneof![Just(1_000usize), 1usize..20],
        events in proptest::collection::vec((0u8..4, 0.0..1.1f64), 0..60),
    ) {
        prop_assume!(!content.starts_with(b"\xef\xbb\xbf"));
        let (_dir, path) = file(&content);
        let source = source(&path).min_split_bytes(1).chunk_bytes(chunk).max_line(max);
        let mut events = events.into_iter();
        let mut open: Vec<_> = source.splits(desired).unwrap();
        let mut lines = vec![];
        while let Some(split) = open.pop() {
            let mut reader = source.open(split).unwrap();
            let mut before = None;
            loop {
                match events.next() {
                    Some((0, _)) => {
                        let rest = through_bytes(reader.checkpoint().unwrap());
                        reader = source.open(rest).unwrap();
                    }
                    Some((1, fraction)) => open.extend(reader.split(fraction).unwrap()),
                    _ => {}
                }
                let (found, last) = poll(&mut reader).unwrap();
                for line in &found {
                    prop_assert!(before < Some(line.position.offset), "out of order");
                    before = Some(line.position.offset);
                }
                lines.extend(found);
                if last {
                    // A checkpoint at the end has nothing left.
                    let rest = reader.checkpoint().unwrap();
                    prop_assert!(common::read_split(&source, rest).unwrap().is_empty());
                    break;
                }
            }
        }
        lines.sort_by_key(|line| line.position.offset);
        let offsets: Vec<_> = lines.iter().map(|line| line.position.offset).collect();
        prop_assert_eq!(offsets, model(&content).iter().map(|(offset, _)| *offset).collect::<Vec<_>>());
        prop_assert!(lines.iter().zip(model(&content)).all(|(l, (_, m))| l.cut().is_some() || l.bytes == m));
    }
}
