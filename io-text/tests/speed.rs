//! How fast lines are found. Not a test: `cargo test --release -p io-text --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Poll, Source, SourceReader};
use io_text::TextSource;
use std::io::Write;
use std::time::Instant;

const LINE: usize = 150;
/// A file of `size` bytes of lines of 150 bytes, which are JSON objects and CSV records of one field at once.
fn file(size: usize) -> (tempfile::TempDir, TextSource) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines.txt");
    let mut block = vec![];
    for i in 0..10_000 {
        let line = format!("{{\"id\":{i},\"text\":\"");
        block.extend_from_slice(line.as_bytes());
        block.resize(block.len() + LINE - 3 - line.len(), b'x');
        block.extend_from_slice(b"\"}\n");
    }
    let mut file = std::fs::File::create(&path).unwrap();
    for _ in 0..size / block.len() {
        file.write_all(&block).unwrap();
    }
    (dir, TextSource::new(path.display().to_string()))
}

fn measure<S: Source>(what: &str, size: usize, source: S) {
    let begun = Instant::now();
    let mut elements = 0u64;
    let mut batch = Batch::default();
    for split in source.splits(4).unwrap() {
        let mut reader = source.open(split).unwrap();
        loop {
            let poll = reader.poll(&mut batch).unwrap();
            elements += batch.len() as u64;
            batch.clear();
            if poll == Poll::End {
                break;
            }
        }
    }
    println!("{what}: {elements} elements, {:.2} GB/s", size as f64 / begun.elapsed().as_secs_f64() / 1e9);
}

#[derive(Clone, serde::Deserialize)]
struct Event {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "text")]
    _text: String,
}

#[test]
#[ignore = "a measurement"]
fn bytes_per_second() {
    const SIZE: usize = 1 << 30;
    let (_dir, source) = file(SIZE);
    for chunk in [128, 256, 512, 1024, 2048] {
        measure(&format!("lines, chunks of {chunk} KiB"), SIZE, source.clone().chunk_bytes(chunk * 1024));
    }
    measure("JSON", SIZE, source.clone().json::<Event>());
    measure("CSV, ranges of lines", SIZE, source.clone().csv::<(String, String)>().columns(["a", "b"]).split_lines());
    measure("CSV, whole file", SIZE, source.csv::<(String, String)>().columns(["a", "b"]));
}
