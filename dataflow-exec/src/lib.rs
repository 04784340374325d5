//! The transforms that a `PCollection` offers, the operators that run them, and the [`Executor`] of one shard.
//!
//! Each file in `transforms` has one transform: the extension trait that users call in front, the operator behind it, its
//! tests below. All runners execute these operators, so a transform means the same on each of them. Nothing here does
//! I/O, reads a clock or blocks: a runner moves batches and messages, and passes the time in.
//!
//! ```
//! use dataflow_core::{Pipeline, PipelineOptions};
//! use dataflow_exec::transforms::*;
//!
//! let p = Pipeline::new("lengths");
//! let words = p.create("Words", vec!["beam".to_owned(), "flink".to_owned()]);
//! let lengths = words.map_ref("Length", |w| w.len());
//! words.map("Loud", |w| w.to_uppercase()).collect("Print");
//! lengths.key_by("Parity", |n| n % 2).group_by_key("Group").collect("Groups");
//!
//! // How it will be run.
//! let text = p.explain(&PipelineOptions::default().with_threads(2));
//! # let text: String = text.lines().filter(|l| !l.contains("path: ")).map(|l| format!("{l}\n")).collect();
//! assert_eq!(text, r#"pipeline "lengths" on 2 threads
//! stage 1: 4 steps, fused; elements go on to the thread of their key for Group
//!   Words [Read: 2 values]
//!       -> String, global window
//!   Length [Map] <- Words
//!       reads the elements of Words by reference, beside Loud
//!       -> usize, global window
//!   Loud [Map] <- Words
//!       takes the elements of Words when Length has had them
//!       -> String, global window
//!   Print [Write: memory] <- Loud
//! stage 2: 2 steps, fused
//!   Group [GroupByKey: by Parity] <- Length (exchange by key)
//!       -> (usize, Vec<usize>), global window
//!   Groups [Write: memory] <- Group
//! "#);
//! ```

pub mod combiners;
mod executor;
pub mod testing;
pub mod transforms;

pub use executor::{EdgeId, Executor, Message, Snapshot};
