//! What [`Columns`](crate::Columns) offer, a transform a file.

mod assign;
mod batches;
mod convert;
mod filter;
mod project;

pub(crate) use assign::{check_time, read_times};
pub use convert::ToColumns;
