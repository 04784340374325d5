//! What a run of the sink leaves in its folder.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{batch, files, open, rows, write};
use dataflow_core::{ErrorKind, Metrics, Sink, SinkWriter};
use dataflow_windows::{Duration, Timestamp};
use io_parquet::{ArrowRow, Compression, ParquetSink, PartitionValue, Statistics, WriteMode};
use std::fs;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    at: Timestamp,
    region: String,
    note: Option<String>,
}

fn event(id: u64) -> Event {
    Event {
        id,
        at: Timestamp::from_seconds(id as i64 * 3_600),
        region: ["north", "south/west", ""][id as usize % 3].to_owned(),
        note: id.is_multiple_of(2).then(|| format!("note {id}")),
    }
}

fn events(n: u64) -> Vec<Event> {
    (0..n).map(event).collect()
}

fn sorted(mut rows: Vec<Event>) -> Vec<Event> {
    rows.sort_by_key(|row| row.id);
    rows
}

#[test]
fn rows_come_back_in_order_from_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("new").join("folder");
    let metrics = write(&ParquetSink::to(&target), &events(1_000)).unwrap();
    assert_eq!(rows::<Event>(&target), events(1_000));
    assert_eq!((metrics.sum("records"), metrics.sum("files")), (1_000, 1));
    let file = target.join(&files(&target)[0]);
    assert_eq!(metrics.sum("bytes"), fs::metadata(file).unwrap().len());
    let left: Vec<_> = fs::read_dir(&target).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "no lock and no staging is left: {left:?}");
}

#[test]
fn partitions_are_hive_folders() {
    let dir = tempfile::tempdir().unwrap();
    let sink = ParquetSink::to(dir.path())
        .partition_by("date", |event: &Event| PartitionValue::date(event.at))
        .partition_by("where", |event: &Event| PartitionValue::from(&event.region[..]));
    write(&sink, &events(48)).unwrap();
    let folders: Vec<_> = files(dir.path()).iter().map(|file| file.rsplit_once('/').unwrap().0.to_owned()).collect();
    let expected: Vec<String> = ["1970-01-01", "1970-01-02"]
        .iter()
        .flat_map(|date| {
            ["__HIVE_DEFAULT_PARTITION__", "north", "south%2Fwest"].map(|value| format!("date={date}/where={value}"))
        })
        .collect();
    assert_eq!(folders, expected);
    assert_eq!(sorted(rows(dir.path())), events(48));
}

#[test]
fn a_partition_that_is_also_a_column_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let sink = ParquetSink::to(dir.path()).partition_by("region", |event: &Event| (&event.region[..]).into());
    let error = sink.prepare().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Options);
    assert!(error.to_string().contains("`region` is a partition and a column"), "{error}");
}

#[test]
fn files_roll_by_rows_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = write(&ParquetSink::to(dir.path()).roll_rows(30), &events(100)).unwrap();
    let lens: Vec<_> = files(dir.path())
        .iter()
        .map(|file| common::batches(&dir.path().join(file)).iter().map(|batch| batch.num_rows()).sum::<usize>())
        .collect();
    assert_eq!(lens, [30, 30, 30, 10]);
    assert_eq!(rows::<Event>(dir.path()), events(100), "file names keep the order");
    assert_eq!(metrics.sum("files"), 4);
}

#[test]
fn files_roll_by_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let sink = ParquetSink::to(dir.path()).roll_bytes(200_000).compression(Compression::None).dictionary(false);
    write(&sink, &events(200_000)).unwrap();
    let sizes: Vec<_> =
        files(dir.path()).iter().map(|file| fs::metadata(dir.path().join(file)).unwrap().len()).collect();
    assert!(sizes.len() > 3, "{sizes:?}");
    // A file is looked at after 16 Ki rows.
    assert!(sizes.iter().all(|size| *size < 1_300_000), "{sizes:?}");
    assert_eq!(rows::<Event>(dir.path()).len(), 200_000);
}

#[test]
fn files_roll_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let sink = ParquetSink::to(dir.path()).roll_age(Duration::seconds(60));
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    let second = Timestamp::from_seconds;
    writer.write(&mut batch(events(5))).unwrap();
    writer.processing_time(second(1_000)).unwrap();
    writer.processing_time(second(1_059)).unwrap();
    assert_eq!(files(dir.path()).len(), 0);
    writer.processing_time(second(1_060)).unwrap();
    assert_eq!(rows::<Event>(dir.path()), events(5), "seen while the run goes on");
    writer.processing_time(second(2_000)).unwrap();
    writer.write(&mut batch([event(5)])).unwrap();
    writer.processing_time(second(2_059)).unwrap();
    assert_eq!(files(dir.path()).len(), 1);
    writer.processing_time(second(2_060)).unwrap();
    assert_eq!(rows::<Event>(dir.path()), events(6));
}

