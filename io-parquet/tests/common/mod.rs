//! What the tests of sources and sinks share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use arrow_array::RecordBatch;
use dataflow_core::plane::Batch;
use dataflow_core::{Metrics, Poll, Result, Sink, SinkContext, SinkWriter, Source, SourceReader};
use dataflow_windows::Timestamp;
use io_parquet::{ArrowRow, ParquetSink, ParquetWriter};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A batch of rows without time.
pub fn batch<T>(rows: impl IntoIterator<Item = T>) -> Batch<T> {
    let mut batch = Batch::default();
    for row in rows {
        batch.push(row, Timestamp::MIN);
    }
    batch
}

/// Opens the only shard of a sink.
pub fn open<T: ArrowRow>(sink: &ParquetSink<T>, metrics: &Metrics) -> Result<ParquetWriter<T>> {
    let metrics = metrics.clone();
    sink.open(SinkContext::new(0, 1, move |name| metrics.counter("Write", name)))
}

/// Writes all rows, in batches of 100, as a run of one shard does.
pub fn write<T: ArrowRow>(sink: &ParquetSink<T>, rows: &[T]) -> Result<Metrics> {
    let metrics = Metrics::default();
    sink.prepare()?;
    let mut writer = open(sink, &metrics)?;
    for rows in rows.chunks(100) {
        writer.write(&mut batch(rows.iter().cloned()))?;
    }
    writer.close()?;
    drop(writer);
    sink.finish()?;
    Ok(metrics)
}

/// All files below `folder` that readers see, by path, relative to it.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with(['_', '.']) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), found);
        } else {
            found.push(path);
        }
    }
}

/// The batches of a file, read without this crate.
pub fn batches(path: &Path) -> Vec<RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    builder.build().unwrap().map(Result::unwrap).collect()
}

/// All rows of the files below `folder`, file by file, read without the source.
pub fn rows<T: ArrowRow>(folder: &Path) -> Vec<T> {
    let paths: Vec<PathBuf> = files(folder).into_iter().map(|file| folder.join(file)).collect();
    let batches = paths.iter().flat_map(|path| batches(path));
    batches.flat_map(|batch| T::from_batch(&batch).unwrap()).collect()
}

/// All rows of all splits of a source.
pub fn read<S: Source>(source: &S) -> Result<Vec<S::Element>> {
    let mut rows = Vec::new();
    for split in source.splits(4)? {
        let mut reader = source.open(split)?;
        drain(&mut reader, &mut rows)?;
    }
    Ok(rows)
}

/// What is left of a split.
pub fn drain<R: SourceReader>(reader: &mut R, rows: &mut Vec<R::Element>) -> Result<()> {
    loop {
        let mut batch = Batch::default();
        let poll = reader.poll(&mut batch)?;
        assert_eq!(batch.len(), batch.times.clone().make_per_element(batch.len()).len());
        rows.append(&mut batch.values);
        if poll == Poll::End {
            return Ok(());
        }
    }
}
