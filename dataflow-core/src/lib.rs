//! What users of `dataflow` write: the [`Pipeline`] graph, typed [`PCollection`]s, [`DoFn`]s and [`CombineFn`]s,
//! [sources](source) and [sinks](sink), [`PipelineOptions`], and the [`Runner`] trait that runs it all.
//!
//! This crate has the contracts; the transforms that a `PCollection` offers (`map`, `group_by_key`, ...) are the
//! extension traits of `dataflow-exec`, beside the operators that run them. Most programs use the facade `dataflow`,
//! whose prelude has everything.
//!
//! From the outside in:
//!
//! - [`Pipeline`] and [`PCollection`] build a [`graph::Graph`];
//! - a [`Runner`] takes it, opens its [`Source`]s and makes the operators of its steps;
//! - between the steps flow [typed batches](plane).

mod broadcast_do_fn;
pub mod coder;
mod combine_fn;
mod data;
mod do_fn;
mod error;
pub mod graph;
mod key;
mod keyed_do_fn;
pub mod metrics;
mod options;
mod pipeline;
pub mod plane;
mod runner;
mod side_input_do_fn;
pub mod sink;
pub mod source;
pub mod state;
pub mod test_stream;

pub use broadcast_do_fn::BroadcastDoFn;
pub use combine_fn::CombineFn;
pub use data::{Coded, Data};
pub use do_fn::{DoFn, Element, Output, Outputs, TaggedDoFn, TaggedOutputs};
pub use error::{BoxError, Error, ErrorKind, Result};
pub use key::{KEY_GROUPS, Key, encode_bytes, key_groups_of, shard_of, stable_hash_of};
pub use keyed_do_fn::{KeyedDoFn, OnWindowExpiration};
pub use metrics::{Counter, Metric, Metrics};
pub use options::PipelineOptions;
pub use pipeline::{PCollection, PTransform, Pipeline, PortCollections, StepSpec};
pub use runner::{PipelineResult, Runner, RunningPipeline};
pub use side_input_do_fn::SideInputDoFn;
pub use sink::{DurableRun, Sink, SinkContext, SinkWriter};
pub use source::{Boundedness, Poll, Progress, Source, SourceReader};
pub use test_stream::TestStream;

pub use dataflow_windows as windows;
