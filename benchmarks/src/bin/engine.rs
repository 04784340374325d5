//! What the engine costs beside a hand-written loop: map → filter → fixed window → keyed count over events of 48 bytes.
//!
//! Both make each event on the way, from the same function. They run in turn (A B A B …); the median of the ratios of the
//! pairs is what counts. `engine [EVENTS] [PAIRS] [THREADS]`.

use benchmarks::events::{Event, Events, LATEST, WINDOW, event};
use benchmarks::measure::{median, time};
use dataflow_core::{BoxError, Counter, DoFn, Element, Output, Pipeline, PipelineOptions, Result};
use dataflow_exec::transforms::*;
use dataflow_windows::{FixedWindows, Timestamp, Window};
use hashbrown::HashMap;
use runner_direct::DirectRunner;
use std::hint::black_box;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[inline]
fn changed(e: Event) -> Event {
    Event { amount: e.amount * 908 / 1_000, spare: e.id ^ e.spare, ..e }
}

#[inline]
fn is_kept(e: &Event) -> bool {
    e.kind != 3
}

/// What the engine and the loop must agree on: the number of results, and a checksum.
type Outcome = (u64, u64);

fn check(window: Window, user: u64, count: u64) -> u64 {
    (window.start().as_micros() as u64).wrapping_mul(31).wrapping_add(user).wrapping_mul(count)
}

fn engine(events: u64, threads: u16) -> Result<Outcome> {
    let p = Pipeline::new("engine");
    let changed = p.read("Read", Events(events)).map("Change", changed).filter("Keep", is_kept);
    let counts = changed.window("Window", FixedWindows::of(WINDOW)).key_by("User", |e| e.user).count("Count");
    let (sum, results) = (p.counter("Check", "sum"), p.counter("Check", "results"));
    counts.par_do("Check", Check { sum: sum.clone(), results: results.clone(), bundle: (0, 0) });
    let runner = DirectRunner::new().handle_signals(false);
    p.run_on(&runner, &PipelineOptions::default().with_threads(threads))?.wait_until_finish()?;
    Ok((results.get(), sum.get()))
}

/// Adds up the results.
#[derive(Clone)]
struct Check {
    sum: Counter,
    results: Counter,
    bundle: Outcome,
}

impl DoFn for Check {
    type In = (u64, u64);
    type Out = ();

    fn process(&mut self, e: Element<(u64, u64)>, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        self.bundle.0 += 1;
        self.bundle.1 = self.bundle.1.wrapping_add(check(e.window(), e.value.0, e.value.1));
        Ok(())
    }

    fn finish_bundle(&mut self, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        let (results, sum) = std::mem::take(&mut self.bundle);
        self.results.add(results);
        self.sum.add(sum);
        Ok(())
    }
}

/// The same by hand: one open table per window, which closes when the watermark passes its end.
fn by_hand(events: u64) -> Outcome {
    type Table = HashMap<u64, u64, foldhash::fast::RandomState>;
    let fixed = FixedWindows::of(WINDOW);
    let mut open: Vec<(Window, Table)> = Vec::new();
    let (mut results, mut sum) = (0, 0u64);
    let mut spare: Vec<Table> = Vec::new();
    let mut close = |(window, mut table): (Window, Table), spare: &mut Vec<Table>| {
        results += table.len() as u64;
        for (user, count) in table.drain() {
            sum = sum.wrapping_add(check(window, user, count));
        }
        spare.push(table); // its memory is used again
    };
    let mut current = 0;
    for i in 0..events {
        let e = changed(event(i));
        if is_kept(&e) {
            let t = Timestamp::from_micros(e.time);
            if !open.get(current).is_some_and(|(w, _)| w.contains(t)) {
                let window = fixed.assign(t);
                current = open.iter().position(|(w, _)| *w == window).unwrap_or_else(|| {
                    open.push((window, spare.pop().unwrap_or_default()));
                    open.len() - 1
                });
            }
            *open[current].1.entry(e.user).or_insert(0) += 1;
        }
        if i % 1_024 == 0 {
            let watermark = Timestamp::from_micros(i as i64 * 1_000 - LATEST);
            while let Some(at) = open.iter().position(|(w, _)| w.is_over(watermark)) {
                close(open.swap_remove(at), &mut spare);
                current = usize::MAX;
            }
        }
    }
    open.into_iter().for_each(|window| close(window, &mut spare));
    (results, sum)
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap_or(0));
    let events = args.next().filter(|n| *n > 0).unwrap_or(20_000_000);
    let pairs = args.next().filter(|n| *n > 0).unwrap_or(7);
    let threads = args.next().filter(|n| *n > 0).unwrap_or(1) as u16;
    assert_eq!(size_of::<Event>(), 48);
    let ns = |seconds: f64| seconds * 1e9 / events as f64;
    let (_, making, _) = time(|| (0..events).for_each(|i| _ = black_box(event(i))));
    println!("making the events alone: {:.1} ns/event", ns(making));
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for pair in 0..=pairs {
        let (ours, engine_wall, engine_cpu) = time(|| engine(events, threads));
        let (theirs, loop_wall, loop_cpu) = time(|| by_hand(events));
        assert_eq!(ours?, theirs, "engine and loop must agree");
        if pair > 0 {
            // The first pair warms up.
            wall.push(engine_wall / loop_wall);
            cpu.push(engine_cpu / loop_cpu);
            let (ours, theirs) = (ns(engine_wall), ns(loop_wall));
            println!("engine {ours:.1} ns/event, loop {theirs:.1} ns/event, ratio {:.3}", engine_wall / loop_wall);
        }
    }
    println!(
        "median ratio of {pairs} pairs, {threads} thread(s): {:.3}; of processor time: {:.3}",
        median(wall),
        median(cpu)
    );
    Ok(())
}
