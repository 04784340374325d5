//! The programs that show what dataflow is for, and the parts they are made of.
//!
//! [`lake`] is the main job: raw JSON events become a clean, queryable lake of Parquet files. [`flights`] is a small one
//! on real data: departures, cancellations and delays per hour, airport and airline.

pub mod flights;
pub mod lake;