#[test]
fn no_more_partitions_are_open_than_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let sink =
        ParquetSink::to(dir.path()).partition_by("lane", |event: &Event| PartitionValue::Int(event.id as i64 % 10));
    write(&sink.max_open_partitions(3), &events(40)).unwrap();
    assert_eq!(files(dir.path()).len(), 40, "ten partitions in turn, of which three fit");
    assert_eq!(sorted(rows(dir.path())), events(40));
}

#[test]
fn memory_is_bounded_by_early_row_groups() {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()).memory_bytes(1), &events(200_000)).unwrap();
    let file = fs::File::open(dir.path().join(&files(dir.path())[0])).unwrap();
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    assert!(metadata.num_row_groups() >= 3, "{}", metadata.num_row_groups());
    assert_eq!(rows::<Event>(dir.path()), events(200_000));
}

#[test]
fn all_codecs_and_statistics_can_be_read() {
    let codecs = [Compression::None, Compression::Snappy, Compression::Gzip, Compression::Zstd(3)];
    for (codec, statistics) in
        codecs.into_iter().zip([Statistics::None, Statistics::RowGroup, Statistics::Page].into_iter().cycle())
    {
        let dir = tempfile::tempdir().unwrap();
        write(&ParquetSink::to(dir.path()).compression(codec).statistics(statistics), &events(100)).unwrap();
        assert_eq!(rows::<Event>(dir.path()), events(100), "{codec:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let error = write(&ParquetSink::to(dir.path()).compression(Compression::Zstd(99)), &events(1)).unwrap_err();
    assert_eq!(error.to_string(), "zstd has the levels 1 to 22, not 99");
}

#[test]
fn a_run_without_rows_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::<Event>::to(dir.path()), &[]).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_target_that_is_not_empty_is_refused_with_the_options_named() {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()), &events(3)).unwrap();
    let error = write(&ParquetSink::to(dir.path()), &events(3)).unwrap_err().to_string();
    assert!(error.contains("--append") && error.contains("--overwrite"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "and nothing is made there");
}

#[test]
fn append_adds_and_overwrite_replaces() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("README.md"), "mine").unwrap();
    let sink = |mode| {
        ParquetSink::to(dir.path()).mode(mode).partition_by("date", |event: &Event| PartitionValue::date(event.at))
    };
    write(&sink(WriteMode::Append), &events(30)).unwrap();
    write(&sink(WriteMode::Append), &[event(30)]).unwrap();
    let both: Vec<String> = files(dir.path()).into_iter().filter(|file| file.ends_with(".parquet")).collect();
    assert_eq!(both.len(), 3);
    write(&sink(WriteMode::Overwrite), &events(2)).unwrap();
    let left = files(dir.path());
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0], "README.md", "what is no data stays");
    assert!(left[1].starts_with("date=1970-01-01/"), "an empty partition goes with its files: {left:?}");
    assert!(!dir.path().join("date=1970-01-02").exists());
}

#[test]
fn overwrite_does_not_touch_what_is_no_partition() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("photos")).unwrap();
    fs::write(dir.path().join("photos/a.parquet"), "not mine").unwrap();
    write(&ParquetSink::to(dir.path()).mode(WriteMode::Append), &events(10)).unwrap();
    fs::create_dir(dir.path().join("a=1")).unwrap();
    let before = files(dir.path());
    let error = ParquetSink::<Event>::to(dir.path()).mode(WriteMode::Overwrite).prepare().unwrap_err();
    assert!(error.to_string().contains("photos is no partition of a table"), "{error}");
    assert_eq!(files(dir.path()), before, "nothing is removed");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "and nothing is made");
}

#[test]
fn a_target_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("file");
    fs::write(&target, "text").unwrap();
    let error = write(&ParquetSink::to(&target), &events(1)).unwrap_err().to_string();
    assert!(error.contains("is a file, but a folder is needed"), "{error}");
}

#[test]
fn a_target_in_use_is_refused_unless_both_append() {
    let dir = tempfile::tempdir().unwrap();
    let sink = |mode| ParquetSink::<Event>::to(dir.path()).mode(mode);
    let first = sink(WriteMode::Append);
    first.prepare().unwrap();
    let mut writer = open(&first, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(3))).unwrap();
    writer.checkpoint().unwrap();

    let error = sink(WriteMode::Overwrite).prepare().unwrap_err().to_string();
    assert!(error.contains("is in use by process") && error.contains("appends to it"), "{error}");
    write(&sink(WriteMode::Append), &[event(3)]).unwrap();

    writer.close().unwrap();
    first.finish().unwrap();
    assert_eq!(sorted(rows(dir.path())), events(4), "the second run left the staging of the first alone");
}

