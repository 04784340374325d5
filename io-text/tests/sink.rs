//! Files appear in whole and together, or not at all.
#![allow(clippy::unwrap_used)]

mod common;

use common::read_all;
use dataflow_core::plane::Batch;
use dataflow_core::windows::Timestamp;
use dataflow_core::{Metrics, Result, Sink, SinkContext, SinkWriter};
use io_text::{Compression, TextSink, TextSource, TextWriter, WriteMode};
use std::fs;
use std::path::{Path, PathBuf};

fn visible(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

fn text(dir: &Path) -> Vec<String> {
    let lines = read_all(&TextSource::new(dir.display().to_string()), 1).unwrap();
    lines.iter().map(|line| String::from_utf8(line.bytes.to_vec()).unwrap()).collect()
}

fn open(sink: &TextSink<String>, shard: usize, metrics: &Metrics) -> TextWriter<String> {
    let metrics = metrics.clone();
    sink.open(SinkContext::new(shard, 2, move |name| metrics.counter("Write", name))).unwrap()
}

fn write(writer: &mut TextWriter<String>, lines: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
    let mut batch = Batch::default();
    lines.into_iter().for_each(|line| batch.push(line.into(), Timestamp::MIN));
    writer.write(&mut batch)
}

/// A whole run that writes `lines` with one shard.
fn run(sink: &TextSink<String>, lines: &[&str]) -> Result<()> {
    sink.prepare()?;
    let mut writer = open(sink, 0, &Metrics::default());
    write(&mut writer, lines.iter().copied())?;
    writer.close()?;
    sink.finish()
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep").join("out");
    (dir, path)
}

#[test]
fn nothing_is_visible_before_the_end_and_empty_shards_make_no_file() {
    let (_dir, out) = temporary();
    let (sink, metrics) = (TextSink::<String>::lines(&out), Metrics::default());
    sink.prepare().unwrap();
    let mut writers = [0, 1].map(|shard| open(&sink, shard, &metrics));
    write(&mut writers[0], ["a", "b"]).unwrap();
    write(&mut writers[1], [""; 0]).unwrap();
    assert_eq!(visible(&out), ["_staging"]);
    writers.iter_mut().for_each(|writer| writer.close().unwrap());
    assert_eq!(visible(&out), ["_staging"]);
    sink.finish().unwrap();
    let names = visible(&out);
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].starts_with("part-") && names[0].ends_with("-00000-00000.txt"), "{names:?}");
    assert_eq!(text(&out), ["a", "b"]);
    let counted = ["records", "files", "bytes"].map(|name| metrics.get("Write", name));
    assert_eq!(counted, [2, 1, 4]);
}

#[test]
fn a_run_without_elements_leaves_an_empty_directory() {
    let (_dir, out) = temporary();
    run(&TextSink::lines(&out), &[]).unwrap();
    assert!(out.is_dir() && visible(&out).is_empty());
}

#[test]
fn after_an_error_nothing_is_left() {
    let (_dir, out) = temporary();
    let sink = TextSink::<String>::lines(&out).roll_bytes(1);
    sink.prepare().unwrap();
    let mut writers = [0, 1].map(|shard| open(&sink, shard, &Metrics::default()));
    write(&mut writers[0], ["a"]).unwrap();
    write(&mut writers[1], ["b"]).unwrap();
    writers[1].close().unwrap();
    drop(writers);
    sink.abort();
    assert!(visible(&out).is_empty());
    run(&sink, &["c"]).unwrap();
    assert_eq!(text(&out), ["c"]);
}

#[test]
fn a_target_that_is_not_empty_is_refused_with_the_ways_out() {
    let (_dir, out) = temporary();
    run(&TextSink::lines(&out), &["old"]).unwrap();
    let sink = TextSink::<String>::lines(&out);
    let error = sink.prepare().unwrap_err().to_string();
    for word in ["is not empty", "--append", "--overwrite", out.to_str().unwrap()] {
        assert!(error.contains(word), "{error}");
    }
    sink.abort();
    assert_eq!(text(&out), ["old"]);
    run(&TextSink::lines(&out).mode(WriteMode::Append), &["new"]).unwrap();
    assert_eq!(text(&out), ["old", "new"]);
}

