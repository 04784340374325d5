//! Aggregation: the columns side of `dataflow_exec`'s groupings, whose state it shares.

mod aggregate;
mod by_key;
mod cells;
mod decode;
mod exchange;
mod global;
mod key;
mod operator;
mod view;

pub use aggregate::Aggregate;
pub use by_key::{GroupedColumns, WithLateRows};
pub use global::CombineColumns;
