//! What tests of pipelines need: [`PAssert`] says what a collection must hold, [`TestStreamProgram`] is a stream of events
//! that can be made up at random, shrunk and printed as code, and [`KeyedDoFnTester`] steps code with state and timers
//! without a pipeline.
//!
//! Runs, threads, seeds and restarts are in `TestPipeline` of the facade `dataflow`, as they are a runner's.

mod diff;
mod keyed_do_fn;
mod part;
mod passert;
mod program;
#[cfg(feature = "proptest")]
mod streams;

pub use keyed_do_fn::{KeyedDoFnTester, SetTimer};
pub use passert::PAssert;
pub use program::{StreamEvent, TestStreamProgram};
#[cfg(feature = "proptest")]
pub use streams::{Streams, streams};
