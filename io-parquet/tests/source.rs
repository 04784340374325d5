//! What the source reads of files and folders, and what it refuses.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{drain, read, write};
use dataflow_core::plane::Batch;
use dataflow_core::{ErrorKind, Poll, Source, SourceReader, coder};
use dataflow_windows::watermark::WatermarkEstimator;
use dataflow_windows::{Duration, Timestamp};
use io_parquet::{ArrowEnum, ArrowRow, ParquetSink, ParquetSource, PartitionValue, WriteMode, column};
use std::fs;
use std::path::Path;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    at: Timestamp,
    name: String,
}

fn event(id: u64) -> Event {
    Event { id, at: Timestamp::from_seconds(id as i64), name: format!("{:03}", id % 1_000) }
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(event).collect()
}

/// A folder with the events in row groups of 100.
fn folder(ids: std::ops::Range<u64>) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()).row_group_rows(100), &events(ids)).unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    (dir, path)
}

fn source(path: &str) -> ParquetSource<Event> {
    ParquetSource::new(path)
}

#[test]
fn a_folder_is_read_whole_in_any_number_of_splits() {
    let (_dir, path) = folder(0..1_000);
    for (desired, splits) in [(1, 1..=1), (2, 2..=3), (100, 10..=10)] {
        assert!(splits.contains(&source(&path).splits(desired).unwrap().len()));
    }
    assert_eq!(read(&source(&path)).unwrap(), events(0..1_000));
}

#[test]
fn files_globs_and_folders_mean_files() {
    let dir = tempfile::tempdir().unwrap();
    let sink = |mode| {
        let sink = ParquetSink::to(dir.path().join("lake")).mode(mode);
        sink.partition_by("half", |event: &Event| PartitionValue::Int((event.id / 5) as i64))
    };
    write(&sink(WriteMode::FailIfNotEmpty), &events(0..10)).unwrap();
    for hidden in ["_staging", ".tmp", "half=0/_x"] {
        fs::create_dir(dir.path().join("lake").join(hidden)).unwrap();
        fs::write(dir.path().join("lake").join(hidden).join("a.parquet"), "half").unwrap();
    }
    fs::write(dir.path().join("lake/notes.txt"), "not read").unwrap();
    let read = |path: &str| read(&source(dir.path().join(path).to_str().unwrap()));
    assert_eq!(read("lake").unwrap(), events(0..10));
    assert_eq!(read("lake/half=1").unwrap(), events(5..10));
    assert_eq!(read("lake/half=*/*.parquet").unwrap(), events(0..10));
    assert_eq!(read("la*").unwrap(), events(0..10));
    let file = &common::files(&dir.path().join("lake"))[0];
    assert_eq!(read(&format!("lake/{file}")).unwrap(), events(0..5));

    let message = |path: &str| read(path).unwrap_err().to_string();
    assert!(message("lake/half=7/*.parquet").contains("no file matches"), "{}", message("lake/half=7/*.parquet"));
    assert!(message("nowhere").contains("does not exist: check the path"), "{}", message("nowhere"));
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(message("empty").contains("there are no Parquet files in"), "{}", message("empty"));
    let empty = source(dir.path().join("empty").to_str().unwrap()).allow_empty(true);
    assert_eq!(empty.splits(4).unwrap(), []);
}

#[test]
fn a_checkpoint_goes_on_at_the_next_row() {
    let (_dir, path) = folder(0..500);
    let source = source(&path);
    for batches in 0..6 {
        let mut rows = Vec::new();
        let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
        for _ in 0..batches {
            let mut batch = Batch::default();
            reader.poll(&mut batch).unwrap();
            rows.append(&mut batch.values);
        }
        let mut bytes = Vec::new();
        coder::encode(&reader.checkpoint().unwrap(), &mut bytes).unwrap();
        let mut rest = source.open(coder::decode(&mut &bytes[..]).unwrap()).unwrap();
        drain(&mut rest, &mut rows).unwrap();
        assert_eq!(rows, events(0..500), "after {batches} batches");
    }
}

#[test]
fn a_checkpoint_in_a_row_group_goes_on_there() {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()), &events(0..5_000)).unwrap();
    let source = source(dir.path().to_str().unwrap());
    let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
    let mut batch = Batch::default();
    assert_eq!(reader.poll(&mut batch).unwrap(), Poll::More);
    let mut rows = std::mem::take(&mut batch.values);
    assert!(rows.len() < 5_000 && !rows.is_empty());
    assert!(reader.position().ends_with(&format!(".parquet, row group 0, rows 0 to {}", rows.len())));
    assert_eq!((reader.progress().done, reader.progress().total), (rows.len() as u64, Some(5_000)));
    drain(&mut source.open(reader.checkpoint().unwrap()).unwrap(), &mut rows).unwrap();
    assert_eq!(rows, events(0..5_000));
}

