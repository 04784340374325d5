//! All queries, with their types erased.

use super::columns::OfColumns;
use super::run::{self, Input, Run};
use crate::for_all_queries;
use crate::generator::{Config, Generator};
use crate::input::Filled;
use crate::latency::{self, Latency, Paced};
use crate::queries::columns::{q1::Q1Columns, q5::Q5Columns, q7::Q7Columns};
use crate::query::Query;
use dataflow::prelude::*;
use std::marker::PhantomData;

/// A [`Query`] that can be run.
pub trait Measured: Sync {
    /// See [`Query::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Query::PATH`].
    fn path(&self) -> &'static str;
    /// See [`Query::QUESTION`].
    fn question(&self) -> &'static str;

    /// Runs its pipeline.
    ///
    /// # Errors
    /// If the pipeline cannot be run, or fails.
    fn engine(&self, input: &Input, threads: u16) -> Result<Run>;

    /// Runs its loop on one thread, or on two.
    ///
    /// # Errors
    /// If the loop panics.
    fn by_hand(&self, input: &Input, threads: u16) -> Result<Run>;

    /// Runs it on timely-dataflow, if this is built with the feature `timely` and the query is written for that.
    ///
    /// # Errors
    /// If it panics.
    fn on_timely(&self, input: &Input, threads: u16) -> Option<Result<Run>>;

    /// Runs its pipeline on events that come when they are due.
    ///
    /// # Errors
    /// If the pipeline cannot be run, or fails.
    fn latency(&self, events: &Paced, threads: u16) -> Result<Latency>;

    /// How its pipeline is run.
    fn explain(&self, threads: u16) -> String;
}

struct Of<Q>(PhantomData<fn() -> Q>);

impl<Q: Query> Measured for Of<Q> {
    fn name(&self) -> &'static str {
        Q::NAME
    }

    fn path(&self) -> &'static str {
        Q::PATH
    }

    fn question(&self) -> &'static str {
        Q::QUESTION
    }

    fn engine(&self, input: &Input, threads: u16) -> Result<Run> {
        run::engine::<Q>(input, threads)
    }

    fn by_hand(&self, input: &Input, threads: u16) -> Result<Run> {
        run::by_hand::<Q>(input, threads)
    }

    #[cfg(feature = "timely")]
    fn on_timely(&self, input: &Input, threads: u16) -> Option<Result<Run>> {
        crate::on_timely::run(Q::NAME, Q::PATH, input, threads)
    }

    #[cfg(not(feature = "timely"))]
    fn on_timely(&self, _: &Input, _: u16) -> Option<Result<Run>> {
        None
    }

    fn latency(&self, events: &Paced, threads: u16) -> Result<Latency> {
        latency::measure::<Q>(events, threads)
    }

    fn explain(&self, threads: u16) -> String {
        let p = Pipeline::new(Q::NAME);
        let events = p.read("Events", Filled::new(Generator::new(Config::default()).into(), 1));
        Q::pipeline(&events).write("Tally", super::Tally::default());
        p.explain(&PipelineOptions::default().with_threads(threads))
    }
}

macro_rules! list {
    ($($query:ty,)*) => {
        /// All queries, in the order of their numbers.
        pub fn all() -> Vec<Box<dyn Measured>> {
            let mut all: Vec<Box<dyn Measured>> = vec![$(Box::new(Of::<$query>(PhantomData))),*];
            let columns: [Box<dyn Measured>; 3] = [
                Box::new(OfColumns::<Q1Columns>(PhantomData)),
                Box::new(OfColumns::<Q5Columns>(PhantomData)),
                Box::new(OfColumns::<Q7Columns>(PhantomData)),
            ];
            // Behind the other forms of the same query.
            for form in columns {
                let place = all.iter().rposition(|other| other.name() == form.name()).map_or(all.len(), |i| i + 1);
                all.insert(place, form);
            }
            all
        }
    };
}

for_all_queries!(list);
