//! Tests with real brokers: `./test.sh kafka` runs them. Most share one; those that kill it have their own.

#![allow(clippy::unwrap_used)]

mod durable;
mod errors;
mod outages;
mod positions;
mod reading;
mod support;
mod transactions;
mod watermarks;
mod writing;
