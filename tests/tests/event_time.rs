//! Watermarks set by hand, aligned triggers and merging windows of users, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Pipeline, Poll, Result, Source, SourceReader, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::{Touching, WAYS, in_every_way};
use dataflow_windows::watermark::WatermarkEstimator;
use dataflow_windows::{
    AfterProcessingTime, AfterWatermark, CustomWindows, Duration, FixedWindows, GlobalWindows, Repeatedly, Timestamp,
    WindowingStrategy,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A log whose records are elements, or say how far event time has come.
#[derive(Clone, Copy)]
enum Record {
    Element(i64),
    Progress(i64),
    /// Nothing more comes before the first minute has been given out.
    FirstMinuteIsOut,
}

const LOG: [Record; 7] = [
    Record::Element(100),
    Record::Element(5), // far behind, but nobody has said that event time has come any further
    Record::Element(59),
    Record::Progress(60),
    Record::FirstMinuteIsOut,
    Record::Element(40), // late
    Record::Element(61),
];

struct Log {
    first_minute_is_out: Arc<AtomicBool>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Position {
    next: usize,
    watermark: WatermarkEstimator,
}

struct LogReader {
    position: Position,
    first_minute_is_out: Arc<AtomicBool>,
    since: Instant,
}

impl Source for Log {
    type Element = i64;
    type Split = Position;
    type Reader = LogReader;

    fn splits(&self, _: usize) -> Result<Vec<Position>> {
        Ok(vec![Position { next: 0, watermark: WatermarkEstimator::manual() }])
    }
    fn open(&self, position: Position) -> Result<LogReader> {
        let first_minute_is_out = self.first_minute_is_out.clone();
        Ok(LogReader { position, first_minute_is_out, since: Instant::now() })
    }
}

impl SourceReader for LogReader {
    type Element = i64;
    type Split = Position;

    fn poll(&mut self, batch: &mut Batch<i64>) -> Result<Poll> {
        let Position { next, watermark } = &mut self.position;
        match LOG.get(*next) {
            None => return Ok(Poll::End),
            Some(Record::Element(second)) => {
                batch.push(*second, at(*second));
                watermark.observe(at(*second));
            }
            Some(Record::Progress(second)) => watermark.set(at(*second)),
            Some(Record::FirstMinuteIsOut) if !self.first_minute_is_out.load(Ordering::SeqCst) => {
                assert!(self.since.elapsed().as_secs() < 60, "the first minute was never given out");
                return Ok(Poll::Pending);
            }
            Some(Record::FirstMinuteIsOut) => {}
        }
        *next += 1;
        Ok(Poll::More)
    }
    fn watermark(&self) -> Timestamp {
        self.position.watermark.watermark()
    }
    fn checkpoint(&mut self) -> Result<Position> {
        Ok(self.position.clone())
    }
}

#[test]
fn a_watermark_that_a_source_sets_by_hand_moves_when_it_says_so_and_not_before() {
    for way in WAYS {
        let first_minute_is_out = Arc::new(AtomicBool::new(false));
        let p = Pipeline::new("test");
        let log = p.read("Log", Log { first_minute_is_out: first_minute_is_out.clone() });
        let minutely = log.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let sums = minutely.key_by("Key", |_| 0).sum("Sum", |second| *second);
        let out = sums.update("See", move |_| first_minute_is_out.store(true, Ordering::SeqCst)).collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.values(), [(0, 5 + 59), (0, 100 + 61)], "{way:?}");
        assert_eq!(metrics.get("Sum", "dropped_late"), 1, "{way:?}");
    }
}

#[test]
fn an_aligned_delay_fires_after_the_multiple_that_follows_it() {
    let mut events = TestStream::new();
    let add = |events: &mut TestStream<(u64, i64)>, n| (0..3).for_each(|key| _ = events.add((key, n), at(0)));
    let pass = |events: &mut TestStream<(u64, i64)>, ms| _ = events.advance_processing_time(Duration::millis(ms));
    add(&mut events, 1);
    pass(&mut events, 30_000); // past the delay
    add(&mut events, 2);
    pass(&mut events, 30_000); // at the minute, and not past it
    add(&mut events, 3);
    pass(&mut events, 1);
    add(&mut events, 4);
    pass(&mut events, 56_000); // at 116.001
    pass(&mut events, 3_999);
    add(&mut events, 5);
    pass(&mut events, 1);
    pass(&mut events, 57_000); // at 177.001: the delay leads past the next minute
    add(&mut events, 6);
    pass(&mut events, 30_000);
    add(&mut events, 7);
    pass(&mut events, 33_000); // at 240.001
    add(&mut events, 8);
    let each_minute = AfterProcessingTime::delay(Duration::seconds(5)).aligned_to(Duration::minutes(1));
    let each_minute = WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(each_minute)).discarding();
    in_every_way(
        |p| {
            let windowed = p.test_stream("Events", &events).window("Window", each_minute.clone());
            windowed.group_by_key("Group").collect("Out")
        },
        |out, _, way| {
            for key in 0..3 {
                let panes = out.values().into_iter().filter(|(k, _)| *k == key).map(|(_, numbers)| numbers);
                let expected = [vec![1, 2, 3], vec![4, 5], vec![6, 7], vec![8]];
                assert_eq!(panes.collect::<Vec<_>>(), expected, "{way:?}, key {key}");
            }
        },
    );
}

#[test]
fn merging_windows_of_users_are_joined_over_restarts_also_when_they_have_ended() {
    let mut events = TestStream::new();
    let add = |events: &mut TestStream<(u64, i64)>, n, second| {
        (0..3).for_each(|key| _ = events.add((key, n), at(second)));
    };
    add(&mut events, 1, 5);
    events.advance_watermark_to(at(8));
    add(&mut events, 10, 25); // does not touch [0, 10)
    events.advance_watermark_to(at(9));
    add(&mut events, 100, 15); // touches both
    add(&mut events, 5, 55); // a window of its own
    events.advance_watermark_to(at(31)); // the end of [0, 30)
    add(&mut events, 1_000, 28); // late, in time
    events.advance_watermark_to(at(45));
    add(&mut events, 7, 21); // too late: [20, 30) and its 10 seconds are over
    add(&mut events, 10_000, 35); // [30, 40) is not, it touches [0, 30) that is; and not [50, 60)
    let late = AfterWatermark::past_end_of_window().late(dataflow_windows::AfterCount::at_least(1));
    let windowing = WindowingStrategy::of(CustomWindows::new(Touching)).triggering(late);
    let windowing = windowing.allowed_lateness(Duration::seconds(10)).accumulating();
    in_every_way(
        |p| p.test_stream("Events", &events).window("Touching", windowing.clone()).sum("Sum", |n| *n).collect("Out"),
        |out, metrics, way| {
            for key in 0..3 {
                let mut found: Vec<(i64, i64, i64)> = vec![];
                for e in out.elements().into_iter().filter(|e| e.value.0 == key) {
                    let (start, end) = (e.window().start().as_millis() / 1_000, e.window().end().as_millis() / 1_000);
                    found.push((start, end, e.value.1));
                }
                let expected = [(0, 30, 111), (0, 30, 1_111), (30, 40, 10_000), (50, 60, 5)];
                assert_eq!(found, expected, "{way:?}, key {key}");
            }
            assert_eq!(metrics.get("Sum", "dropped_late"), 3, "{way:?}");
        },
    );
}
