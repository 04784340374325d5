//! Nexmark, the common benchmark of stream processors: an auction house with persons, auctions and bids.
//!
//! Each query is there twice: as the [pipeline](query::Query::pipeline) that a user of dataflow would write, and as a
//! [loop](query::Query::by_hand) written by hand without an engine, as fast as its author could make it. The loop is the
//! oracle for the results and the limit for the speed.
//!
//! Sources: Tucker, Tufte, Papadimos, Maier, "NEXMark, a benchmark for queries over data streams"; the suite of Apache
//! Beam (<https://beam.apache.org/documentation/sdks/java/testing/nexmark/>); that of Flink for q10 and later.

pub mod allocations;
pub mod by_hand;
pub mod event;
pub mod feed;
pub mod generator;
pub mod input;
pub mod latency;
pub mod measure;
#[cfg(feature = "timely")]
pub mod on_timely;
pub mod queries;
pub mod query;
pub mod stopwatch;
