//! One run of a query.

use super::tally::{Tally, Total};
use crate::allocations;
use crate::feed::Feed;
use crate::generator::Generator;
use crate::input::{Filled, Preloaded, Start};
use crate::query::Query;
use crate::stopwatch::Time;
use dataflow::DirectRunner;
use dataflow::prelude::*;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;

/// When events are made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Form {
    /// Before the clock starts.
    Preloaded,
    /// On the way.
    Filled,
}

impl Form {
    /// `"preloaded"` or `"filled"`.
    pub fn name(self) -> &'static str {
        match self {
            Form::Preloaded => "preloaded",
            Form::Filled => "filled",
        }
    }
}

/// The events of one run.
#[derive(Clone, Debug)]
pub enum Input {
    /// Those that are made before.
    Preloaded(Preloaded),
    /// Those that are made on the way.
    Filled(Filled),
}

impl Input {
    /// So many events, to be read on so many threads.
    pub fn new(form: Form, generator: &Arc<Generator>, events: u64, threads: u16) -> Self {
        match form {
            Form::Preloaded => Input::Preloaded(Preloaded::new(generator.clone(), events, usize::from(threads))),
            Form::Filled => Input::Filled(Filled::new(generator.clone(), events)),
        }
    }

    fn start(&self) -> &Start {
        match self {
            Input::Preloaded(events) => events.start(),
            Input::Filled(events) => {
                events.start().now();
                events.start()
            }
        }
    }
}

/// What a run took, and what came of it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Run {
    /// The time.
    pub time: Time,
    /// The results.
    pub total: Total,
    /// The allocations, without those of making the events.
    pub allocations: u64,
}

/// Runs `work`, and says what it took since the events of `input` are there.
pub(crate) fn measured<E>(input: &Input, work: impl FnOnce() -> Result<Total, E>) -> Result<Run, E> {
    let before = allocations::so_far();
    let start = input.start();
    let total = work()?;
    let time = start.elapsed();
    let allocations = (allocations::so_far() - before).saturating_sub(start.made());
    Ok(Run { time, total, allocations })
}

/// Runs the pipeline of `Q` on so many threads.
///
/// # Errors
/// If the pipeline cannot be run, or fails.
pub fn engine<Q: Query>(input: &Input, threads: u16) -> Result<Run> {
    measured(input, || {
        let p = Pipeline::new(Q::NAME);
        let events = match input {
            Input::Preloaded(events) => p.read("Events", events.clone()),
            Input::Filled(events) => p.read("Events", events.clone()),
        };
        let tally = Tally::default();
        Q::pipeline(&events).write("Tally", tally.clone());
        let options = PipelineOptions::default().with_threads(threads);
        p.run_on(&DirectRunner::new().handle_signals(false), &options)?.wait_until_finish()?;
        Ok(tally.total())
    })
}

/// Runs the loop of `Q` on one thread, or on two.
///
/// # Errors
/// If it panics.
pub fn by_hand<Q: Query>(input: &Input, threads: u16) -> Result<Run> {
    on_a_thread(input, || match input {
        Input::Preloaded(events) if threads == 1 => alone::<Q>(events.feed()),
        Input::Preloaded(events) => both::<Q, _>(events.feeds()),
        Input::Filled(events) if threads == 1 => alone::<Q>(events.feed()),
        Input::Filled(events) => both::<Q, _>(events.feeds()),
    })
}

fn alone<Q: Query>(feed: impl Feed) -> Total {
    let mut total = Total::default();
    Q::by_hand(feed, |row| total.add(&row));
    total
}

fn both<Q: Query, F: Feed>(feeds: [F; 2]) -> Total {
    let [mut a, mut b] = [Total::default(); 2];
    let (to_a, to_b): (&mut Total, &mut Total) = (&mut a, &mut b);
    Q::by_hand_on_two(feeds, [to_a, to_b].map(|total| move |row| total.add(&row)));
    a.and(b)
}

/// Makes the events, and nothing else, on one thread, or on two.
///
/// # Errors
/// If it panics.
pub fn generation(generator: &Arc<Generator>, events: u64, threads: u16) -> Result<Run> {
    fn make(mut feed: impl Feed) {
        while let Some((events, _)) = feed.next_chunk() {
            events.for_each(|event| _ = black_box(event));
        }
    }
    let events = Filled::new(generator.clone(), events);
    on_a_thread(&Input::Filled(events.clone()), || {
        if threads == 1 {
            make(events.feed());
        } else {
            let [a, b] = events.feeds();
            thread::scope(|scope| {
                scope.spawn(|| make(a));
                make(b);
            });
        }
        Total::default()
    })
}

/// Loops run on a new thread, as the engine does: the allocator has nothing at hand there.
pub(super) fn on_a_thread(input: &Input, work: impl FnOnce() -> Total + Send) -> Result<Run> {
    measured(input, || thread::scope(|scope| scope.spawn(work).join()).map_err(|panic| Error::panicked(&*panic)))
}
