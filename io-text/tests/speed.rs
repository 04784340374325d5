//! How fast lines are found. Not a test: `cargo test --release -p io-text --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Poll, Source, SourceReader};
use io_text::TextSource;
use std::io::Write;
use std::time::Instant;

const LINE: usize = 150;
const SIZE: usize = 1 << 30;

#[test]
#[ignore = "a measurement"]
fn lines_per_second() {
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
    for _ in 0..SIZE / block.len() {
        file.write_all(&block).unwrap();
    }
    drop(file);
    let source = TextSource::new(path.display().to_string());
    for chunk in [128, 256, 512, 1024, 2048] {
        let source = source.clone().chunk_bytes(chunk * 1024);
        let begun = Instant::now();
        let (mut lines, mut bytes) = (0u64, 0u64);
        let mut batch = Batch::default();
        for split in source.splits(4).unwrap() {
            let mut reader = source.open(split).unwrap();
            while let Ok(poll) = reader.poll(&mut batch) {
                lines += batch.len() as u64;
                bytes += batch.values.iter().map(|line| line.bytes.len() as u64 + 1).sum::<u64>();
                batch.clear();
                if poll == Poll::End {
                    break;
                }
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("chunks of {chunk} KiB: {lines} lines, {:.2} GB/s", bytes as f64 / seconds / 1e9);
    }
}
