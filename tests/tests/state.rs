//! State and timers of keys, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{EventTimer, KeyContext, StateRow as _, Value};
use dataflow_core::{BoxError, Element, KeyedDoFn, OnWindowExpiration, Output, Pipeline};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, in_every_way};
use dataflow_windows::{Duration, FixedWindows, Sessions, SlidingWindows, Timestamp};

type Done = Result<(), BoxError>;

fn seconds(s: u64) -> Timestamp {
    Timestamp::from_seconds(s as i64)
}

#[derive(Default, StateRow)]
struct Counted {
    count: Value<u64>,
    sum: Value<u64>,
}

/// The count and the sum of a key so far, for each element.
#[derive(Clone)]
struct RunningSum;

impl KeyedDoFn for RunningSum {
    type Key = u64;
    type In = u64;
    type Out = (u64, u64, u64);
    type State = Counted;

    fn process(
        &mut self,
        context: &KeyContext<'_, u64>,
        element: Element<u64>,
        state: &mut Counted,
        out: &mut Output<'_, (u64, u64, u64)>,
    ) -> Done {
        *state.count.or_default() += 1;
        *state.sum.or_default() += element.value;
        out.emit((*context.key(), state.count.get_or_default(), state.sum.get_or_default()));
        Ok(())
    }
}

#[test]
fn state_belongs_to_key_and_window() {
    in_every_way(
        |p| {
            let pairs = p.create_timestamped("Pairs", (0..6_000u64).map(|n| ((n % 7, 1), seconds(n))));
            let hourly = pairs.window("Hourly", FixedWindows::of(Duration::hours(1)));
            hourly.par_do_stateful("Sum", RunningSum).collect("Out")
        },
        |out, metrics, way| {
            let mut expected: Vec<(u64, u64, u64)> = [0..3_600u64, 3_600..6_000]
                .into_iter()
                .flat_map(|hour| {
                    let of =
                        move |key| hour.clone().filter(move |n| n % 7 == key).zip(1..).map(move |(_, c)| (key, c, c));
                    (0..7).flat_map(of)
                })
                .collect();
            expected.sort_unstable();
            assert_eq!(out.sorted(), expected, "{way:?}");
            assert_eq!(metrics.get("Sum", "dropped_late"), 0);
        },
    );
}
