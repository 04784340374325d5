//! The programs that show what dataflow is for, and the parts they are made of.
//!
//! [`lake`] is the main job: raw JSON events become a clean, queryable lake of Parquet files. [`flights`] is a small one
//! on real data: departures, cancellations and delays per hour, airport and airline.
//!
//! The others are made to be copied. Each is a function from collections to collections, a thin program that reads and
//! prints lines of JSON, and a test that plays a stream step by step:
//!
//! - [`fraud`]: state and timers of a key; purchases that look as if the card was stolen
//! - [`sessions`]: visits to a site, from clicks; early results, late clicks
//! - [`topk`]: the most viewed articles per hour, also while the hour goes on
//! - [`late_corrections`]: revenue that is corrected when sales come late
//! - [`enrichment`]: orders in euros, with exchange rates that change

pub mod console;
pub mod enrichment;
pub mod flights;
pub mod fraud;
pub mod lake;
pub mod late_corrections;
pub mod sessions;
pub mod time;
pub mod topk;
