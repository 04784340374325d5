//! Runs queries, in the engine and by hand, and compares what they take.

mod columns;
mod compare;
mod memory;
mod registry;
mod run;
mod tally;

pub use compare::{Comparison, Plan, Speedup, compare, median, speedup};
pub use memory::{peak_megabytes, reset_peak};
pub use registry::{Measured, all};
#[cfg(feature = "timely")]
pub(crate) use run::measured;
pub use run::{Form, Input, Run, by_hand, engine, generation};
pub use tally::{Tally, TallyWriter, Total};
