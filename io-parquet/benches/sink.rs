//! The sink against hand-written `ArrowWriter` code for the same rows of eight columns, and the source against the bare
//! reader: `cargo bench -p io-parquet`.
//!
//! Prints the ratio of times, as the median of interleaved pairs.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use arrow_array::RecordBatch;
use arrow_array::builder::{Float64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder, UInt64Builder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use dataflow_core::plane::Batch;
use dataflow_core::{Counter, Poll, Sink, SinkContext, SinkWriter, Source, SourceReader};
use dataflow_windows::Timestamp;
use io_parquet::{ArrowEnum, ArrowRow, ParquetSink, ParquetSource, PartitionValue, RowBuilder};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 2_000_000;
const PAIRS: usize = 9;

#[derive(Clone, Copy, ArrowEnum)]
#[arrow(rename_all = "lowercase")]
enum Action {
    Click,
    View,
    Purchase,
}

#[derive(Clone, ArrowRow)]
struct Event {
    event_id: compact_str::CompactString,
    ts: Timestamp,
    user_id: u64,
    action: Action,
    amount: f64,
    country: u32,
    session_id: Option<compact_str::CompactString>,
    ingested_at: Timestamp,
}

fn batches() -> Vec<Batch<Event>> {
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut event = |i: usize| {
        let r = next();
        let ts = Timestamp::from_micros(1_769_800_000_000_000 + i as i64 * 40_000 + (r % 1_000_000) as i64);
        let event = Event {
            event_id: compact_str::format_compact!("{:016x}", next()),
            ts,
            user_id: r % 100_000 + 1,
            action: [Action::Click, Action::View, Action::View, Action::Purchase][(r >> 20) as usize % 4],
            amount: ((r >> 32) % 100_000) as f64 / 100.0,
            country: (r >> 8) as u32 % 40,
            session_id: (r % 3 == 0).then(|| compact_str::format_compact!("s{}", r % 10_000)),
            ingested_at: Timestamp::from_micros(1_769_900_000_000_000 + (i as i64 / 1000) * 1000),
        };
        (event, ts)
    };
    let batch = |from: usize| {
        let mut batch = Batch::default();
        batch.fill(512.min(ROWS - from), |i| event(from + i));
        batch
    };
    (0..ROWS).step_by(512).map(batch).collect()
}

fn with_sink(batches: &mut [Batch<Event>], path: &Path, partitioned: bool) {
    let mut sink = ParquetSink::to(path);
    if partitioned {
        sink = sink.partition_by("date", |event: &Event| PartitionValue::date(event.ts));
    }
    sink.prepare().unwrap();
    let mut writer = sink.open(SinkContext::new(0, 1, |_| Counter::default())).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    sink.finish().unwrap();
}

#[derive(Default)]
struct ByHand {
    event_id: StringBuilder,
    ts: TimestampMicrosecondBuilder,
    user_id: UInt64Builder,
    action: Vec<i32>,
    amount: Float64Builder,
    country: UInt32Builder,
    session_id: StringBuilder,
    ingested_at: TimestampMicrosecondBuilder,
}

impl ByHand {
    fn batch(&mut self, names: &ArrayRef) -> RecordBatch {
        let action = Int32Array::from(std::mem::take(&mut self.action));
        let action = DictionaryArray::<Int32Type>::try_new(action, Arc::clone(names)).unwrap();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.event_id.finish()),
            Arc::new(self.ts.finish().with_timezone("UTC")),
            Arc::new(self.user_id.finish()),
            Arc::new(action),
            Arc::new(self.amount.finish()),
            Arc::new(self.country.finish()),
            Arc::new(self.session_id.finish()),
            Arc::new(self.ingested_at.finish().with_timezone("UTC")),
        ];
        RecordBatch::try_new(Event::schema(), columns).unwrap()
    }
}

fn by_hand(batches: &[Batch<Event>], path: &Path) {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap())).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, Event::schema(), Some(properties)).unwrap();
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(Action::NAMES));
    let mut columns = ByHand::default();
    let mut rows = 0;
    for batch in batches {
        for event in &batch.values {
            columns.event_id.append_value(&event.event_id);
            columns.ts.append_value(event.ts.as_micros());
            columns.user_id.append_value(event.user_id);
            columns.action.push(event.action as i32);
            columns.amount.append_value(event.amount);
            columns.country.append_value(event.country);
            columns.session_id.append_option(event.session_id.as_deref());
            columns.ingested_at.append_value(event.ingested_at.as_micros());
        }
        rows += batch.len();
        if rows >= 16 << 10 {
            writer.write(&columns.batch(&names)).unwrap();
            rows = 0;
        }
    }
    writer.write(&columns.batch(&names)).unwrap();
    writer.into_inner().unwrap().sync_all().unwrap();
}

fn time(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

/// Rows to Arrow batches and no further: column by column, as the sink does, and row by row.
fn builders(batches: &[Batch<Event>]) {
    let build = |append: fn(&mut <Event as ArrowRow>::Builder, &[Event])| {
        let mut builder = <Event as ArrowRow>::Builder::default();
        for batch in batches {
            append(&mut builder, &batch.values);
            if builder.len() >= 16 << 10 {
                std::hint::black_box(builder.finish().unwrap());
            }
        }
    };
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let by_column = time(|| build(|builder, rows| builder.extend(rows)));
        let by_row = time(|| build(|builder, rows| rows.iter().for_each(|row| builder.append(row))));
        println!("by column {by_column:?}, by row {by_row:?}");
        ratios.push(by_column.as_secs_f64() / by_row.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("builders: by column / by row = {:.3} (median of {PAIRS} pairs)", ratios[PAIRS / 2]);
}

/// Reads what the sink wrote, with the source and with the bare reader of Arrow batches.
fn source(path: &Path) {
    let source = ParquetSource::<Event>::new(path.to_str().unwrap());
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let rows = time(|| {
            for split in source.splits(1).unwrap() {
                let mut reader = source.open(split).unwrap();
                let mut batch = Batch::default();
                while reader.poll(&mut batch).unwrap() != Poll::End {
                    batch.clear();
                }
            }
        });
        let arrow = time(|| {
            for file in std::fs::read_dir(path).unwrap() {
                let file = File::open(file.unwrap().path()).unwrap();
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(512);
                assert!(reader.build().unwrap().all(|batch| batch.is_ok()));
            }
        });
        println!("source {rows:?}, Arrow batches only {arrow:?}");
        ratios.push(rows.as_secs_f64() / arrow.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("source / Arrow batches only = {:.3} (median of {PAIRS} pairs)", ratios[PAIRS / 2]);
}

fn main() {
    let mut batches = batches();
    builders(&batches);
    let dir = tempfile::tempdir().unwrap();
    for partitioned in [false, true] {
        let mut ratios = Vec::new();
        for pair in 0..PAIRS {
            let hand = time(|| by_hand(&batches, &dir.path().join("by-hand.parquet")));
            let sink = time(|| with_sink(&mut batches, &dir.path().join(format!("{partitioned}-{pair}")), partitioned));
            ratios.push(sink.as_secs_f64() / hand.as_secs_f64());
            println!("sink {sink:?}, by hand {hand:?}");
        }
        ratios.sort_by(f64::total_cmp);
        println!("partitioned: {partitioned}: sink / by hand = {:.3} (median of {PAIRS} pairs)", ratios[PAIRS / 2]);
    }
    source(&dir.path().join("false-0"));
}
