//! What is combined before it leaves its thread, what is not, and where elements are dropped that were only looked at.

#![allow(clippy::unwrap_used)]

use dataflow_core::{CombineFn, Pipeline, PipelineOptions};
use dataflow_exec::combiners::Max;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, Repeatedly, Sessions, SlidingWindows};
use dataflow_windows::{Timestamp, Windowing, WindowingStrategy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};

/// Counts, and counts how often it is asked to merge.
#[derive(Clone, Default)]
struct Watched {
    adds: Arc<AtomicU64>,
    merges: Arc<AtomicU64>,
}

impl CombineFn for Watched {
    type In = u64;
    type Acc = u64;
    type Out = u64;

    fn create(&self) -> u64 {
        0
    }
    fn add(&self, acc: &mut u64, _: &u64) {
        self.adds.fetch_add(1, Ordering::Relaxed);
        *acc += 1;
    }
    fn merge(&self, acc: &mut u64, other: u64) {
        self.merges.fetch_add(1, Ordering::Relaxed);
        *acc += other;
    }
    fn extract(&self, acc: u64) -> u64 {
        acc
    }
}

const MANY: u64 = 40_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_seconds(second as i64)
}

fn sliding() -> SlidingWindows {
    SlidingWindows::of(Duration::seconds(10_000)).every(Duration::seconds(5_000))
}

#[test]
fn little_is_sent_where_keys_come_again() {
    for windowing in [WindowingStrategy::of(FixedWindows::of(Duration::seconds(10_000))), sliding().into()] {
        for threads in [2, 5] {
            let p = Pipeline::new("few");
            let watched = Watched::default();
            let numbers = p.create_timestamped("Numbers", (0..MANY).map(|n| (n, at(n))).collect::<Vec<_>>());
            let windowed = numbers.window("Window", windowing.clone());
            let out = windowed.key_by("Last", |n| n % 4).combine_per_key("Count", watched.clone()).collect("Out");
            Way::on(threads).run(&p).unwrap();
            assert_eq!(watched.adds.load(Ordering::Relaxed), MANY);
            let merges = watched.merges.load(Ordering::Relaxed);
            assert!(merges < MANY / 50, "{threads} threads, {windowing:?}: {merges} merges");
            let windows = if windowing == sliding().into() { 2 } else { 1 };
            assert_eq!(out.sorted().iter().map(|(_, n)| n).sum::<u64>(), MANY * windows);
        }
    }
}

#[test]
fn keys_that_do_not_come_again_lose_nothing() {
    for way in [Way::on(1), Way::on(2), Way::on(5), Way::on(2).seed(2), Way::on(3).restart_every(25)] {
        let p = Pipeline::new("many");
        let numbers = p.create_timestamped("Numbers", (0..MANY).map(|n| (n, at(n))).collect::<Vec<_>>());
        let windowed = numbers.window("Window", FixedWindows::of(Duration::seconds(15_000)));
        // Small elements and accumulators, large elements, accumulators that own memory.
        let counts = windowed.key_by("Number", |n| *n).count("Count").collect("Counts");
        let strings = windowed.map("Text", |n| (n, n.to_string()));
        let lengths = strings.combine_per_key("Longest", Max::of(String::len)).collect("Lengths");
        let tops = windowed.key_by("Number too", |n| *n).top("Top", 2, |n| *n).collect("Tops");
        let metrics = way.run(&p).unwrap();
        assert_eq!(counts.sorted(), (0..MANY).map(|n| (n, 1)).collect::<Vec<_>>(), "{way:?}");
        assert_eq!(lengths.sorted(), (0..MANY).map(|n| (n, Some(n.to_string().len()))).collect::<Vec<_>>(), "{way:?}");
        assert_eq!(tops.sorted(), (0..MANY).map(|n| (n, vec![n])).collect::<Vec<_>>(), "{way:?}");
        assert_eq!(metrics.get("Count", "elements_in"), MANY, "{way:?}");
    }
}

