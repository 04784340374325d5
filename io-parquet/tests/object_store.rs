//! Object stores as target and as input.
#![cfg(feature = "object-store")]
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{batch, open, read, write};
use dataflow_core::{DurableRun, Metrics, Sink, SinkWriter};
use io_parquet::{ArrowRow, Compression, ParquetSink, ParquetSource, PartitionValue, WriteMode, column};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    text: String,
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(|id| Event { id, text: format!("{:x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15)) }).collect()
}

fn sink(url: &str) -> ParquetSink<Event> {
    ParquetSink::to(url)
        .partition_by("where", |event: &Event| PartitionValue::from(if event.id < 50 { "a/b" } else { "ü %" }))
}

fn source(url: &str) -> ParquetSource<Event> {
    ParquetSource::new(url)
}

#[test]
fn a_url_is_written_and_read_like_a_folder() {
    let url = "memory://round-trip/some/prefix";
    let metrics = write(&sink(url), &events(0..100)).unwrap();
    assert_eq!((metrics.sum("records"), metrics.sum("files")), (100, 2));
    assert_eq!(read(&source(url)).unwrap(), events(0..100));
    assert_eq!(read(&source(&format!("{url}/where=a%2Fb"))).unwrap(), events(0..50));
    assert_eq!(read(&source(url).filter(column("id").ge(50))).unwrap(), events(50..100));
    let file = dataflow_core::Source::splits(&source(url), 1).unwrap();
    assert_eq!(file.len(), 2);
}

#[test]
fn modes_and_refusals_are_those_of_folders() {
    let url = "memory://modes/lake";
    let message = |mode| write(&sink(url).mode(mode), &events(0..1)).unwrap_err().to_string();
    let missing = read(&source(url)).unwrap_err().to_string();
    assert!(missing.contains("there are no Parquet files in memory://modes/lake"), "{missing}");
    write(&sink(url), &events(0..10)).unwrap();
    let refused = message(WriteMode::FailIfNotEmpty);
    assert!(refused.contains("memory://modes/lake is not empty") && refused.contains("--overwrite"), "{refused}");
    write(&sink(url).mode(WriteMode::Append), &events(10..20)).unwrap();
    assert_eq!(read(&source(url)).unwrap().len(), 20);
    write(&sink(url).mode(WriteMode::Overwrite), &events(90..100)).unwrap();
    assert_eq!(read(&source(url)).unwrap(), events(90..100));
    let unknown = write(&sink("gopher://host/lake"), &events(0..1)).unwrap_err().to_string();
    assert!(unknown.contains("use s3://, gs://, az://, memory://, or a local path"), "{unknown}");
}

#[test]
fn large_objects_come_in_parts() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let sink = ParquetSink::to_store(Arc::clone(&store), "large").unwrap();
    let rows = events(0..700_000);
    let metrics = write(&sink.compression(Compression::None).dictionary(false), &rows).unwrap();
    assert_eq!(metrics.sum("files"), 1);
    assert!(metrics.sum("bytes") > 17 << 20, "{}", metrics.sum("bytes"));
    let back = read(&ParquetSource::<Event>::from_store(store, "large").unwrap()).unwrap();
    assert!(back == rows, "rows differ");
}

#[test]
fn a_run_that_fails_shows_nothing_that_is_not_complete() {
    let url = "memory://failed/lake";
    let sink = sink(url).compression(Compression::None).dictionary(false).row_group_bytes(1 << 20);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(50..1_000_000))).unwrap();
    drop(writer);
    sink.abort();
    assert_eq!(read(&source(url).allow_empty(true)).unwrap(), []);
}

#[test]
fn a_run_that_fails_leaves_what_was_there() {
    let url = "memory://replaced/lake";
    write(&sink(url), &events(0..10)).unwrap();
    for mode in [WriteMode::Append, WriteMode::Overwrite] {
        let sink = sink(url).mode(mode).roll_rows(5);
        sink.prepare().unwrap();
        let mut writer = open(&sink, &Metrics::default()).unwrap();
        writer.write(&mut batch(events(10..20))).unwrap();
        let seen = read(&source(url)).unwrap().len();
        assert_eq!(seen, if mode == WriteMode::Append { 20 } else { 10 });
        drop(writer);
        sink.abort();
        assert_eq!(read(&source(url)).unwrap(), events(0..10), "{mode:?}");
    }
}

