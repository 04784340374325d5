//! Streams that a test steps: each event has all its effects before the next.

#![allow(clippy::unwrap_used)]

use dataflow_core::graph::{Exchange, Lifting, Routing};
use dataflow_core::plane::{Advance, Batch, Emitter, ErasedBatch, Operator, Outbox, StateReader, StateWriter, typed};
use dataflow_core::{Boundedness, PCollection, Pipeline, Poll, Result, Source, SourceReader, StepSpec, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use std::sync::Arc;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn minutes<T: dataflow_core::Data>(collection: &PCollection<T>) -> PCollection<T> {
    minutes_as("Minutely", collection)
}

fn minutes_as<T: dataflow_core::Data>(name: &str, collection: &PCollection<T>) -> PCollection<T> {
    collection.window(name, FixedWindows::of(Duration::minutes(1)))
}

/// The ways, a restart after every event on several threads, and more seeds.
fn ways() -> impl Iterator<Item = Way> {
    let seeds = (10..16).map(|seed| Way::on(1 + seed as u16 % 4).restart_every(3).seed(seed));
    WAYS.into_iter().chain([Way::on(5).restart_every(1), Way::on(2).restart_every(1)]).chain(seeds)
}

#[test]
fn exactly_the_elements_behind_the_end_of_their_window_are_dropped() {
    for way in ways() {
        let mut stream = TestStream::new();
        for key in 0..10u64 {
            stream.add((key, 'a'), at(1));
        }
        stream.advance_watermark_to(at(59)).add_elements((0..10).map(|key| ((key, 'b'), at(2))));
        stream.advance_watermark_to(at(60)).add_elements((0..10).map(|key| ((key, 'c'), at(59))));
        stream.add_elements((0..10).map(|key| ((key, 'd'), at(60)))).advance_watermark_to(at(60)).add((0, 'e'), at(59));
        stream.advance_watermark_to_infinity().add((0, 'f'), at(200));
        let p = Pipeline::new("test");
        let out = minutes(&p.test_stream("Events", &stream)).group_by_key("Group").collect("Out");
        let metrics = way.run(&p).unwrap();
        let mut expected: Vec<(u64, Vec<char>)> = (0..10).map(|key| (key, vec!['a', 'b'])).collect();
        expected.extend((0..10).map(|key| (key, vec!['d'])));
        expected.sort();
        assert_eq!(out.sorted(), expected, "{way:?}");
        assert_eq!(metrics.get("Group", "dropped_late"), 12, "{way:?}: ten c, one e, one f");
    }
}

#[test]
fn a_step_of_the_watermark_closes_exactly_the_windows_before_it() {
    for way in ways() {
        let (mut stream, mut marks) = (TestStream::new(), TestStream::new());
        // What a window gives must come between the marks before and after the step that closes it.
        stream.add_elements((0..6i64).map(|minute| (minute, at(60 * minute))));
        for (mark, to) in [59, 60, 60, 179, 300].into_iter().enumerate() {
            marks.add(100 + mark as i64, Timestamp::MAX);
            stream.advance_watermark_to(at(to));
        }
        marks.add(105, Timestamp::MAX);
        let p = Pipeline::new("test");
        let closed = minutes(&p.test_stream("Events", &stream)).key_by("Minute", |m| *m).count("Count");
        let marks = minutes_as("Windows", &p.test_stream("Marks", &marks));
        // One thread sees all, so the order in which it sees them is that of the script.
        let all = closed.map("Of", |(minute, _)| minute).flatten("All", &[marks]);
        let out = all.apply_operator(to_first_shard("Watch"), |_| Ok(Pass)).collect("Out");
        way.run(&p).unwrap();
        let seen = out.values();
        let place = |value: i64| seen.iter().position(|v| *v == value).unwrap();
        for (minute, before, after) in [(0, 101, 102), (1, 103, 104), (2, 104, 105), (3, 104, 105), (4, 104, 105)] {
            assert!(place(before) < place(minute), "{way:?}: minute {minute} in {seen:?}");
            assert!(place(minute) < place(after), "{way:?}: minute {minute} in {seen:?}");
        }
        assert!(place(5) > place(105), "{way:?}: the last one closes at the end, in {seen:?}");
        assert_eq!(seen.len(), 12, "{way:?}");
    }
}

#[test]
fn events_of_several_streams_come_in_the_order_in_which_they_were_added() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        for n in 0..20 {
            if n % 3 == 0 {
                left.add(n, at(n))
            } else {
                right.add(n, at(n))
            };
        }
        let p = Pipeline::new("test");
        let all = p.test_stream("Left", &left).flatten("All", &[p.test_stream("Right", &right)]);
        let out = all.apply_operator(to_first_shard("Watch"), |_| Ok(Pass)).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.values(), (0..20).collect::<Vec<_>>(), "{way:?}");
    }
}

