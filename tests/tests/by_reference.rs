//! Elements that own memory and are only looked at behind an exchange: nothing is moved, copied or lost.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{KeyContext, Value};
use dataflow_core::{BoxError, Data, Element, KeyedDoFn, Output, PCollection, Pipeline, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{Duration, FixedWindows, SlidingWindows, Timestamp, WindowingStrategy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Done = Result<(), BoxError>;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds as i64)
}

#[derive(Default, StateRow)]
struct Seen {
    count: Value<u64>,
    letters: Value<u64>,
}

fn count(c: &KeyContext<'_, u64>, word: &str, seen: &mut Seen, out: &mut Output<'_, String>) {
    *seen.count.or_default() += 1;
    *seen.letters.or_default() += word.len() as u64;
    // The order within a window is free, where several readers have a part of it.
    out.emit(format!("{} of {}: {}, {}", word.len(), c.key(), c.window(), c.timestamp()));
}

#[derive(Clone)]
struct ByValue;

impl KeyedDoFn for ByValue {
    type Key = u64;
    type In = String;
    type Out = String;
    type State = Seen;

    fn process(
        &mut self,
        c: &KeyContext<'_, u64>,
        word: Element<String>,
        seen: &mut Seen,
        out: &mut Output<'_, String>,
    ) -> Done {
        count(c, &word.value, seen, out);
        Ok(())
    }
}

#[derive(Clone)]
struct ByReference;

impl KeyedDoFn for ByReference {
    type Key = u64;
    type In = String;
    type Out = String;
    type State = Seen;

    const READS_ONLY: bool = true;

    fn process_ref(
        &mut self,
        c: &KeyContext<'_, u64>,
        word: Element<&String>,
        seen: &mut Seen,
        out: &mut Output<'_, String>,
    ) -> Done {
        count(c, word.value, seen, out);
        Ok(())
    }
}

/// So many letters.
fn word(n: u64) -> String {
    "x".repeat(n as usize % 50)
}

fn windowings() -> [WindowingStrategy; 2] {
    let minute = Duration::minutes(1);
    [FixedWindows::of(minute).into(), SlidingWindows::of(minute).every(Duration::seconds(20)).into()]
}

/// Elements with times and windows, in order.
fn all<T: Data + std::fmt::Debug>(collected: &Collected<T>) -> Vec<String> {
    let mut all: Vec<_> = collected.elements().iter().map(|e| format!("{e:?} {}", e.window())).collect();
    all.sort();
    all
}

#[test]
fn a_do_fn_by_reference_gives_what_one_by_value_gives() {
    for windowing in windowings() {
        in_every_way(
            |p| {
                // Of large batches a shard is told which elements are its own, of small ones it is sent them.
                let large = p.create_timestamped("Large", (0..5_000u64).map(|n| ((n % 13, word(n)), at(n / 20))));
                let small = p.create_timestamped("Small", (0..50u64).map(|n| ((n % 13, word(n)), at(n * 5))));
                let words = large.flatten("Words", &[small]).window("Window", windowing.clone());
                let by_value = words.par_do_stateful("ByValue", ByValue).collect("Value");
                (by_value, words.par_do_stateful("ByReference", ByReference).collect("Reference"))
            },
            |(by_value, by_reference), _, way| {
                assert!(by_value.values().len() >= 5_050);
                assert_eq!(all(&by_value), all(&by_reference), "{windowing:?}, {way:?}");
            },
        );
    }
}

#[test]
fn late_elements_are_shown_with_the_window_they_missed() {
    let mut events = TestStream::new();
    let words = |from: u64| (from..from + 400).map(move |n| ((n % 13, word(n)), at(n / 4)));
    events.add_elements(words(0)).advance_watermark_to(at(60)).add_elements(words(100));
    for windowing in windowings() {
        in_every_way(
            |p| {
                let words = p.test_stream("Words", &events).window("Window", windowing.clone()).late_data();
                let (done, late) = words.par_do_stateful("ByValue", ByValue);
                let by_value = (done.collect("Value"), late.collect("LateValue"));
                let (done, late) = words.par_do_stateful("ByReference", ByReference);
                let by_reference = (done.collect("Reference"), late.collect("LateReference"));
                let (sums, late) = words.sum("Sum", |word| word.len() as u64);
                (by_value, by_reference, sums.collect("Sums"), late.collect("LateSum"))
            },
            |(by_value, by_reference, sums, late), metrics, way| {
                let what = format!("{windowing:?}, {way:?}");
                assert!(by_value.1.values().len() >= 140, "{what}");
                assert_eq!(all(&by_value.0), all(&by_reference.0), "{what}");
                assert_eq!(all(&by_value.1), all(&by_reference.1), "{what}");
                assert_eq!(all(&by_value.1), all(&late), "{what}");
                for step in ["ByValue", "ByReference", "Sum"] {
                    assert_eq!(metrics.get(step, "dropped_late"), late.values().len() as u64, "{step}, {what}");
                    assert_eq!(metrics.get(step, "elements_in"), 800, "{step}, {what}");
                }
                let letters: u64 = sums.values().iter().map(|(_, letters)| letters).sum();
                let of = |text: &String| text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap();
                assert_eq!(letters, by_value.0.values().iter().map(of).sum::<u64>(), "{what}");
            },
        );
    }
}

/// An element that counts how often it is cloned and dropped.
struct Counted(u64, Arc<[AtomicU64; 2]>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.1[0].fetch_add(1, Ordering::Relaxed);
        Counted(self.0, self.1.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1[1].fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Number;

impl KeyedDoFn for Number {
    type Key = u64;
    type In = Counted;
    type Out = u64;
    type State = Seen;

    const READS_ONLY: bool = true;

    fn process_ref(
        &mut self,
        _: &KeyContext<'_, u64>,
        element: Element<&Counted>,
        _: &mut Seen,
        out: &mut Output<'_, u64>,
    ) -> Done {
        out.emit(element.value.0);
        Ok(())
    }
}

#[test]
fn elements_that_are_looked_at_are_not_cloned_and_are_dropped_once() {
    const N: u64 = 20_000;
    for way in WAYS.into_iter().chain([Way::on(8)]) {
        let (p, counts) = (Pipeline::new("test"), Arc::new([AtomicU64::new(0), AtomicU64::new(0)]));
        let made = counts.clone();
        let numbers = p.create("Numbers", 0..N).map("Make", move |n| Counted(n, made.clone()));
        let sliding = SlidingWindows::of(Duration::minutes(2)).every(Duration::minutes(1));
        let windowed: PCollection<Counted> = numbers.window("Sliding", sliding);
        let out = windowed.key_by("Key", |c| c.0 % 100).par_do_stateful("Number", Number).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), (0..N).flat_map(|n| [n, n]).collect::<Vec<_>>(), "{way:?}");
        assert_eq!(counts[0].load(Ordering::Relaxed), 0, "{way:?}");
        drop(p);
        assert_eq!(counts[1].load(Ordering::Relaxed), N, "{way:?}");
    }
}
