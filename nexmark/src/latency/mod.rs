//! How long it takes from an event to the result, at a fixed rate on the clock.
//!
//! Events come when they are due, and event time goes on with the clock, or so many times as fast. A result of a window
//! is late by the time since the event was due that moved the watermark past the window's end; one that is in no window,
//! since its own time, which is when the event was due that it came of, if events come in order.

mod arrivals;
mod paced;
mod stalls;

pub use arrivals::{Arrivals, ArrivalsWriter};
pub use paced::{Paced, PacedReader, Times};
pub use stalls::Stalls;

use crate::query::Query;
use dataflow::DirectRunner;
use dataflow::prelude::*;
use std::time::Duration;

/// How long something took, many times.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// From all that were measured.
    pub fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Durations(all)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The one that `share` of all are not longer than, from 0 to 1. Of none, zero.
    ///
    /// ```
    /// use nexmark::latency::Durations;
    /// use std::time::Duration;
    ///
    /// let durations = Durations::new((1..=100).map(Duration::from_millis).collect());
    /// assert_eq!(durations.percentile(0.5), Duration::from_millis(50));
    /// assert_eq!(durations.percentile(1.0), Duration::from_millis(100));
    /// ```
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or_default()
    }
}

/// What a run at a fixed rate showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Latency {
    /// From events to results.
    pub results: Durations,
    /// By how much a thread that does nothing but sleep was woken too late meanwhile.
    pub stalls: Durations,
}

/// Runs the pipeline of `Q` on `events`, on so many threads.
///
/// # Errors
/// If the pipeline cannot be run, or fails.
pub fn measure<Q: Query>(events: &Paced, threads: u16) -> Result<Latency> {
    let p = Pipeline::new(Q::NAME);
    let arrivals = Arrivals::new(events.times().clone());
    Q::pipeline(&p.read("Events", events.clone())).write("Arrivals", arrivals.clone());
    let stalls = Stalls::watch();
    let options = PipelineOptions::default().with_threads(threads);
    let done = p.run_on(&DirectRunner::new().handle_signals(false), &options).and_then(|mut r| r.wait_until_finish());
    let stalls = stalls.end();
    done?;
    Ok(Latency { results: arrivals.latencies(), stalls })
}
