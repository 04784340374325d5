//! The files of the lake: a folder for each date with one Parquet file, into which rows go through Arrow builders.

use anyhow::Result;
use arrow_array::builder::{
    Decimal128Builder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use dataflow_windows::Timestamp;
use examples::lake::event::{Action, EnrichedEvent};
use examples::lake::rfc3339;
use examples::lake::users::{Country, Tier};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use crate::lake_metrics::MetricRow;

/// Rows that are collected before the Parquet writer gets them.
pub const BATCH: usize = 16 * 1024;

/// Rows of a row group.
pub const ROW_GROUP: usize = 1 << 20;

const DAY: i64 = 86_400_000_000;

/// Rows of a table on their way into columns.
pub trait Rows {
    /// One row.
    type Row;

    /// No rows, with room for [`BATCH`].
    fn new() -> Self;

    /// The table's columns.
    fn schema() -> SchemaRef;

    /// How the columns differ from the writer's defaults.
    fn properties(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder;

    /// The time by which a row is partitioned.
    fn time(row: &Self::Row) -> Timestamp;

    /// Takes one row.
    fn append(&mut self, row: &Self::Row);

    /// Rows taken since the last batch.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as a batch; none are left.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema.
    fn take(&mut self) -> Result<RecordBatch, ArrowError>;
}

/// What was written to a lake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
}

/// A table of files below one folder.
pub struct Lake<R> {
    folder: PathBuf,
    partitions: Vec<Partition<R>>,
    /// The partition of the latest row, which is most likely the next one's.
    current: usize,
}

struct Partition<R> {
    day: i64,
    rows: R,
    written: u64,
    writer: ArrowWriter<File>,
    staged: PathBuf,
    published: PathBuf,
}

impl<R: Rows> Lake<R> {
    /// A lake in `folder`, which is made with the first row.
    pub fn new(folder: PathBuf) -> Self {
        Lake { folder, partitions: Vec::new(), current: 0 }
    }

    /// Writes a row into its date's file, which becomes visible at the end.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    #[inline]
    pub fn append(&mut self, row: &R::Row) -> Result<()> {
        let day = R::time(row).as_micros().div_euclid(DAY);
        if self.partitions.get(self.current).is_none_or(|partition| partition.day != day) {
            self.turn_to(day)?;
        }
        let partition = &mut self.partitions[self.current];
        partition.rows.append(row);
        if partition.rows.len() == BATCH { partition.flush() } else { Ok(()) }
    }

    #[cold]
    fn turn_to(&mut self, day: i64) -> Result<()> {
        self.current =
            self.partitions.iter().position(|partition| partition.day == day).unwrap_or_else(|| self.partitions.len());
        if self.current == self.partitions.len() {
            let date = rfc3339::date(day);
            let folder = self.folder.join(format!("date={}", String::from_utf8_lossy(&date)));
            fs::create_dir_all(&folder)?;
            let staged = folder.join(".part-0.parquet.staged");
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .set_max_row_group_row_count(Some(ROW_GROUP));
            let properties = R::properties(properties).build();
            let writer = ArrowWriter::try_new(File::create(&staged)?, R::schema(), Some(properties))?;
            let published = folder.join("part-0.parquet");
            self.partitions.push(Partition { day, rows: R::new(), written: 0, writer, staged, published });
        }
        Ok(())
    }

    /// Writes what is left and makes the files visible.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn finish(self) -> Result<Written> {
        let mut total = Written::default();
        for mut partition in self.partitions {
            partition.flush()?;
            partition.writer.close()?;
            fs::rename(&partition.staged, &partition.published)?;
            total.files += 1;
            total.bytes += fs::metadata(&partition.published)?.len();
            total.rows += partition.written;
        }
        Ok(total)
    }
}

impl<R: Rows> Partition<R> {
    fn flush(&mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.written += self.rows.len() as u64;
            self.writer.write(&self.rows.take()?)?;
        }
        Ok(())
    }
}

/// Rows of `events/`.
pub struct EventRows {
    schema: SchemaRef,
    event_id: StringBuilder,
    ts: TimestampMicrosecondBuilder,
    user_id: UInt64Builder,
    action: Names,
    amount: Float64Builder,
    country: Names,
    countries: Countries,
    tier: Names,
    session_id: StringBuilder,
    ingested_at: TimestampMicrosecondBuilder,
}

impl Rows for EventRows {
    type Row = EnrichedEvent;

