//! Columns for `dataflow`: collections that flow as Arrow record batches, and rows that are plain structs.
//!
//! # Rows
//! A struct becomes a row by [`#[derive(ArrowRow)]`](macro@ArrowRow): each field is a column with a type of its own, so
//! timestamps stay timestamps and decimals decimals. An enum without fields becomes a column of names by
//! [`#[derive(ArrowEnum)]`](macro@ArrowEnum). [`ArrowField`] lists the types that can be columns.

extern crate self as dataflow_arrow; // the derive macros name the crate so, here as elsewhere

mod batch;
mod columns;
mod field;
mod grouping;
mod operator;
mod port;
mod row;
mod source;
mod transforms;

pub use batch::{ColumnBatch, columns_of};
pub use columns::Columns;
pub use dataflow_derive::{ArrowEnum, ArrowRow};
pub use field::{
    ArrowEnum, ArrowField, BadValue, EnumBuilder, EnumReader, FieldBuilder, FieldReader, ListItem, TextReader,
    encoding, in_micros,
};
pub use grouping::{Aggregate, CombineColumns, GroupedColumns, WithLateRows};
pub use operator::ColumnOperator;
pub use port::{ColumnEmitter, ColumnPorts, ColumnRow};
pub use row::{ArrowRow, RowBuilder, RowColumn, RowReader};
pub use source::ReadColumns;
pub use transforms::ToColumns;

pub use arrow_array as array;
pub use arrow_schema as schema;

/// What the derive macros' code needs besides.
#[doc(hidden)]
pub mod __private {
    pub use crate::field::{enum_accepts, enum_data_type};
    pub use crate::row::{ColumnReader, bind, record_batch};
    pub use arrow_array::RecordBatch;
    pub use arrow_schema::{DataType, SchemaRef};
    pub use dataflow_core::Result;
}
