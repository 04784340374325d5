//! Parquet for `dataflow`.

extern crate self as io_parquet; // the derive macros name the crate so, here as elsewhere

mod compact;
mod field;
mod file_options;
mod hive;
mod lock;
mod partition;
mod row;
mod sink;
mod source;
mod target;

pub use compact::{CompactOptions, CompactPlan, CompactReport, FolderPlan, MergePlan, compact};
pub use dataflow_derive::{ArrowEnum, ArrowRow};
pub use field::{ArrowEnum, ArrowField, BadValue, EnumBuilder, EnumReader, FieldBuilder, FieldReader, ListItem, encoding};
pub use file_options::{Compression, Statistics};
pub use partition::PartitionValue;
pub use row::{ArrowRow, RowBuilder, RowColumn, RowReader};
pub use sink::{ParquetSink, ParquetWriter};
pub use source::{ColumnRef, ParquetReader, ParquetSource, ParquetSplit, Predicate, Scalar, column};
pub use target::WriteMode;

/// What the derive macros' code needs besides.
#[doc(hidden)]
pub mod __private {
    pub use crate::field::{enum_accepts, enum_data_type};
    pub use crate::row::{ColumnReader, bind, record_batch};
    pub use arrow_array::RecordBatch;
    pub use arrow_schema::{DataType, SchemaRef};
    pub use dataflow_core::Result;
}

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
