//! The engine and the loop in turn.

use super::memory::{peak_megabytes, reset_peak};
use super::registry::Measured;
use super::run::{Form, Input, Run, generation};
use crate::generator::Generator;
use crate::stopwatch::Time;
use dataflow::prelude::Result;
use std::sync::Arc;
use std::time::Duration;

/// What the engine took beside the loop. Times are nanoseconds per event, on the clock unless it says otherwise; of
/// several runs it is the median.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// When events were made.
    pub form: Form,
    /// How many threads the engine had, and the loop.
    pub threads: u16,
    /// How many events each run had.
    pub events: u64,
    /// The engine's time.
    pub engine_ns: f64,
    /// The loop's time.
    pub loop_ns: f64,
    /// Making the events and dropping them, if that is in the times.
    pub generation_ns: Option<f64>,
    /// The engine's processor time.
    pub engine_cpu_ns: f64,
    /// The loop's processor time.
    pub loop_cpu_ns: f64,
    /// The median of the pairs' ratios of time.
    pub ratio: f64,
    /// The median of the pairs' ratios of processor time.
    pub cpu_ratio: f64,
    /// The time of timely-dataflow, if it was asked for and has the query.
    pub timely_ns: Option<f64>,
    /// How many times as fast as timely-dataflow the engine was: the median of the pairs' ratios of time.
    pub speed_over_timely: Option<f64>,
    /// The same of processor time.
    pub cpu_speed_over_timely: Option<f64>,
    /// Whether all runs had the same results.
    pub results_equal: bool,
    /// How many results the engine had, and the loop.
    pub rows: (u64, u64),
    /// The most memory that the process had in the engine's first run, in megabytes, with preloaded events.
    pub peak_rss_mb: Option<f64>,
    /// The same for the loop's first run, which comes after that.
    pub loop_peak_rss_mb: Option<f64>,
    /// The engine's allocations per event, and those of what the pipeline's user wrote.
    pub allocs_per_event: f64,
    /// The loop's allocations per event: what is beyond them is the engine's.
    pub loop_allocs_per_event: f64,
}

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Makes the events.
    pub generator: Arc<Generator>,
    /// When events are made.
    pub form: Form,
    /// How many events each run has.
    pub events: u64,
    /// How many threads each run has: one or two.
    pub threads: u16,
    /// How often engine and loop run in turn, after a first time that only warms up.
    pub pairs: usize,
    /// Whether timely-dataflow runs, too.
    pub timely: bool,
}

