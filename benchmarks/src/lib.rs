//! The hand-written programs that dataflow is measured against.
//!
//! Each does the job of one of our programs as directly as its author could, without an engine: what dataflow costs is
//! the ratio of the two, measured in one run, interleaved.

pub mod events;
pub mod lake_files;
pub mod lake_loop;
pub mod lake_metrics;
pub mod lake_phases;
pub mod lake_rows;
pub mod measure;
pub mod rows;