#[test]
fn an_overwrite_leaves_no_staging_and_refuses_foreign_folders() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let sink = |mode| ParquetSink::to_store(Arc::clone(&store), "lake").unwrap().mode(mode);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let keys = || {
        let listed = runtime.block_on(store.list_with_delimiter(Some(&Path::from("lake")))).unwrap();
        (listed.objects.len(), listed.common_prefixes.len())
    };
    write(&sink(WriteMode::Append), &events(0..10)).unwrap();
    write(&sink(WriteMode::Overwrite).roll_rows(5), &events(20..30)).unwrap();
    assert_eq!(keys(), (2, 0));
    let foreign = Path::parse("lake/photos/a.parquet").unwrap();
    runtime.block_on(store.put(&foreign, "not mine".into())).unwrap();
    let message = write(&sink(WriteMode::Overwrite), &events(0..1)).unwrap_err().to_string();
    assert!(message.contains("photos is no partition of a table"), "{message}");
    assert_eq!(keys(), (2, 1), "nothing is removed");
}

#[test]
fn a_checkpoint_publishes_and_goes_on() {
    let url = "memory://checkpoint/lake";
    let sink = sink(url);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(0..10))).unwrap();
    let state = writer.checkpoint().unwrap();
    drop(writer);
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.restore(&state).unwrap();
    writer.write(&mut batch(events(10..20))).unwrap();
    writer.close().unwrap();
    sink.finish().unwrap();
    let mut rows = read(&source(url)).unwrap();
    rows.sort_by_key(|row| row.id);
    assert_eq!(rows, events(0..20));
}

#[test]
fn it_works_on_a_thread_of_somebody_elses_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        write(&sink("memory://runtime/lake"), &events(0..10)).unwrap();
        assert_eq!(read(&source("memory://runtime/lake")).unwrap(), events(0..10));
    });
}

#[test]
fn hidden_objects_are_not_read() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let hidden = Path::parse("lake/_temporary/part.parquet").unwrap();
    runtime.block_on(store.put(&hidden, "half".into())).unwrap();
    write(&ParquetSink::to_store(Arc::clone(&store), "lake").unwrap(), &events(0..10)).unwrap();
    assert_eq!(read(&ParquetSource::<Event>::from_store(store, "lake").unwrap()).unwrap(), events(0..10));
}

#[test]
fn in_a_run_with_checkpoints_objects_appear_when_a_checkpoint_has_them() {
    let url = "memory://durable/lake";
    let run = |resumed| DurableRun { checkpoints: "0123-ab".to_owned(), resumed };
    let start = |resumed| {
        let sink = ParquetSink::<Event>::to(url).roll_rows(3);
        sink.resume(&run(resumed)).unwrap();
        sink
    };
    let ids = || -> Vec<u64> {
        let mut ids: Vec<u64> = read(&source(url).allow_empty(true)).unwrap().iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids
    };
    let first = start(false);
    let mut writer = open(&first, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(0..10))).unwrap();
    let state = writer.checkpoint().unwrap();
    writer.write(&mut batch(events(10..20))).unwrap(); // lost with the process: no checkpoint has it
    drop(writer);
    assert!(ids().is_empty());

    let second = start(true);
    let mut writer = open(&second, &Metrics::default()).unwrap();
    writer.restore(&state).unwrap();
    writer.committed().unwrap();
    assert_eq!(ids(), (0..10).collect::<Vec<_>>());
    let mut zombie = open(&first, &Metrics::default()).unwrap();
    zombie.restore(&state).unwrap();
    zombie.committed().unwrap();
    first.abort();
    assert_eq!(ids(), (0..10).collect::<Vec<_>>(), "publishing twice is publishing once");

    writer.write(&mut batch(events(10..12))).unwrap();
    let state = writer.checkpoint().unwrap();
    let mut writer = open(&second, &Metrics::default()).unwrap();
    writer.restore(&state).unwrap();
    writer.committed().unwrap();
    writer.close().unwrap();
    second.finish().unwrap();
    assert_eq!(ids(), (0..12).collect::<Vec<_>>());
    let overwrite = ParquetSink::<Event>::to(url).mode(WriteMode::Overwrite).resume(&run(true)).unwrap_err();
    assert!(overwrite.to_string().contains("--append"), "{overwrite}");
    write(&ParquetSink::to(url).mode(WriteMode::Append), &events(20..21)).unwrap();
    assert_eq!(ids(), (0..12).chain([20]).collect::<Vec<_>>(), "nothing else is left to be seen");
}
