//! The tables of the lake: their columns, and Arrow builders that rows go into one value at a time.

use arrow_array::builder::{
    Decimal128Builder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use dataflow_windows::Timestamp;
use examples::lake::event::{Action, EnrichedEvent};
use examples::lake::users::{Country, Tier};
use parquet::basic::Encoding;
use parquet::file::properties::WriterPropertiesBuilder;
use std::sync::Arc;

use crate::lake_files::{BATCH, Rows};
use crate::lake_metrics::MetricRow;

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

    fn extend(&mut self, rows: &[EnrichedEvent]) {
        rows.iter().for_each(|row| self.event_id.append_value(&row.event_id));
        rows.iter().for_each(|row| self.ts.append_value(row.ts.as_micros()));
        rows.iter().for_each(|row| self.user_id.append_value(row.user_id));
        self.action.keys.extend(rows.iter().map(|row| Some(row.action as i8)));
        rows.iter().for_each(|row| self.amount.append_value(row.amount));
        let (countries, names) = (&mut self.countries, &mut self.country);
        names.keys.extend(rows.iter().map(|row| row.country.map(|country| countries.key(country))));
        self.tier.keys.extend(rows.iter().map(|row| row.tier.map(|tier| tier as i8)));
        rows.iter().for_each(|row| self.session_id.append_option(row.session_id.as_deref()));
        rows.iter().for_each(|row| self.ingested_at.append_value(row.ingested_at.as_micros()));
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
