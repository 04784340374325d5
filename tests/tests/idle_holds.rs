//! A step whose input is idle, but which has something to come of its own accord, is waited for.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{Bag, KeyContext, ProcessingTimer};
use dataflow_core::{BoxError, Element, KeyedDoFn, Output, PCollection, Pipeline, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{
    AfterProcessingTime, Duration, FixedWindows, GlobalWindows, OnTimeBehavior, Repeatedly, Timestamp,
    TimestampCombiner, Windowing,
};

type Pair = (u64, u64);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// What there is per key and two minutes of what comes through `slow`, whose stream is idle then, and of another stream,
/// which goes ahead.
fn sums(way: Way, slow: impl Fn(&PCollection<Pair>) -> PCollection<Pair>) -> (Vec<Pair>, u64) {
    let (mut left, mut right) = (TestStream::new(), TestStream::new());
    left.advance_watermark_to(at(1)).add((1, 1), at(5)).idle();
    right.add((1, 2), at(6)).advance_watermark_to(at(200)).advance_processing_time(Duration::seconds(11));
    let p = Pipeline::new("test");
    let left = slow(&p.test_stream("Left", &left));
    let both = p.test_stream("Right", &right).flatten("Both", &[left.window("Global", GlobalWindows)]);
    let windowed = both.window("Minutes", FixedWindows::of(Duration::minutes(2)));
    let out = windowed.sum("Sum", |n| *n).collect("Out");
    let metrics = way.run(&p).unwrap();
    (out.sorted(), metrics.get("Sum", "dropped_late"))
}

#[derive(Clone)]
struct Later;

#[derive(Default, StateRow)]
struct Kept {
    values: Bag<u64>,
    flush: ProcessingTimer,
}

impl KeyedDoFn for Later {
    type Key = u64;
    type In = u64;
    type Out = Pair;
    type State = Kept;

    fn process(
        &mut self,
        context: &KeyContext<'_, u64>,
        element: Element<u64>,
        state: &mut Kept,
        _: &mut Output<'_, Pair>,
    ) -> Result<(), BoxError> {
        state.values.add(element.value);
        state.flush.set_relative(context, Duration::seconds(10));
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        KeptTimer::Flush: KeptTimer,
        state: &mut Kept,
        out: &mut Output<'_, Pair>,
    ) -> Result<(), BoxError> {
        state.values.iter().for_each(|value| out.emit((*context.key(), *value)));
        state.values.clear();
        Ok(())
    }
}

#[test]
fn a_timer_of_processing_time_is_waited_for() {
    for way in WAYS {
        assert_eq!(sums(way, |left| left.par_do_stateful("Later", Later)), (vec![(1, 3)], 0), "{way:?}");
    }
}

#[test]
fn a_pane_that_comes_by_processing_time_is_waited_for() {
    let later = Repeatedly::forever(AfterProcessingTime::delay(Duration::seconds(10)));
    let strategy = GlobalWindows
        .triggering(later)
        .timestamp_combiner(TimestampCombiner::Earliest)
        .on_time(OnTimeBehavior::FireIfNonEmpty);
    for way in WAYS {
        let slow = |left: &PCollection<Pair>| left.window("Later", strategy.clone()).sum("Before", |n| *n);
        assert_eq!(sums(way, slow), (vec![(1, 3)], 0), "{way:?}");
    }
}

#[test]
fn an_element_that_waits_for_its_side_input_is_waited_for() {
    for way in WAYS {
        let slow = |left: &PCollection<Pair>| {
            let mut side = TestStream::new(); // its events come after those of the other streams
            side.add(7u64, at(5)).advance_watermark_to(at(100));
            let tens = || FixedWindows::of(Duration::seconds(10));
            let side =
                left.pipeline().test_stream("Side", &side).window("SideWindow", tens()).as_singleton_view("View");
            left.window("Tens", tens()).map_with_side_input("Look", &side, |pair, _| *pair)
        };
        assert_eq!(sums(way, slow), (vec![(1, 3)], 0), "{way:?}");
    }
}
