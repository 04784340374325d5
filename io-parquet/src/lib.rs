//! Parquet for `dataflow`: rows that are plain structs, a source, a sink and compaction.
//!
//! # Rows
//! A struct becomes a row by [`#[derive(ArrowRow)]`](macro@ArrowRow): each field is a column with a type of its own, so
//! timestamps stay timestamps and decimals decimals. An enum without fields becomes a column of names by
//! [`#[derive(ArrowEnum)]`](macro@ArrowEnum). [`ArrowField`] lists the types that can be columns.
//!
//! ```
//! use dataflow_windows::Timestamp;
//! use io_parquet::{ArrowEnum, ArrowRow};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, ArrowEnum)]
//! #[arrow(rename_all = "lowercase")]
//! enum Action { Click, View, Purchase }
//!
//! #[derive(Clone, Debug, PartialEq, ArrowRow)]
//! struct Event {
//!     id: String,
//!     at: Timestamp,
//!     action: Action,
//!     #[arrow(decimal(18, 2))]
//!     cents: i128,
//!     session: Option<String>, // files written before it was there can still be read
//! }
//!
//! assert_eq!(Event::schema().field(3).data_type().to_string(), "Decimal128(18, 2)");
//! ```
//!
//! # Writing
//! [`ParquetSink`] writes rows to files in a folder or, with a feature, to an object store: in Hive partitions, rolled
//! by size, rows or age. Readers never see a part of a file.
//!
//! # Reading
//! [`ParquetSource`] reads files, folders and globs, only the columns that the row type has. [Predicates](Predicate) on
//! [columns](column()) skip row groups by their statistics.
//!
//! # Compaction
//! [`compact`] makes few large files of many small ones, partition by partition, while others read.
//!
//! # Features
//! By default: `chrono`, `compact_str` and `rust_decimal`, for fields of their types. `object-store` allows URLs as
//! paths (`memory://` for tests); `s3`, `gcs` and `azure` add those of the clouds, whose settings come from the
//! environment as for their own tools (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT`, ...).
//!
//! # How a row becomes bytes
//! [`ParquetWriter`] takes a batch of rows, finds runs of rows of the same partition, and gives each run to the
//! [builder](RowBuilder) of its file, which appends it column by column. Every 16 Ki rows the builder's Arrow batch is
//! encoded by `parquet`'s `ArrowWriter`. Nothing in that is dynamic per row. A collection of Arrow batches can use the
//! same parts: [`ArrowRow`] converts both ways.

mod compact;
mod file_options;
mod hive;
mod lock;
mod partition;
mod sink;
mod source;
mod target;

pub use compact::{CompactOptions, CompactPlan, CompactReport, FolderPlan, MergePlan, compact};
#[doc(hidden)]
pub use dataflow_arrow::__private;
pub use dataflow_arrow::{
    ArrowEnum, ArrowField, ArrowRow, BadValue, EnumBuilder, EnumReader, FieldBuilder, FieldReader, ListItem,
    RowBuilder, RowColumn, RowReader, encoding,
};
pub use file_options::{Compression, Statistics};
pub use partition::PartitionValue;
pub use sink::{ParquetSink, ParquetWriter};
pub use source::{ColumnRef, ParquetReader, ParquetSource, ParquetSplit, Predicate, Scalar, column};
pub use target::WriteMode;

/// Refuses a path that is a URL, for which a feature is needed.
#[cfg(not(feature = "object-store"))]
fn refuse_url(path: &std::path::Path) -> dataflow_core::Result<()> {
    match path.to_str() {
        Some(url) if url.contains("://") => Err(dataflow_core::Error::options(format!(
            "{url} is in an object store: build with the feature `s3`, `gcs`, `azure` or `object-store` of io-parquet"
        ))),
        _ => Ok(()),
    }
}