#[test]
fn row_groups_that_are_not_begun_can_be_split_off() {
    let (_dir, path) = folder(0..1_000);
    let source = source(&path);
    let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
    let mut batch = Batch::default();
    reader.poll(&mut batch).unwrap();
    let mut rows = std::mem::take(&mut batch.values);
    let part = reader.split(0.5).unwrap().unwrap();
    drain(&mut reader, &mut rows).unwrap();
    assert_eq!(rows, events(0..500));
    drain(&mut source.open(part).unwrap(), &mut rows).unwrap();
    assert_eq!(rows, events(0..1_000));
    assert_eq!(reader.split(0.5).unwrap(), None);
}

#[test]
fn predicates_skip_row_groups_and_rows_only_if_asked() {
    let (_dir, path) = folder(0..1_000);
    let between = || source(&path).filter(column("id").between(250, 349));
    assert_eq!(read(&between()).unwrap(), events(200..400));
    assert_eq!(read(&between().filter_rows(true)).unwrap(), events(250..350));
    let both = between().filter(column("at").lt(Timestamp::from_seconds(300)));
    assert_eq!(read(&both).unwrap(), events(200..300));
    let none = between().filter(column("name").eq("999")).filter_rows(true);
    assert_eq!(none.splits(4).unwrap(), []);
    let error = read(&source(&path).filter(column("id").eq("five"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Options);
    assert!(
        error.to_string().contains("the filter `id = \"five\"` cannot be applied: column `id` is UInt64"),
        "{error}"
    );
    let error = read(&source(&path).filter(column("ix").eq(5))).unwrap_err().to_string();
    assert!(error.contains("there is no column `ix` to filter by"), "{error}");
}

#[test]
fn a_predicate_may_name_a_column_that_is_not_read() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Name {
        name: String,
    }
    let (_dir, path) = folder(0..1_000);
    let names = ParquetSource::<Name>::new(&path).filter(column("id").lt(3)).filter_rows(true);
    let names: Vec<_> = read(&names).unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["000", "001", "002"]);
}

#[test]
fn predicates_on_nullable_columns_skip_what_is_all_null() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Amount {
        cents: Option<i32>,
    }
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..300).map(|i| Amount { cents: (i >= 200).then_some(i) }).collect();
    write(&ParquetSink::to(dir.path()).row_group_rows(100), &rows).unwrap();
    let source = ParquetSource::<Amount>::new(dir.path().to_str().unwrap()).filter(column("cents").ge(0));
    assert_eq!(read(&source).unwrap(), rows[200..]);
}

#[test]
fn timestamps_move_the_watermark() {
    let (_dir, path) = folder(0..200);
    let estimator = WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(10));
    let source = source(&path).with_timestamps(|event| event.at, estimator);
    let mut reader = source.open(source.splits(1).unwrap().remove(0)).unwrap();
    assert_eq!(reader.watermark(), Timestamp::MIN);
    let mut batch = Batch::default();
    reader.poll(&mut batch).unwrap();
    assert_eq!(batch.times.get(99), Timestamp::from_seconds(99));
    assert_eq!((batch.bounds.min, batch.bounds.max), (Timestamp::from_seconds(0), Timestamp::from_seconds(99)));
    assert_eq!(reader.watermark(), Timestamp::from_seconds(89));
}

#[test]
fn columns_may_be_added_dropped_widened_and_reordered() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Old {
        extra: bool,
        name: String,
        id: u32,
    }
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct New {
        id: u64,
        name: compact_str::CompactString,
        session: Option<String>,
        #[arrow(skip)]
        local: u8,
    }
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()), &[Old { extra: true, name: "a".to_owned(), id: 7 }]).unwrap();
    let source = ParquetSource::<New>::new(dir.path().to_str().unwrap());
    assert_eq!(read(&source).unwrap(), [New { id: 7, name: "a".into(), session: None, local: 0 }]);
}

#[test]
fn a_schema_that_does_not_fit_is_refused_with_file_column_and_types() {
    #[derive(Clone, Debug, ArrowRow)]
    struct Other {
        id: i32,
    }
    #[derive(Clone, Debug, ArrowRow)]
    struct More {
        id: u64,
        session: String,
    }
    let (_dir, path) = folder(0..1);
    let error = ParquetSource::<Other>::new(&path).splits(1).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{path}/part-")), "{error}");
    assert!(error.contains("column `id` is stored as UInt64, which cannot be read as Int32"), "{error}");
    let error = ParquetSource::<More>::new(&path).splits(1).unwrap_err().to_string();
    assert!(
        error.contains("column `session` (Utf8) is missing; if older files may lack it, make the field an Option"),
        "{error}"
    );
}