#[test]
fn the_slowest_of_several_streams_holds_the_watermark_and_both_end_together() {
    for way in ways() {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.add((1, 'a'), at(1)).advance_watermark_to_infinity();
        right.add((1, 'b'), at(2)).advance_watermark_to(at(59)).add((1, 'c'), at(3));
        let p = Pipeline::new("test");
        let all = p.test_stream("Left", &left).flatten("All", &[p.test_stream("Right", &right)]);
        let out = minutes(&all).group_by_key("Group").collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.values(), [(1, vec!['a', 'b', 'c'])], "{way:?}");
        assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
    }
}

#[test]
fn bounded_sources_are_read_before_the_first_event() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add(5_000, at(0)).advance_watermark_to(at(10)).add(5_001, at(11));
        let p = Pipeline::new("test");
        let all = p.create("Numbers", 0..5_000).flatten("All", &[p.test_stream("Events", &stream)]);
        let out = all.apply_operator(to_first_shard("Watch"), |_| Ok(Pass)).collect("Out");
        way.run(&p).unwrap();
        let seen = out.values();
        assert_eq!(seen[5_000..], [5_000, 5_001], "{way:?}");
        assert_eq!(out.sorted(), (0..5_002).collect::<Vec<_>>(), "{way:?}");
    }
}

#[test]
fn the_elements_of_an_event_are_one_bundle_also_behind_an_exchange() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add_elements((0..3_000).map(|n| (n, at(1)))).add(1, at(1));
        stream.add_elements((0..10).map(|n| (n, at(1))));
        let p = Pipeline::new("test");
        let twice = p.test_stream("Events", &stream).flat_map("Twice", |n| [n, n]);
        let out = twice.apply_operator(to_first_shard("Sizes"), |_| Ok(BundleSize(0))).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.values(), [6_000, 2, 20], "{way:?}");
    }
}

#[test]
fn a_seed_cuts_what_is_read_into_bundles_the_same_way_each_time() {
    let sizes = |way: Way| {
        let p = Pipeline::new("test");
        let out = p.create("Numbers", 0..50_000).apply_operator(to_first_shard("Sizes"), |_| Ok(BundleSize(0)));
        let out = out.collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.values().iter().sum::<i64>(), 50_000, "{way:?}");
        out.values()
    };
    let plain = sizes(Way::on(1)).len();
    let seeded = sizes(Way::on(1).seed(1));
    assert!(seeded.len() > 2 * plain, "{} bundles with a seed, {plain} without", seeded.len());
    assert_eq!(seeded, sizes(Way::on(1).seed(1)));
    assert_ne!(seeded, sizes(Way::on(1).seed(2)));
    sizes(Way::on(3).seed(3));
}

#[test]
fn processing_time_is_virtual_and_told_first() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add(1, at(1)).advance_processing_time(Duration::seconds(5)).add(2, at(1));
        stream.advance_watermark_to(at(9)).advance_processing_time(Duration::millis(1)).add(3, at(9));
        let p = Pipeline::new("test");
        let out = p.test_stream("Events", &stream).apply_operator(to_first_shard("Clock"), |_| Ok(Clock(None)));
        let out = out.collect("Out");
        way.run(&p).unwrap();
        let expected =
            [(1, 0), (-1, 5_000), (2, 5_000), (-1, 5_001), (3, 5_001)].map(|(n, ms)| (n, Timestamp::from_millis(ms)));
        assert_eq!(out.values(), expected, "{way:?}");
    }
}