    fn new() -> Self {
        EventRows {
            schema: Self::schema(),
            event_id: StringBuilder::with_capacity(BATCH, BATCH * 24),
            ts: time_builder(),
            user_id: UInt64Builder::with_capacity(BATCH),
            action: Names::new(Action::ALL.map(Action::name)),
            amount: Float64Builder::with_capacity(BATCH),
            country: Names::new([]),
            countries: Countries::new(),
            tier: Names::new(Tier::ALL.map(Tier::name)),
            session_id: StringBuilder::with_capacity(BATCH, BATCH * 12),
            ingested_at: time_builder(),
        }
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("event_id", DataType::Utf8, false),
            Field::new("ts", time(), false),
            Field::new("user_id", DataType::UInt64, false),
            Field::new("action", names(), false),
            Field::new("amount", DataType::Float64, false),
            Field::new("country", names(), true),
            Field::new("tier", names(), true),
            Field::new("session_id", DataType::Utf8, true),
            Field::new("ingested_at", time(), false),
        ]))
    }

    fn properties(mut properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        // A dictionary of values that are nearly all different is work for nothing.
        for column in ["event_id", "ts", "ingested_at"] {
            properties = properties.set_column_dictionary_enabled(column.into(), false);
        }
        for column in ["ts", "ingested_at"] {
            properties = properties.set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
        }
        properties
    }

    fn time(row: &EnrichedEvent) -> Timestamp {
        row.ts
    }

    #[inline]
    fn append(&mut self, row: &EnrichedEvent) {
        self.event_id.append_value(&row.event_id);
        self.ts.append_value(row.ts.as_micros());
        self.user_id.append_value(row.user_id);
        self.action.append(Some(row.action as i8));
        self.amount.append_value(row.amount);
        let (countries, names) = (&mut self.countries, &mut self.country);
        names.append(row.country.map(|country| countries.key(country)));
        self.tier.append(row.tier.map(|tier| tier as i8));
        self.session_id.append_option(row.session_id.as_deref());
        self.ingested_at.append_value(row.ingested_at.as_micros());
    }

    fn len(&self) -> usize {
        self.action.keys.len()
    }

    fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.country.values = Arc::new(StringArray::from_iter_values(self.countries.names.iter().map(Country::as_str)));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.event_id.finish()),
            Arc::new(self.ts.finish()),
            Arc::new(self.user_id.finish()),
            self.action.take()?,
            Arc::new(self.amount.finish()),
            self.country.take()?,
            self.tier.take()?,
            Arc::new(self.session_id.finish()),
            Arc::new(self.ingested_at.finish()),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// Rows of `metrics/`.
pub struct MetricRows {
    minute: TimestampMicrosecondBuilder,
    action: Names,
    count: UInt64Builder,
    revenue: Decimal128Builder,
    users: UInt64Builder,
}

impl Rows for MetricRows {
    type Row = MetricRow;

    fn new() -> Self {
        MetricRows {
            minute: time_builder(),
            action: Names::new(Action::ALL.map(Action::name)),
            count: UInt64Builder::new(),
            revenue: Decimal128Builder::new().with_data_type(revenue()),
            users: UInt64Builder::new(),
        }
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("minute", time(), false),
            Field::new("action", names(), false),
            Field::new("count", DataType::UInt64, false),
            Field::new("revenue", revenue(), false),
            Field::new("users", DataType::UInt64, false),
        ]))
    }

    fn properties(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        properties
    }

    fn time(row: &MetricRow) -> Timestamp {
        row.minute
    }

    fn append(&mut self, row: &MetricRow) {
        self.minute.append_value(row.minute.as_micros());
        self.action.append(Some(row.action as i8));
        self.count.append_value(row.count);
        self.revenue.append_value(row.revenue);
        self.users.append_value(row.users);
    }

    fn len(&self) -> usize {
        self.action.keys.len()
    }

    fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.minute.finish()),
            self.action.take()?,
            Arc::new(self.count.finish()),
            Arc::new(self.revenue.finish()),
            Arc::new(self.users.finish()),
        ];
        RecordBatch::try_new(Self::schema(), columns)
    }
}

/// A column of a few names: a key for each row, the names once.
struct Names {
    keys: Vec<Option<i8>>,
    values: ArrayRef,
}

impl Names {
    fn new<const N: usize>(names: [&str; N]) -> Self {
        Names { keys: Vec::with_capacity(BATCH), values: Arc::new(StringArray::from_iter_values(names)) }
    }

    #[inline]
    fn append(&mut self, key: Option<i8>) {
        self.keys.push(key);
    }

    fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        let keys: Int8Array = self.keys.drain(..).collect();
        Ok(Arc::new(DictionaryArray::try_new(keys, self.values.clone())?))
    }
}

/// The countries that came, numbered in that order.
struct Countries {
    /// By the code's two letters; negative where it has not come.
    keys: [i8; 26 * 26],
    names: Vec<Country>,
}

impl Countries {
    fn new() -> Self {
        Countries { keys: [-1; 26 * 26], names: Vec::new() }
    }

    #[inline]
    fn key(&mut self, country: Country) -> i8 {
        let code = country.as_str().as_bytes();
        let slot = &mut self.keys[usize::from(code[0] - b'A') * 26 + usize::from(code[1] - b'A')];
        if *slot < 0 {
            // The built-in table has a dozen; with more than 127 the cast would wrap and `take` fail.
            *slot = self.names.len() as i8;
            self.names.push(country);
        }
        *slot
    }
}

fn time_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(BATCH).with_data_type(time())
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn names() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
}

/// Millionths, exactly.
fn revenue() -> DataType {
    DataType::Decimal128(38, 6)
}
