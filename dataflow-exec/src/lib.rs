//! The transforms that a `PCollection` offers, the operators that run them, and the [`Executor`] of one shard.
//!
//! Each file in `transforms` has one transform: the extension trait that users call in front, the operator behind it, its
//! tests below. All runners execute these operators, so a transform means the same on each of them. Nothing here does
//! I/O, reads a clock or blocks: a runner moves batches and messages, and passes the time in.
//!
//! ```
//! use dataflow_core::Pipeline;
//! use dataflow_exec::transforms::*;
//!
//! let p = Pipeline::new("lengths");
//! let words = p.create("Words", vec!["beam".to_owned(), "flink".to_owned()]);
//! let lengths = words.map("Length", |w: String| w.len());
//! println!("{}", p.explain(&Default::default()));
//! # assert!(p.check().is_ok());
//! ```

pub mod combiners;
mod executor;
pub mod testing;
pub mod transforms;

pub use executor::{EdgeId, Executor, Message, Snapshot};