#[test]
fn a_failed_run_leaves_what_was_there_and_can_be_repeated() {
    for mode in [WriteMode::FailIfNotEmpty, WriteMode::Append, WriteMode::Overwrite] {
        let dir = tempfile::tempdir().unwrap();
        let sink = |mode| {
            ParquetSink::to(dir.path())
                .mode(mode)
                .roll_rows(2)
                .partition_by("date", |event: &Event| PartitionValue::date(event.at))
        };
        let old = if mode == WriteMode::FailIfNotEmpty { events(0) } else { events(30) };
        write(&sink(mode), &old).unwrap();
        let before = files(dir.path());
        let new = events(60).split_off(20);
        let failed = sink(mode);
        failed.prepare().unwrap();
        let mut writer = open(&failed, &Metrics::default()).unwrap();
        writer.write(&mut batch(new.clone())).unwrap();
        let seen = files(dir.path()).len() - before.len();
        assert_eq!(seen > 0, mode != WriteMode::Overwrite, "{mode:?}: files that were rolled are seen");
        writer.checkpoint().unwrap();
        drop(writer);
        failed.abort();
        assert_eq!(files(dir.path()), before, "{mode:?}");
        assert_eq!(sorted(rows(dir.path())), old, "{mode:?}");
        assert!(!dir.path().join("_staging").exists());

        write(&sink(mode), &new).unwrap();
        let all = if mode == WriteMode::Append { [&old[..], &new].concat() } else { new };
        assert_eq!(sorted(rows(dir.path())), sorted(all), "{mode:?}");
    }
}

#[test]
fn an_overwrite_goes_on_from_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()), &events(7)).unwrap();
    let (sink, metrics) = (ParquetSink::to(dir.path()).mode(WriteMode::Overwrite).roll_rows(4), Metrics::default());
    sink.prepare().unwrap();
    let mut writer = open(&sink, &metrics).unwrap();
    writer.write(&mut batch(events(10))).unwrap();
    let state = writer.checkpoint().unwrap();
    writer.write(&mut batch(events(20))).unwrap(); // lost, though some of it is in files that were rolled
    drop(writer);

    sink.prepare().unwrap();
    let mut writer = open(&sink, &metrics).unwrap();
    writer.restore(&state).unwrap();
    writer.write(&mut batch(events(20).split_off(10))).unwrap();
    writer.close().unwrap();
    assert_eq!(rows::<Event>(dir.path()), events(7), "the old data until the end");
    sink.finish().unwrap();
    assert_eq!(sorted(rows(dir.path())), events(20));
    assert_eq!((metrics.sum("records"), metrics.sum("files")), (20, 6));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 6);
}

#[test]
fn leftovers_of_a_run_that_is_gone_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let staging = dir.path().join("_staging");
    fs::create_dir_all(staging.join("20260101T000000-00000000")).unwrap();
    fs::write(staging.join("20260101T000000-00000000/part.parquet"), "half").unwrap();
    fs::write(staging.join("20260101T000000-00000000.lock"), "").unwrap();
    write(&ParquetSink::to(dir.path()), &events(3)).unwrap();
    assert!(!staging.exists());
}

#[test]
fn a_checkpoint_goes_on_in_another_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, metrics) = (ParquetSink::to(dir.path()), Metrics::default());
    sink.prepare().unwrap();
    let mut writer = open(&sink, &metrics).unwrap();
    writer.write(&mut batch(events(10))).unwrap();
    let state = writer.checkpoint().unwrap();
    assert_eq!(files(dir.path()).len(), 0, "not seen before the run ends");
    drop(writer);

    sink.prepare().unwrap();
    let mut writer = open(&sink, &metrics).unwrap();
    writer.restore(&state).unwrap();
    writer.write(&mut batch(events(20).split_off(10))).unwrap();
    writer.close().unwrap();
    sink.finish().unwrap();
    assert_eq!(rows::<Event>(dir.path()), events(20));
    assert_eq!((metrics.sum("records"), metrics.sum("files")), (20, 2));
}

#[test]
fn a_value_that_cannot_be_stored_is_an_error_with_its_column() {
    #[derive(Clone, ArrowRow)]
    struct Price {
        #[arrow(decimal(4, 2))]
        amount: rust_decimal::Decimal,
    }
    let write = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        write(&ParquetSink::to(dir.path()), &[Price { amount: text.parse().unwrap() }])
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(write("99.99"), Ok(()));
    assert_eq!(write("1.500"), Ok(()), "zeros at the end do not count");
    assert_eq!(
        write("100"),
        Err("column `amount`: 100 does not fit decimal(4, 2): it has more than 4 digits".to_owned())
    );
    let error = write("0.001").unwrap_err();
    assert!(error.contains("0.001 does not fit decimal(4, 2): it has more than 2 digits after the point"), "{error}");
}