/// What a panic of `f` says.
fn panic_of(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(f).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn time_that_runs_backwards_is_refused() {
    let message = panic_of(|| {
        let mut stream = TestStream::<u8>::new();
        stream.advance_watermark_to(at(60)).add(1, at(1)).advance_watermark_to(at(60)).advance_watermark_to(at(59));
    });
    let expected = "the watermark of a test stream cannot step back from 1970-01-01T00:01:00Z to 1970-01-01T00:00:59Z";
    assert!(message.starts_with(expected), "{message}");
    let message = panic_of(|| {
        let mut stream = TestStream::<u8>::new();
        stream.advance_processing_time(Duration::ZERO).advance_processing_time(Duration::seconds(-1));
    });
    assert!(message.starts_with("processing time cannot go back, by -1s"), "{message}");
}

#[test]
fn a_stream_without_events_ends() {
    in_every_way(
        |p| {
            minutes(&p.test_stream("Events", &TestStream::<u64>::new()))
                .key_by("Key", |n| *n)
                .count("Count")
                .collect("Out")
        },
        |out, _, way| assert!(out.values().is_empty(), "{way:?}"),
    );
}

#[test]
fn the_same_stream_twice_is_two_collections() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add(1, at(1)).advance_processing_time(Duration::seconds(1)).add(2, at(2));
        let p = Pipeline::new("test");
        let all = p.test_stream("A", &stream).flatten("All", &[p.test_stream("B", &stream)]);
        let out = all.apply_operator(to_first_shard("Clock"), |_| Ok(Clock(None))).collect("Out");
        way.run(&p).unwrap();
        let expected = [(1, 0), (1, 0), (-1, 1), (2, 1), (2, 1)].map(|(n, s)| (n, at(s)));
        assert_eq!(out.values(), expected, "{way:?}: time goes on once");
    }
}

#[test]
fn an_error_names_the_event_it_came_of() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add(1, at(1)).add(0, at(1));
        let p = Pipeline::new("test");
        p.test_stream("Events", &stream).map("Divide", |n| 10 / n).collect("Out");
        let error = way.run(&p).unwrap_err();
        assert_eq!(error.step(), Some("Divide"), "{way:?}");
        assert!(error.position().unwrap().ends_with("event 1 of the test stream \"Events\""), "{error}");
    }
}

#[test]
fn a_step_that_never_lets_the_watermark_go_is_told_of_instead_of_hanging() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add(1, at(1)).advance_watermark_to(at(5));
        let p = Pipeline::new("test");
        p.test_stream("Events", &stream).apply_operator(to_first_shard("Hold"), |_| Ok(Hold)).collect("Out");
        let error = way.run(&p).unwrap_err().to_string();
        assert!(error.contains("nothing can go on") && error.contains("Hold: has come to"), "{way:?}: {error}");
    }
}

#[test]
fn an_endless_source_beside_a_test_stream_is_refused() {
    struct Endless;
    struct EndlessReader;
    impl Source for Endless {
        type Element = u64;
        type Split = ();
        type Reader = EndlessReader;
        fn boundedness(&self) -> Boundedness {
            Boundedness::Unbounded
        }
        fn splits(&self, _: usize) -> Result<Vec<()>> {
            Ok(vec![()])
        }
        fn open(&self, (): ()) -> Result<EndlessReader> {
            Ok(EndlessReader)
        }
    }
    impl SourceReader for EndlessReader {
        type Element = u64;
        type Split = ();
        fn poll(&mut self, _: &mut Batch<u64>) -> Result<Poll> {
            Ok(Poll::Pending)
        }
        fn checkpoint(&mut self) -> Result<()> {
            Ok(())
        }
    }
    let p = Pipeline::new("test");
    p.test_stream("Events", &TestStream::new()).flatten("All", &[p.read("Endless", Endless)]).collect("Out");
    let error = WAYS[0].run(&p).unwrap_err();
    assert_eq!(error.step(), Some("Endless"));
    assert!(error.message().starts_with("this source never ends") && error.message().contains("Events"), "{error}");
}

