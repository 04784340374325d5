//! Nobody waits for the watermark of what is idle.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{PCollection, Pipeline, Poll, Result, Source, SourceReader, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

type Letters = TestStream<(u64, char)>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn ways() -> impl Iterator<Item = Way> {
    let seeds = (20..24).map(|seed| Way::on(1 + seed as u16 % 4).restart_every(2).seed(seed));
    WAYS.into_iter().chain([Way::on(5).restart_every(1), Way::on(2).restart_every(1)]).chain(seeds)
}

/// What comes of two streams by key and minute, sorted, and how many elements were late.
fn grouped(way: Way, left: &Letters, right: &Letters) -> (Vec<(u64, Vec<char>)>, u64) {
    let p = Pipeline::new("test");
    let all = p.test_stream("Left", left).flatten("All", &[p.test_stream("Right", right)]);
    let minutely = all.window("Minutely", FixedWindows::of(Duration::minutes(1)));
    let out = minutely.group_by_key("Group").collect("Out");
    let metrics = way.run(&p).unwrap();
    let mut groups = out.values();
    groups.iter_mut().for_each(|(_, letters)| letters.sort_unstable());
    groups.sort();
    (groups, metrics.get("Group", "dropped_late"))
}

#[test]
fn an_idle_stream_does_not_hold_the_watermark() {
    for way in ways() {
        for idle in [true, false] {
            let (mut left, mut right) = (TestStream::new(), TestStream::new());
            left.add((1, 'a'), at(1)).advance_watermark_to(at(2));
            if idle {
                left.idle();
            }
            right.add((1, 'b'), at(3)).advance_watermark_to(at(60)).add((1, 'c'), at(4));
            let expected = if idle { (vec!['a', 'b'], 1) } else { (vec!['a', 'b', 'c'], 0) };
            let (groups, late) = grouped(way, &left, &right);
            assert_eq!((groups, late), (vec![(1, expected.0)], expected.1), "{way:?}, idle: {idle}");
        }
    }
}

#[test]
fn a_stream_that_wakes_up_holds_the_watermark_again_but_takes_nothing_back() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.advance_watermark_to(at(2)).idle();
        right.advance_watermark_to(at(60));
        left.add((1, 'l'), at(30)).add((1, 'a'), at(70)); // the first is late, since the watermark stays at 60
        right.advance_watermark_to(at(120)).add((1, 'b'), at(80)); // not late, since the left one holds it
        left.advance_watermark_to(at(120)).add((1, 'l'), at(90));
        assert_eq!(grouped(way, &left, &right), (vec![(1, vec!['a', 'b'])], 2), "{way:?}");
    }
}

#[test]
fn a_watermark_wakes_a_stream_up() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.idle().advance_processing_time(Duration::minutes(1)); // time alone does not
        right.advance_watermark_to(at(60)).add((1, 'l'), at(59));
        left.advance_watermark_to(at(90));
        right.advance_watermark_to(at(500)).add((1, 'a'), at(60));
        assert_eq!(grouped(way, &left, &right), (vec![(1, vec!['a'])], 1), "{way:?}");
    }
}

#[test]
fn the_watermark_stays_while_all_are_idle() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.advance_watermark_to(at(2)).idle();
        right.advance_watermark_to(at(3)).idle();
        left.add((1, 'a'), at(1));
        right.add((1, 'b'), at(50)).idle();
        left.idle().add((1, 'c'), at(0));
        assert_eq!(grouped(way, &left, &right), (vec![(1, vec!['a', 'b', 'c'])], 0), "{way:?}");
    }
}

#[test]
fn one_that_has_ended_does_not_speak_for_one_that_is_idle() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.advance_watermark_to_infinity();
        right.advance_watermark_to(at(3)).idle().add((1, 'a'), at(5));
        assert_eq!(grouped(way, &left, &right), (vec![(1, vec!['a'])], 0), "{way:?}");
    }
}

