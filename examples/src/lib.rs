//! The programs that show what dataflow is for, and the parts they are made of.
//!
//! [`lake`] is the main job: raw JSON events become a clean, queryable lake of Parquet files.

pub mod lake;