#[test]
fn overwriting_replaces_old_files_at_the_end_and_leaves_others_alone() {
    let (_dir, out) = temporary();
    run(&TextSink::lines(&out), &["old"]).unwrap();
    for foreign in ["notes.txt", "part-1.txt", "other-0123456789a-00000-00000.txt"] {
        fs::write(out.join(foreign), "foreign\n").unwrap();
    }
    let sink = TextSink::<String>::lines(&out).mode(WriteMode::Overwrite).compression(Compression::Gzip);
    sink.prepare().unwrap();
    let mut writer = open(&sink, 0, &Metrics::default());
    write(&mut writer, ["failed"]).unwrap();
    drop(writer);
    sink.abort();
    let found = text(&out);
    assert!(found.contains(&"old".to_owned()) && found.len() == 4, "{found:?}");
    run(&sink, &["new"]).unwrap();
    let mut found = text(&out);
    found.sort();
    assert_eq!(found, ["foreign", "foreign", "foreign", "new"]);
}

#[test]
fn what_a_killed_run_has_left_is_removed() {
    let (_dir, out) = temporary();
    let staging = out.join("_staging");
    fs::create_dir_all(&staging).unwrap();
    fs::write(staging.join("part-0123456789a-00000-00000.txt.tmp"), "half").unwrap();
    run(&TextSink::lines(&out), &["a"]).unwrap();
    assert_eq!(visible(&out).len(), 1);

    // But not what somebody else has there.
    fs::create_dir_all(&staging).unwrap();
    fs::write(staging.join("their.tmp"), "half").unwrap();
    run(&TextSink::lines(&out).mode(WriteMode::Append), &["b"]).unwrap();
    assert_eq!(visible(&staging), ["their.tmp"]);
}

#[test]
fn two_runs_cannot_write_to_one_directory_at_a_time() {
    let (_dir, out) = temporary();
    let first = TextSink::<String>::lines(&out);
    first.prepare().unwrap();
    let mut writer = open(&first, 0, &Metrics::default());
    write(&mut writer, ["a"]).unwrap();
    let second = TextSink::<String>::lines(&out).mode(WriteMode::Overwrite);
    let error = second.prepare().unwrap_err().to_string();
    assert!(error.contains("another run or step is writing to"), "{error}");
    second.abort();
    writer.close().unwrap();
    first.finish().unwrap();
    assert_eq!(text(&out), ["a"]);
    run(&second, &["b"]).unwrap();
    assert_eq!(text(&out), ["b"]);
}

#[test]
fn a_target_that_is_a_file_is_an_error() {
    let (_dir, out) = temporary();
    fs::create_dir_all(out.parent().unwrap()).unwrap();
    fs::write(&out, "").unwrap();
    let error = TextSink::<String>::lines(&out).prepare().unwrap_err().to_string();
    assert!(error.contains("out is a file, not a directory: choose another"), "{error}");
    let error = TextSink::<String>::lines(out.join("below")).prepare().unwrap_err().to_string();
    assert!(error.contains("choose another output directory"), "{error}");
}

#[test]
fn files_are_rolled_by_size() {
    let (_dir, out) = temporary();
    let sink = TextSink::<String>::lines(&out).roll_bytes(100).file_prefix("x");
    sink.prepare().unwrap();
    let mut writer = open(&sink, 0, &Metrics::default());
    for i in 0..30 {
        write(&mut writer, [format!("{i:09}")]).unwrap();
    }
    writer.close().unwrap();
    sink.finish().unwrap();
    let sizes: Vec<_> = visible(&out).iter().map(|name| out.join(name).metadata().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 100]);
    assert_eq!(text(&out), (0..30).map(|i| format!("{i:09}")).collect::<Vec<_>>());
}

#[test]
fn compressed_files_can_be_read() {
    for (compression, extension) in [(Compression::Gzip, ".txt.gz"), (Compression::Zstd, ".txt.zst")] {
        let (_dir, out) = temporary();
        run(&TextSink::lines(&out).compression(compression), &["a", "b"]).unwrap();
        assert!(visible(&out)[0].ends_with(extension));
        assert_eq!(text(&out), ["a", "b"]);
    }
}

