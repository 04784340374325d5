//! Compressed files: recognised, read in all their parts, and honest about damage.
#![allow(clippy::unwrap_used)]

mod common;

use common::{poll, read_all, read_until_error, through_bytes};
use dataflow_core::{Source, SourceReader};
use flate2::write::GzEncoder;
use io_text::{Compression, Cut, OnTruncated, TextSource};
use proptest::prelude::*;
use std::io::Write;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

fn write(name: &str, content: &[u8]) -> (tempfile::TempDir, TextSource) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    (dir, TextSource::new(path.display().to_string()))
}

fn texts(lines: &[io_text::Line]) -> Vec<&str> {
    lines.iter().map(|line| std::str::from_utf8(line.as_bytes()).unwrap()).collect()
}

#[test]
fn several_members_and_frames_are_one_file_whatever_its_name() {
    for (one, two) in [(gzip(b"a\nb"), gzip(b"c\nd\n")), (zstd(b"a\nb"), zstd(b"c\nd\n"))] {
        for name in ["x.log", "x"] {
            let (_dir, source) = write(name, &[&one[..], &two[..]].concat());
            assert_eq!(texts(&read_all(&source, 4).unwrap()), ["a", "bc", "d"]);
        }
    }
}

#[test]
fn a_compression_can_be_given() {
    let (_dir, source) = write("x.gz", b"a\n");
    let error = read_all(&source, 1).unwrap_err().to_string();
    assert!(error.contains("Compression::None"), "{error}");
    assert_eq!(texts(&read_all(&source.clone().compression(Compression::None), 1).unwrap()), ["a"]);
    let error = read_all(&source.compression(Compression::Gzip), 1).unwrap_err().to_string();
    assert!(error.contains("is damaged") || error.contains("is truncated"), "{error}");
}

#[test]
fn compressed_files_are_one_split_with_progress_in_compressed_bytes() {
    let content = gzip(&b"0123456789abcde\n".repeat(10_000));
    let (_dir, source) = write("x.gz", &content);
    let source = source.min_split_bytes(1).chunk_bytes(10_000);
    let mut splits = source.splits(8).unwrap();
    assert_eq!(splits.len(), 1);
    let mut reader = source.open(splits.remove(0)).unwrap();
    assert!(reader.split(0.5).unwrap().is_none());
    while !poll(&mut reader).unwrap().1 {}
    assert_eq!(reader.progress().done, content.len() as u64);
    assert_eq!(reader.progress().total, Some(content.len() as u64));
}

fn lines(n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| format!("line {i} {}\n", i * 7_919 % 10_007).into_bytes()).collect()
}

#[test]
fn a_truncated_file_is_an_error_after_all_that_is_before_the_damage() {
    let content = lines(50_000);
    for (name, whole) in [("x.gz", gzip(&content)), ("x.zst", zstd(&content))] {
        let (_dir, source) = write(name, &whole[..whole.len() / 2]);
        let split = source.splits(1).unwrap().remove(0);
        let (lines, error) = read_until_error(&source, split);
        let error = error.unwrap().to_string();
        assert!(error.contains(name) && error.contains("truncated") && error.contains("EndFile"), "{error}");
        assert!((10_000..40_000).contains(&lines.len()), "{name}: {} lines", lines.len());
        let at: u64 = error.split("after byte ").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
        let last = lines.last().unwrap();
        let unread = at - last.position.offset - last.bytes.len() as u64;
        assert!((1..40).contains(&unread), "all whole lines are there: {unread} bytes are not");

        let source = source.on_truncated(OnTruncated::EndFile);
        let with_marker = read_all(&source, 1).unwrap();
        assert_eq!(with_marker.len(), lines.len() + 1);
        assert_eq!(with_marker.last().unwrap().cut(), Some(Cut::FileTruncated));
        assert!(with_marker[..lines.len()] == lines[..]);
        let parsed = read_all(&source.json::<serde_json::Value>(), 1).unwrap();
        let last = parsed.last().unwrap().clone().into_result().unwrap_err();
        assert!(last.error.contains("truncated"), "{last}");
    }
}

#[test]
fn damage_other_than_truncation_is_always_an_error() {
    let mut damaged = gzip(&lines(50_000));
    let middle = damaged.len() / 2;
    damaged[middle..middle + 50].fill(0xff);
    let (_dir, source) = write("x.gz", &damaged);
    let source = source.on_truncated(OnTruncated::EndFile);
    let error = read_all(&source, 1).unwrap_err().to_string();
    assert!(error.contains("x.gz is damaged") && error.contains("fetch it again"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn checkpoints_resume_at_the_uncompressed_offset(
        n in 0usize..200,
        chunk in 1usize..300,
        restart in proptest::collection::vec(any::<bool>(), 0..100),
        is_zstd in any::<bool>(),
    ) {
        let content = lines(n);
        let (_dir, source) = write("x", &if is_zstd { zstd(&content) } else { gzip(&content) });
        let source = source.chunk_bytes(chunk);
        let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
        let (mut found, mut restart) = (vec![], restart.into_iter());
        loop {
            if restart.next() == Some(true) {
                let rest = through_bytes(reader.checkpoint().unwrap());
                reader = source.open(rest).unwrap();
            }
            let (more, last) = poll(&mut reader).unwrap();
            found.extend(more);
            if last {
                break;
            }
        }
        let expected: Vec<_> = content.split(|b| *b == b'\n').take(n).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(found.into_iter().map(|line| line.bytes.to_vec()).collect::<Vec<_>>(), expected);
    }
}