/// A step whose elements all come to the first shard, each in a batch of its own.
fn to_first_shard(name: &str) -> StepSpec {
    struct ToFirst;
    impl Exchange for ToFirst {
        fn deal(&mut self, batch: &mut dyn ErasedBatch, to: &mut [Outbox]) -> Result<()> {
            let batch = typed::<i64>(batch)?;
            for (i, value) in batch.values.drain(..).enumerate() {
                Emitter::new(&mut to[0]).with(|one: &mut Batch<i64>| one.push(value, batch.times.get(i)))?;
            }
            Ok(())
        }
        fn flush(&mut self, _: &mut [Outbox]) -> Result<()> {
            Ok(())
        }
    }
    StepSpec {
        routing: Routing::ByKey(Arc::new(|_| Box::new(ToFirst)), Lifting::NotAsked),
        ..StepSpec::new(name, "ParDo")
    }
}

macro_rules! stateless {
    () => {
        fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
            Ok(())
        }
        fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
            Ok(())
        }
    };
}

struct Pass;

impl Operator for Pass {
    type In = i64;
    type Out = (i64,);
    fn batch(&mut self, input: &mut Batch<i64>, (mut out,): (Emitter<'_, i64>,)) -> Result<()> {
        out.forward(input)
    }
    stateless!();
}

/// How many elements a bundle has, at its end.
struct BundleSize(i64);

impl Operator for BundleSize {
    type In = i64;
    type Out = (i64,);
    fn batch(&mut self, input: &mut Batch<i64>, _: (Emitter<'_, i64>,)) -> Result<()> {
        self.0 += input.len() as i64;
        Ok(())
    }
    fn finish_bundle(&mut self, (mut out,): (Emitter<'_, i64>,)) -> Result<()> {
        let size = std::mem::take(&mut self.0);
        out.with(|o| o.push(size, Timestamp::MAX))
    }
    stateless!();
}

/// The time at which elements come, and -1 whenever it has moved.
struct Clock(Option<Timestamp>);

impl Operator for Clock {
    type In = i64;
    type Out = ((i64, Timestamp),);
    fn batch(&mut self, input: &mut Batch<i64>, (mut out,): (Emitter<'_, (i64, Timestamp)>,)) -> Result<()> {
        let now = self.0.unwrap();
        out.with(|o| input.values.drain(..).for_each(|n| o.push((n, now), Timestamp::MAX)))
    }
    fn watermark(&mut self, watermark: Timestamp, _: (Emitter<'_, (i64, Timestamp)>,)) -> Result<Advance> {
        assert!(self.0.is_some(), "the time is told before anything else");
        Ok(Advance::to(watermark))
    }
    fn processing_time(&mut self, now: Timestamp, (mut out,): (Emitter<'_, (i64, Timestamp)>,)) -> Result<bool> {
        // On other shards there are no elements, but the time moves all the same.
        let first = std::thread::current().name() == Some("dataflow-0");
        if self.0.replace(now).is_some() && first {
            out.with(|o| o.push((-1, now), Timestamp::MAX))?;
        }
        Ok(false)
    }
    stateless!();
}

/// Never lets the watermark go.
struct Hold;

impl Operator for Hold {
    type In = i64;
    type Out = (i64,);
    fn batch(&mut self, input: &mut Batch<i64>, (mut out,): (Emitter<'_, i64>,)) -> Result<()> {
        out.forward(input)
    }
    fn watermark(&mut self, watermark: Timestamp, _: (Emitter<'_, i64>,)) -> Result<Advance> {
        Ok(Advance::to(watermark.min(at(100))))
    }
    stateless!();
}