#[test]
fn a_restored_writer_publishes_what_was_written_before_the_checkpoint_and_no_more() {
    let (_dir, out) = temporary();
    let sink = TextSink::<String>::lines(&out);
    let metrics = Metrics::default();
    sink.prepare().unwrap();
    let mut writer = open(&sink, 0, &metrics);
    write(&mut writer, ["a"]).unwrap();
    writer.checkpoint().unwrap();
    write(&mut writer, ["b"]).unwrap();
    let state = writer.checkpoint().unwrap();
    write(&mut writer, ["lost"]).unwrap();
    drop(writer);

    // In the same process, or in another one, which makes a sink of its own and prepares nothing.
    let later = TextSink::<String>::lines(&out);
    for sink in [&sink, &later] {
        let mut writer = open(sink, 0, &metrics);
        writer.restore(&state).unwrap();
        write(&mut writer, ["c"]).unwrap();
        drop(writer);
    }
    let mut writer = open(&later, 1, &metrics);
    writer.restore(&state).unwrap();
    write(&mut writer, ["c"]).unwrap();
    writer.close().unwrap();
    drop(sink);
    later.finish().unwrap();
    assert_eq!(text(&out), ["a", "b", "c"]);
    assert_eq!(visible(&out).len(), 3);

    // Killed while it published: what is in place stays there.
    let mut writer = open(&later, 1, &metrics);
    writer.restore(&state).unwrap();
    writer.close().unwrap();
    later.finish().unwrap();
    assert_eq!(text(&out), ["a", "b", "c"]);

    fs::remove_file(out.join(&visible(&out)[0])).unwrap();
    let error = open(&later, 1, &metrics).restore(&state).unwrap_err().to_string();
    assert!(error.contains("begin the run anew"), "{error}");
}

#[derive(Clone, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
struct Row {
    id: u32,
    text: Option<String>,
}

#[test]
fn csv_and_json_come_back_as_they_were() {
    let rows = [Some("a,\"b\"\nc".to_owned()), None].map(|text| Row { id: 7, text });
    let (_dir, out) = temporary();
    for (name, sink) in [("csv", TextSink::csv(out.join("csv"))), ("json", TextSink::json(out.join("json")))] {
        sink.prepare().unwrap();
        let mut writer = sink.open(SinkContext::new(0, 1, |_| Default::default())).unwrap();
        for row in &rows {
            let mut batch = Batch::default();
            batch.push(row.clone(), Timestamp::MIN);
            writer.write(&mut batch).unwrap();
        }
        writer.close().unwrap();
        Sink::<Row>::finish(&sink).unwrap();
        let source = TextSource::new(out.join(name).display().to_string());
        let read = match name {
            "csv" => read_all(&source.csv::<Row>(), 1).unwrap(),
            _ => read_all(&source.json::<Row>(), 1).unwrap(),
        };
        let read: Vec<_> = read.into_iter().map(|row| row.into_result().unwrap()).collect();
        assert_eq!(read, rows, "{name}");
    }
}

/// A file system of its own that goes away with the value.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn of_one_megabyte() -> Option<Tmpfs> {
        let dir = tempfile::tempdir().unwrap();
        let flags = rustix::mount::MountFlags::empty();
        match rustix::mount::mount("tmpfs", dir.path(), "tmpfs", flags, c"size=1m") {
            Ok(()) => Some(Tmpfs(dir)),
            Err(e) => {
                eprintln!("skipped: a tmpfs cannot be mounted here ({e})");
                None
            }
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_leaves_nothing() {
    let Some(disk) = Tmpfs::of_one_megabyte() else { return };
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let out = disk.0.path().join("out");
        let sink = TextSink::<String>::lines(&out).compression(compression).mode(WriteMode::Append);
        sink.prepare().unwrap();
        let mut writer = open(&sink, 0, &Metrics::default());
        let mut noise = 1u64;
        let failed = (0..10_000).find_map(|_| {
            let line = (0..64).map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("{noise:x}")
            });
            write(&mut writer, [line.collect::<String>()]).err()
        });
        let error = failed.unwrap().to_string();
        assert!(error.contains("out/_staging/part-") && error.contains("the disk is full"), "{error}");
        drop(writer);
        sink.abort();
        assert!(visible(&out).is_empty());
    }
}