/// Runs `query` in the engine and by hand, in turn.
///
/// ```
/// use nexmark::generator::{Config, Generator};
/// use nexmark::measure::{Form, Plan, all, compare};
///
/// let generator = Generator::new(Config::default()).into();
/// let plan = Plan { generator, form: Form::Filled, events: 1_000, threads: 1, pairs: 1, timely: false };
/// let comparison = compare(&*all()[0], &plan)?;
/// assert!(comparison.results_equal && comparison.rows == (1_000, 1_000));
/// # Ok::<(), dataflow::prelude::Error>(())
/// ```
///
/// # Errors
/// If a run fails.
pub fn compare(query: &dyn Measured, plan: &Plan) -> Result<Comparison> {
    let Plan { ref generator, form, events, threads, pairs, timely } = *plan;
    let on_timely =
        || timely.then(|| query.on_timely(&Input::new(form, generator, events, threads), threads)).flatten();
    let engine = || query.engine(&Input::new(form, generator, events, threads), threads);
    let by_hand = || query.by_hand(&Input::new(form, generator, events, threads), threads);
    reset_peak();
    let first = engine()?;
    let peak_rss_mb = peak_megabytes();
    reset_peak();
    let first_by_hand = by_hand()?;
    let loop_peak_rss_mb = peak_megabytes();
    on_timely().transpose()?;
    let mut runs = Vec::with_capacity(pairs);
    let (mut alone, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..pairs.max(1) {
        let pair = (engine()?, by_hand()?);
        runs.push(pair);
        if let Some(peer) = on_timely().transpose()? {
            peers.push((pair.0, peer));
        }
        if form == Form::Filled {
            alone.push(generation(generator, events, threads)?);
        }
    }
    let none_or = |empty: bool, n: f64| (!empty).then_some(n);
    let per_event = |time: Duration| time.as_secs_f64() * 1e9 / events.max(1) as f64;
    let of = |which: fn(&(Run, Run)) -> Duration| median(runs.iter().map(|pair| per_event(which(pair))));
    let ratio = |runs: &[(Run, Run)], time: fn(Time) -> Duration| {
        median(runs.iter().map(|(a, b)| time(a.time).as_secs_f64() / time(b.time).as_secs_f64().max(1e-9)))
    };
    Ok(Comparison {
        form,
        threads,
        events,
        engine_ns: of(|pair| pair.0.time.clock),
        loop_ns: of(|pair| pair.1.time.clock),
        generation_ns: none_or(alone.is_empty(), median(alone.iter().map(|run: &Run| per_event(run.time.clock)))),
        engine_cpu_ns: of(|pair| pair.0.time.processors),
        loop_cpu_ns: of(|pair| pair.1.time.processors),
        ratio: ratio(&runs, |time| time.clock),
        cpu_ratio: ratio(&runs, |time| time.processors),
        results_equal: first.total == first_by_hand.total
            && runs.iter().chain(&peers).all(|(a, b)| a.total == first.total && b.total == first.total),
        timely_ns: none_or(peers.is_empty(), median(peers.iter().map(|(_, peer)| per_event(peer.time.clock)))),
        speed_over_timely: none_or(peers.is_empty(), 1.0 / ratio(&peers, |time| time.clock)),
        cpu_speed_over_timely: none_or(peers.is_empty(), 1.0 / ratio(&peers, |time| time.processors)),
        rows: (first.total.rows, first_by_hand.total.rows),
        peak_rss_mb,
        loop_peak_rss_mb,
        allocs_per_event: median(runs.iter().map(|(a, _)| a.allocations as f64 / events.max(1) as f64)),
        loop_allocs_per_event: median(runs.iter().enumerate().map(|(i, (_, b))| {
            // Loops make filled events themselves.
            let made = alone.get(i).map_or(0, |run| run.allocations);
            b.allocations.saturating_sub(made) as f64 / events.max(1) as f64
        })),
    })
}

/// How much faster two threads are than one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Speedup {
    /// The engine's time on one thread / its time on two.
    pub engine: f64,
    /// The same of the loop.
    pub by_hand: f64,
    /// The engine's speed-up / that of the loop.
    pub ratio: f64,
}

/// Runs `query` on one and two threads in the engine and by hand, in turn.
///
/// # Errors
/// If a run fails.
pub fn speedup(
    query: &dyn Measured,
    form: Form,
    generator: &Arc<Generator>,
    events: u64,
    pairs: usize,
) -> Result<Speedup> {
    let input = |threads| Input::new(form, generator, events, threads);
    let mut rounds = Vec::with_capacity(pairs);
    for round in 0..=pairs.max(1) {
        let [one, two] = [1, 2].map(|threads| query.engine(&input(threads), threads));
        let [loop_one, loop_two] = [1, 2].map(|threads| query.by_hand(&input(threads), threads));
        if round > 0 {
            let times = |one: Run, two: Run| one.time.clock.as_secs_f64() / two.time.clock.as_secs_f64().max(1e-9);
            rounds.push((times(one?, two?), times(loop_one?, loop_two?)));
        }
    }
    Ok(Speedup {
        engine: median(rounds.iter().map(|round| round.0)),
        by_hand: median(rounds.iter().map(|round| round.1)),
        ratio: median(rounds.iter().map(|round| round.0 / round.1)),
    })
}

/// The one in the middle. Of none, 0.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