#[test]
fn windows_of_all_kinds_have_all_their_elements() {
    let early = AfterWatermark::past_end_of_window().early(Repeatedly::forever(AfterCount::at_least(100)));
    let kinds: [WindowingStrategy; 4] = [
        FixedWindows::of(Duration::seconds(1_000)).into(),
        SlidingWindows::of(Duration::seconds(1_000)).every(Duration::seconds(300)).into(),
        FixedWindows::of(Duration::seconds(1_000)).triggering(early).discarding(),
        Sessions::with_gap(Duration::seconds(100)).into(),
    ];
    const N: u64 = 6_000;
    for windowing in kinds {
        let mut first = None;
        for way in WAYS {
            let p = Pipeline::new("kinds");
            // Out of order, and with a pause in each thousand, which ends sessions.
            let events = (0..N).map(|n| n ^ 7).filter(|n| n % 1_000 < 850).map(|n| (n, at(n)));
            let events = p.create_timestamped("Events", events.collect::<Vec<_>>()).window("Window", windowing.clone());
            let out = events.key_by("Key", |n| n % 7).count("Count").collect("Out");
            way.run(&p).unwrap();
            let mut counts = std::collections::BTreeMap::new();
            for e in out.elements() {
                *counts.entry((e.value.0, e.window())).or_insert(0) += e.value.1;
            }
            assert_eq!(*first.get_or_insert_with(|| counts.clone()), counts, "{windowing:?} {way:?}");
        }
    }
}

#[test]
fn explain_says_what_is_combined_and_why_not() {
    let p = Pipeline::new("explained");
    let words = p.create("Words", vec![("a".to_owned(), 1u64)]);
    words.count("Count").collect("Counts");
    words.late_data().count("CountLate").0.collect("Late");
    words.window("Sessions", Sessions::with_gap(Duration::seconds(1))).count("CountSessions").collect("Out");
    words.group_by_key("Group").collect("Groups");
    let shown = p.explain(&PipelineOptions::default().with_threads(2));
    for line in [
        "Count [Combine.PerKey] <- Words (combined before the exchange by key)",
        "CountLate [Combine.PerKey] <- Words (exchange by key; not combined before, since late elements are an output)",
        "CountSessions [Combine.PerKey] <- Sessions (exchange by key; not combined before, since windows are joined by key)",
        "Group [GroupByKey] <- Words (exchange by key)\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(!p.explain(&PipelineOptions::default().with_threads(1)).contains("combined"), "one thread sends nothing");
}

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED_BY_MAKER: AtomicU64 = AtomicU64::new(0);
static DROPPED_BY_OTHERS: AtomicU64 = AtomicU64::new(0);

/// Knows who has made it.
struct Owned(u64, ThreadId);

impl Owned {
    fn new(n: u64) -> Self {
        MADE.fetch_add(1, Ordering::Relaxed);
        Owned(n, thread::current().id())
    }
}

impl Clone for Owned {
    fn clone(&self) -> Self {
        Owned::new(self.0)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let dropped = if self.1 == thread::current().id() { &DROPPED_BY_MAKER } else { &DROPPED_BY_OTHERS };
        dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn elements_that_were_only_looked_at_are_dropped_by_the_thread_that_has_made_them() {
    let p = Pipeline::new("home");
    let owned = p.create("Numbers", 0..MANY / 4).map("Make", Owned::new);
    let (sums, _late) = owned.key_by("Key", |o| o.0 % 100).late_data().sum("Sum", |o| o.0);
    let sums = sums.collect("Sums");
    Way::on(2).run(&p).unwrap();
    assert_eq!(sums.sorted().iter().map(|(_, sum)| sum).sum::<u64>(), (0..MANY / 4).sum::<u64>());
    let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
    assert_eq!((of(&MADE), of(&DROPPED_BY_OTHERS)), (MANY / 4, 0));
    assert_eq!(of(&DROPPED_BY_MAKER), MANY / 4, "nothing is kept");
}
