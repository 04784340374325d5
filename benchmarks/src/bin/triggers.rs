//! What triggers, lateness and panes cost beside the default trigger: events of 48 bytes, counted per user and minute.
//!
//! The default trigger and each of the others run in turn (A B A B …); the median of the ratios of the pairs is what
//! counts. `triggers [EVENTS] [PAIRS] [NAME]`.

use benchmarks::events::{Events, WINDOW};
use benchmarks::measure::{median, time};
use dataflow_core::{BoxError, Counter, DoFn, Element, Output, Pipeline, PipelineOptions, Result};
use dataflow_exec::transforms::*;
use dataflow_windows::{
    AfterCount, AfterProcessingTime, AfterWatermark, Duration, FixedWindows, Sessions, SlidingWindows, Windowing,
    WindowingStrategy,
};
use runner_direct::DirectRunner;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of panes, and of events in their last ones or in all of them.
fn run(events: u64, windowing: WindowingStrategy) -> Result<(u64, u64)> {
    let p = Pipeline::new("triggers");
    let windowed = p.read("Read", Events(events)).window("Window", windowing);
    let (panes, counted) = (p.counter("Add", "panes"), p.counter("Add", "counted"));
    let add = Add { panes: panes.clone(), counted: counted.clone(), bundle: (0, 0) };
    windowed.key_by("User", |e| e.user).count("Count").par_do("Add", add);
    let runner = DirectRunner::new().handle_signals(false);
    p.run_on(&runner, &PipelineOptions::default().with_threads(1))?.wait_until_finish()?;
    Ok((panes.get(), counted.get()))
}

/// Adds up the panes.
#[derive(Clone)]
struct Add {
    panes: Counter,
    counted: Counter,
    bundle: (u64, u64),
}

impl DoFn for Add {
    type In = (u64, u64);
    type Out = ();

    fn process(&mut self, e: Element<(u64, u64)>, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        self.bundle.0 += 1;
        self.bundle.1 += e.value.1;
        Ok(())
    }

    fn finish_bundle(&mut self, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        let (panes, counted) = std::mem::take(&mut self.bundle);
        self.panes.add(panes);
        self.counted.add(counted);
        Ok(())
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: u64| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (events, pairs) = (number(0, 10_000_000), number(1, 7));
    let fixed = WindowingStrategy::of(FixedWindows::of(WINDOW));
    let late = fixed.clone().allowed_lateness(Duration::minutes(10));
    let at_end = AfterWatermark::past_end_of_window().late(AfterCount::at_least(1));
    let sliding = SlidingWindows::of(WINDOW).every(Duration::seconds(12));
    let cases = [
        ("late firings", late.clone().triggering(at_end.clone())),
        ("early by count", late.clone().triggering(at_end.clone().early(AfterCount::at_least(100)))),
        ("early at every bundle", late.clone().triggering(at_end.clone().early(AfterCount::at_least(1)))),
        (
            "early by time, accumulating",
            late.triggering(at_end.clone().early(AfterProcessingTime::delay(Duration::seconds(1)))).accumulating(),
        ),
        ("sliding, five windows each", WindowingStrategy::of(sliding)),
        ("sliding, early at every bundle", sliding.triggering(at_end.clone().early(AfterCount::at_least(1)))),
        ("sliding, early by time", sliding.triggering(at_end.early(AfterProcessingTime::delay(Duration::seconds(1))))),
        ("sessions", WindowingStrategy::of(Sessions::with_gap(Duration::seconds(1)))),
    ];
    let ns = |seconds: f64| seconds * 1e9 / events as f64;
    for (name, windowing) in cases.iter().filter(|(name, _)| args.get(2).is_none_or(|only| name.contains(only))) {
        let (mut ratios, mut plain, mut with) = (Vec::new(), Vec::new(), Vec::new());
        let mut panes = 0;
        for pair in 0..=pairs {
            let (a, plain_wall, _) = time(|| run(events, fixed.clone()));
            let (b, wall, _) = time(|| run(events, windowing.clone()));
            let (a, b) = (a?, b?);
            let discarding = !name.contains("accumulating") && !name.contains("sliding");
            assert!(!discarding || a.1 == b.1, "each event is in one pane: {a:?}, {b:?}");
            panes = b.0;
            if pair > 0 {
                // The first pair warms up.
                ratios.push(wall / plain_wall);
                plain.push(ns(plain_wall));
                with.push(ns(wall));
            }
        }
        println!(
            "{name}: {:.2} x the default trigger ({:.1} and {:.1} ns/event, {panes} panes)",
            median(ratios),
            median(with),
            median(plain)
        );
    }
    Ok(())
}
