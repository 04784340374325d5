//! Panes that come after the end of their window are not late for the steps after them, on every runner in every way.

use dataflow_core::TestStream;
use dataflow_exec::transforms::*;
use dataflow_tests::in_every_way;
use dataflow_windows::{
    AfterCount, AfterProcessingTime, AfterWatermark, Duration, FixedWindows, Never, Repeatedly, Timestamp, Trigger,
    WindowingStrategy,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Groups events by the minute as `trigger` says, with ten minutes for late ones, and the panes by the minute again. None of
/// them may be late there.
fn is_counted(trigger: impl Into<Trigger>, events: &TestStream<(u64, i64)>, panes: usize) {
    let trigger = trigger.into();
    let minutely = || WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)));
    in_every_way(
        |p| {
            let first = minutely().triggering(trigger.clone()).allowed_lateness(Duration::minutes(10)).discarding();
            let sums = p.test_stream("Events", events).window("First", first).sum("Sum", |n| *n);
            (sums.collect("Sums"), sums.window("Second", minutely()).count("Count").collect("Counts"))
        },
        |(sums, counts), metrics, way| {
            assert_eq!(metrics.get("Count", "dropped_late"), 0, "{trigger:?} {way:?}");
            assert_eq!(sums.sorted().len(), panes, "{trigger:?} {way:?}");
            assert_eq!(counts.sorted().iter().map(|(_, n)| n).sum::<u64>(), panes as u64, "{trigger:?} {way:?}");
        },
    );
}

#[test]
fn a_pane_that_waits_for_expiry_holds_the_watermark() {
    let mut events = TestStream::new();
    events.add((1, 1), at(5)).add((2, 1), at(6)).advance_watermark_to(at(70)).advance_watermark_to(at(80));
    is_counted(Never::ever(), &events, 2);
    is_counted(Repeatedly::forever(AfterCount::at_least(5)), &events, 2);
    let watermark = AfterWatermark::past_end_of_window().early(AfterCount::at_least(5));
    is_counted(watermark.late(AfterCount::at_least(1)), &events, 2);
    is_counted(Repeatedly::forever(AfterProcessingTime::delay(Duration::hours(1))), &events, 2);
}

#[test]
fn so_does_one_that_late_elements_complete() {
    let mut events = TestStream::new();
    events.add((1, 1), at(5)).add((2, 1), at(6)).advance_watermark_to(at(70));
    events.add((1, 1), at(7)).advance_watermark_to(at(90)).add((2, 1), at(7)).advance_watermark_to(at(300));
    is_counted(Repeatedly::forever(AfterCount::at_least(2)), &events, 2);
    is_counted(Never::ever(), &events, 2);
}