#[test]
fn a_step_whose_inputs_are_idle_is_idle_itself() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.add((1, 'a'), at(1)).advance_watermark_to(at(60)).idle();
        right.add((1, 'b'), at(61)).advance_watermark_to(at(120)).add((1, 'c'), at(62));
        let p = Pipeline::new("test");
        let minutely =
            |name: &str, all: PCollection<(u64, char)>| all.window(name, FixedWindows::of(Duration::minutes(1)));
        // Behind an exchange, and past a few steps.
        let counted = minutely("Left minutes", p.test_stream("Left", &left)).count("Count left");
        let left = counted.map("Letter", |(key, n)| (key, if n == 1 { 'x' } else { 'y' })).filter("All", |_| true);
        let all = minutely("Right minutes", p.test_stream("Right", &right)).flatten("Both", &[left]);
        let out = all.group_by_key("Group").collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(1, vec!['b']), (1, vec!['x'])], "{way:?}");
        assert_eq!(metrics.get("Group", "dropped_late"), 1, "{way:?}");
    }
}

#[test]
fn windows_of_processing_time_close_while_the_stream_is_idle() {
    for way in [Way::on(1), Way::on(1).restart_every(1), Way::on(1).restart_every(2).seed(5)] {
        let (mut events, mut mark) = (TestStream::new(), TestStream::new());
        events.add(7, at(1)).idle().advance_processing_time(Duration::minutes(1));
        mark.add((0, 0), Timestamp::MAX);
        let p = Pipeline::new("test");
        let minute = FixedWindows::of(Duration::minutes(1));
        let timed = p.test_stream("Events", &events).with_processing_time("Now").window("Minutely", minute);
        let marks = p.test_stream("Mark", &mark).window("Minutely, too", minute);
        let out = timed.key_by("Key", |n| *n).count("Count").flatten("All", &[marks]).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.values(), [(7, 1), (0, 0)], "{way:?}: the window closes before the mark comes");
    }
}

/// A split that has nothing, says that it is idle, and goes on when it is told to, and one that has something at once.
struct Halting {
    go_on: Arc<AtomicBool>,
    idle: bool,
}

struct HaltingReader {
    split: u64,
    go_on: Arc<AtomicBool>,
    idle: bool,
    since: Instant,
}

impl Source for Halting {
    type Element = u64;
    type Split = u64;
    type Reader = HaltingReader;

    fn splits(&self, _: usize) -> Result<Vec<u64>> {
        Ok(vec![0, 1])
    }
    fn open(&self, split: u64) -> Result<HaltingReader> {
        Ok(HaltingReader { split, go_on: self.go_on.clone(), idle: self.idle, since: Instant::now() })
    }
}

impl SourceReader for HaltingReader {
    type Element = u64;
    type Split = u64;

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        // Split 1 has an element and then waits, too, but with a watermark that closes the element's window.
        let patience = std::time::Duration::from_millis(if self.idle { 20_000 } else { 100 });
        if self.split == 1 {
            batch.push(1, at(1));
            self.split = 2;
            return Ok(Poll::More);
        }
        if !self.go_on.load(Ordering::SeqCst) && self.since.elapsed() < patience {
            return Ok(Poll::Pending);
        }
        if self.split == 0 {
            batch.push(0, at(61));
        }
        Ok(Poll::End)
    }
    fn watermark(&self) -> Timestamp {
        if self.split == 2 { at(60) } else { Timestamp::MIN }
    }
    fn is_idle(&self) -> bool {
        self.idle && self.split == 0
    }
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.split)
    }
}

#[test]
fn an_idle_split_does_not_hold_the_watermark_of_its_source() {
    for way in ways() {
        for idle in [true, false] {
            let (go_on, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let p = Pipeline::new("test");
            let read = p.read("Read", Halting { go_on: go_on.clone(), idle });
            let minutely = read.window("Minutely", FixedWindows::of(Duration::minutes(1)));
            let counts = minutely.key_by("Which", |n| *n).count("Count");
            let (see, ended) = (closed.clone(), go_on.clone());
            let out = counts.update("See", move |(which, _)| {
                if *which == 1 && !ended.swap(true, Ordering::SeqCst) {
                    see.store(true, Ordering::SeqCst);
                }
            });
            let out = out.collect("Out");
            let start = Instant::now();
            way.run(&p).unwrap();
            assert_eq!(out.sorted(), [(0, 1), (1, 1)], "{way:?}");
            let waited = start.elapsed() >= std::time::Duration::from_millis(100);
            assert!(idle || waited, "{way:?}: the split that is not idle was waited for");
            assert!(!idle || start.elapsed().as_secs() < 10, "{way:?}: the idle split was waited for");
            assert!(closed.load(Ordering::SeqCst), "{way:?}");
        }
    }
}
