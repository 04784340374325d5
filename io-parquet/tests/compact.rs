//! What compaction does to a table, and what it refuses.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{files, open, read, rows, write};
use dataflow_core::{ErrorKind, Metrics, Sink, Source};
use io_parquet::{ArrowRow, CompactOptions, ParquetSink, ParquetSource, PartitionValue, WriteMode, compact};
use std::fs;
use std::path::Path;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    name: String,
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(|id| Event { id, name: format!("event {id}") }).collect()
}

fn sink(path: &Path) -> ParquetSink<Event> {
    ParquetSink::to(path).mode(WriteMode::Append).roll_rows(10)
}

fn partitioned(path: &Path) -> ParquetSink<Event> {
    sink(path).partition_by("lane", |event: &Event| PartitionValue::Int((event.id % 2) as i64))
}

#[test]
fn small_files_of_a_partition_become_one_in_the_same_order() {
    let dir = tempfile::tempdir().unwrap();
    write(&partitioned(dir.path()), &events(0..100)).unwrap();
    fs::write(dir.path().join("lane=0/notes.txt"), "stays").unwrap();
    let before = rows::<Event>(&dir.path().join("lane=1"));

    let options = CompactOptions::new(dir.path());
    let plan = compact(&options.clone().dry_run(true)).unwrap();
    assert!(plan.to_string().ends_with("10 files -> 2 files\ndry run: nothing was changed\n"), "{plan}");
    assert_eq!(files(dir.path()).len(), 11);

    let report = compact(&options).unwrap();
    assert_eq!((report.files_before, report.files_after, report.rows), (10, 2, 100));
    let left = files(dir.path());
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(left[0], "lane=0/notes.txt");
    assert_eq!(rows::<Event>(&dir.path().join("lane=1")), before);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "no lock and no staging is left: {names:?}");

    assert_eq!(compact(&options).unwrap().plan.to_string(), "nothing to merge\n");
}

#[test]
fn a_table_without_partitions_is_exchanged_itself() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    write(&sink(&table), &events(0..35)).unwrap();
    let report = compact(&CompactOptions::new(&table)).unwrap();
    assert_eq!(report.to_string().split(" (").next(), Some("4 files"));
    assert_eq!(rows::<Event>(&table), events(0..35));
    assert_eq!((files(&table).len(), fs::read_dir(&table).unwrap().count()), (1, 1));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    write(&sink(&table), &events(35..40)).unwrap();
    assert_eq!(read(&ParquetSource::<Event>::new(table.to_str().unwrap())).unwrap().len(), 40);
}

#[test]
fn files_that_are_large_enough_stay_the_same_files() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    write(&sink(&table).roll_rows(5_000), &events(0..5_000)).unwrap();
    let large = table.join(&files(&table)[0]);
    let (inode, size) = (fs::metadata(&large).unwrap().ino(), fs::metadata(&large).unwrap().len());
    write(&sink(&table), &events(5_000..5_040)).unwrap();
    compact(&CompactOptions::new(&table).target_bytes(size)).unwrap();
    assert_eq!(files(&table).len(), 2);
    assert_eq!(fs::metadata(&large).unwrap().ino(), inode);
}

#[test]
fn columns_that_some_files_lack_are_null_there() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Later {
        session: Option<String>,
        id: u64,
        name: Option<String>,
    }
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    write(&sink(&table), &events(0..3)).unwrap();
    let later = Later { session: Some("s".to_owned()), id: 3, name: None };
    write(&ParquetSink::to(&table).mode(WriteMode::Append), std::slice::from_ref(&later)).unwrap();
    compact(&CompactOptions::new(&table)).unwrap();
    assert_eq!(files(&table).len(), 1);
    let mut back = read(&ParquetSource::<Later>::new(table.to_str().unwrap())).unwrap();
    back.sort_by_key(|row| row.id);
    assert_eq!(back[0], Later { session: None, id: 0, name: Some("event 0".to_owned()) });
    assert_eq!(back[3], later);
}

#[test]
fn columns_of_different_types_leave_the_folder_as_it_is() {
    #[derive(Clone, ArrowRow)]
    struct Other {
        id: String,
    }
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    write(&sink(&table), &events(0..3)).unwrap();
    write(&ParquetSink::to(&table).mode(WriteMode::Append), &[Other { id: "x".to_owned() }]).unwrap();
    let report = compact(&CompactOptions::new(&table)).unwrap();
    assert_eq!(report.files_after, 0);
    assert!(report.to_string().contains(".: left as it is: column `id` is "), "{report}");
    assert_eq!(files(&table).len(), 2);
}

#[test]
fn a_table_that_is_written_to_is_refused_with_the_writers_name() {
    let dir = tempfile::tempdir().unwrap();
    let sink = sink(dir.path());
    sink.prepare().unwrap();
    let writer = open(&sink, &Metrics::default()).unwrap();
    let error = compact(&CompactOptions::new(dir.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Options);
    let expected = format!("is in use by process {}, which appends to it", std::process::id());
    assert!(error.to_string().contains(&expected), "{error}");
    drop(writer);
    sink.finish().unwrap();
    compact(&CompactOptions::new(dir.path())).unwrap();
}

#[test]
fn object_stores_and_tables_with_a_log_are_refused() {
    let message = |path: &Path| compact(&CompactOptions::new(path)).unwrap_err().to_string();
    let in_store = message(Path::new("s3://bucket/events"));
    assert!(in_store.contains("would see rows twice or not at all"), "{in_store}");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("_delta_log")).unwrap();
    assert!(message(dir.path()).contains("belongs to Delta Lake"));
    assert!(message(&dir.path().join("nowhere")).contains("does not exist"));
}

#[test]
fn a_damaged_file_is_named_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    write(&sink(&table), &events(0..30)).unwrap();
    fs::write(table.join("part-zzz.parquet"), "no Parquet at all").unwrap();
    let before = files(&table);
    let error = compact(&CompactOptions::new(&table)).unwrap_err().to_string();
    assert!(error.contains("part-zzz.parquet cannot be read as a Parquet file"), "{error}");
    assert_eq!(files(&table), before);
}

#[test]
fn who_lists_once_sees_each_row_once() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    let source = ParquetSource::<Event>::new(table.to_str().unwrap());
    write(&sink(&table), &events(0..200)).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // A reader that is overtaken by the exchange may fail, but not read wrong rows.
                let seen = source.splits(1).and_then(|splits| {
                    let mut seen = Vec::new();
                    for split in splits {
                        common::drain(&mut source.open(split)?, &mut seen)?;
                    }
                    Ok(seen)
                });
                if let Ok(mut seen) = seen {
                    seen.sort_by_key(|row| row.id);
                    seen.truncate(200);
                    assert_eq!(seen, events(0..200));
                    reads += 1;
                }
            }
            reads
        });
        for extra in 0..20 {
            // More small files each time, whose rows sort behind those that are looked at.
            write(&sink(&table), &events(1_000 + extra * 20..1_000 + (extra + 1) * 20)).unwrap();
            compact(&CompactOptions::new(&table)).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reads.join().unwrap() > 0);
    });
}