#[test]
fn null_in_a_field_that_is_no_option_is_an_error_with_its_place() {
    #[derive(Clone, ArrowRow)]
    struct Nullable {
        n: Option<i64>,
    }
    #[derive(Clone, Debug, ArrowRow)]
    struct Plain {
        n: i64,
    }
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..10).map(|i| Nullable { n: (i != 4).then_some(i) }).collect();
    write(&ParquetSink::to(dir.path()), &rows).unwrap();
    let error = read(&ParquetSource::<Plain>::new(dir.path().to_str().unwrap())).unwrap_err().to_string();
    assert!(error.contains("row group 0, rows 0 to 10: column `n`, row 4 of a batch: the value is NULL"), "{error}");
}

#[test]
fn a_name_that_an_enum_does_not_have_is_an_error() {
    #[derive(Clone, ArrowRow)]
    struct Text {
        action: String,
    }
    #[derive(Clone, Copy, PartialEq, Debug, ArrowEnum)]
    #[arrow(rename_all = "lowercase")]
    enum Action {
        Click,
        View,
    }
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Known {
        action: Action,
    }
    let read_back = |names: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<_> = names.iter().map(|name| Text { action: (*name).to_owned() }).collect();
        write(&ParquetSink::to(dir.path()), &rows).unwrap();
        read(&ParquetSource::<Known>::new(dir.path().to_str().unwrap())).map_err(|e| e.to_string())
    };
    assert_eq!(
        read_back(&["view", "click"]),
        Ok(vec![Known { action: Action::View }, Known { action: Action::Click }])
    );
    let error = read_back(&["view", "jump"]).unwrap_err();
    assert!(error.contains("column `action`, row 1 of a batch: \"jump\" is none of the names"), "{error}");
}

#[test]
fn partition_folders_are_columns_for_fields_that_files_lack() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Partitioned {
        id: u64,
        date: chrono::NaiveDate,
        region: Option<String>,
        lane: u8,
    }
    let dir = tempfile::tempdir().unwrap();
    let sink = ParquetSink::to(dir.path())
        .partition_by("date", |event: &Event| PartitionValue::date(event.at))
        .partition_by("region", |event| if event.id % 2 == 0 { "a/b".into() } else { PartitionValue::Null })
        .partition_by("lane", |_| PartitionValue::Int(7));
    write(&sink, &events(0..2)).unwrap();
    let source = || ParquetSource::<Partitioned>::new(dir.path().to_str().unwrap());
    let mut rows = read(&source()).unwrap();
    rows.sort_by_key(|row| row.id);
    let row = |id, region: Option<&str>| Partitioned {
        id,
        date: chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap(),
        region: region.map(str::to_owned),
        lane: 7,
    };
    assert_eq!(rows, [row(0, Some("a/b")), row(1, None)]);
    assert_eq!(read(&source().filter(column("region").eq("a/b")).filter_rows(true)).unwrap(), rows[..1]);
    assert_eq!(read(&source().filter(column("lane").gt(7))).unwrap(), []);
}

#[test]
fn files_that_are_no_parquet_are_named() {
    let (_dir, path) = folder(0..1_000);
    let file = Path::new(&path).join(&common::files(path.as_ref())[0]);
    let whole = fs::read(&file).unwrap();
    let message = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        read(&source(&path)).map(|rows| rows.len()).unwrap_err().to_string()
    };
    let shown = file.display().to_string();
    for (bytes, part) in
        [(&b""[..], "it is empty"), (&whole[..whole.len() / 2], "it is damaged, cut off"), (b"text", "damaged")]
    {
        let message = message(bytes);
        assert!(message.contains(&shown) && message.contains(part), "{message}");
    }
    let mut damaged = whole.clone();
    damaged[10..2_000].fill(0xA5);
    assert!(message(&damaged).contains(&shown));
}

#[test]
fn a_file_that_changed_since_the_splits_were_made_is_refused() {
    let (dir, path) = folder(0..100);
    let splits = source(&path).splits(1).unwrap();
    let file = Path::new(&path).join(&common::files(path.as_ref())[0]);
    let other = dir.path().join("_other");
    write(&ParquetSink::to(&other), &events(0..50)).unwrap();
    fs::copy(other.join(&common::files(&other)[0]), &file).unwrap();
    let error = source(&path).open(splits[0].clone()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("has changed since the run began"), "{error}");
}
