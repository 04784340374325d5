//! State cells and timer families of keyed programs, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{KeyContext, Multimap, ProcessingTimerFamily};
use dataflow_core::{BoxError, Element, KeyedDoFn, Output, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::in_every_way;
use dataflow_windows::{Duration, Timestamp};

type Done = Result<(), BoxError>;
type Out<'a> = Output<'a, (u64, String)>;

const KEYS: u64 = 4;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Adds a value for each of the keys, so that all threads have something to do.
fn for_all_keys(events: &mut TestStream<(u64, i64)>, value: i64) {
    (0..KEYS).for_each(|key| _ = events.add((key, value), at(1)));
}

/// What came of each key, which is the same for all, in its order.
fn of_each_key(out: &Collected<(u64, String)>) -> Vec<String> {
    let of = |key| out.values().into_iter().filter(|(k, _)| *k == key).map(|(_, text)| text).collect::<Vec<_>>();
    (1..KEYS).for_each(|key| assert_eq!(of(key), of(0), "key {key}"));
    of(0)
}

#[derive(Default, StateRow)]
struct ByRest {
    numbers: Multimap<u8, i64>,
}

/// Keeps numbers by their rest, and gives out those of a rest when a negative number asks for them; 0 asks for all.
#[derive(Clone)]
struct KeepByRest;

impl KeyedDoFn for KeepByRest {
    type Key = u64;
    type In = i64;
    type Out = (u64, String);
    type State = ByRest;

    fn process(&mut self, c: &KeyContext<'_, u64>, e: Element<i64>, state: &mut ByRest, out: &mut Out<'_>) -> Done {
        let rest = u8::try_from(e.value.abs() % 3)?;
        let numbers = &mut state.numbers;
        match e.value {
            0 => {
                let rests: Vec<u8> = numbers.keys().copied().collect();
                out.emit((*c.key(), format!("{rests:?} {:?}", numbers.take())));
            }
            n if n > 0 => {
                numbers.add(rest, n);
                out.emit((*c.key(), format!("{n}: {:?} of {}", numbers.get(&rest), numbers.len())));
            }
            _ => out.emit((*c.key(), format!("-{rest}: {:?}, empty: {}", numbers.remove(&rest), numbers.is_empty()))),
        }
        Ok(())
    }
}

#[test]
fn a_multimap_keeps_the_values_of_each_key_in_order() {
    let mut events = TestStream::new();
    for value in [7, 1, 2, 4, 7, -1, 5, -1, -2, 2, 1, 0, 3] {
        for_all_keys(&mut events, value);
    }
    in_every_way(
        |p| p.test_stream("Events", &events).par_do_stateful("Keep", KeepByRest).collect("Out"),
        |out, _, way| {
            let expected = [
                "7: [7] of 1",
                "1: [7, 1] of 2",
                "2: [2] of 3",
                "4: [7, 1, 4] of 4",
                "7: [7, 1, 4, 7] of 5",
                "-1: [7, 1, 4, 7], empty: false",
                "5: [2, 5] of 2",
                "-1: [], empty: false",
                "-2: [2, 5], empty: true",
                "2: [2] of 1",
                "1: [1] of 2",
                "[1, 2] {1: [1], 2: [2]}",
                "3: [3] of 1",
            ];
            assert_eq!(of_each_key(&out), expected, "{way:?}");
        },
    );
}

#[derive(Default, StateRow)]
struct Alarms {
    alarms: ProcessingTimerFamily,
}

/// Sets an alarm for so many seconds from now, named by them; 0 unsets all, a negative number that one.
#[derive(Clone)]
struct SetAlarms;

impl KeyedDoFn for SetAlarms {
    type Key = u64;
    type In = i64;
    type Out = (u64, String);
    type State = Alarms;

    fn process(&mut self, c: &KeyContext<'_, u64>, e: Element<i64>, state: &mut Alarms, _: &mut Out<'_>) -> Done {
        match e.value {
            0 => state.alarms.clear_all(),
            n if n > 0 => state.alarms.set_relative(&n.to_string(), c, Duration::seconds(n)),
            n => state.alarms.clear(&n.abs().to_string()),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        c: &KeyContext<'_, u64>,
        AlarmsTimer::Alarms(id): AlarmsTimer,
        state: &mut Alarms,
        out: &mut Out<'_>,
    ) -> Done {
        let (time, left) = (c.fired_at().as_millis() / 1_000, state.alarms.ids().collect::<Vec<_>>().join(" "));
        out.emit((*c.key(), format!("{id} at {time}, still set: [{left}]")));
        Ok(())
    }
}

#[test]
fn a_family_of_processing_time_timers_fires_by_the_clock_unless_cleared() {
    let mut events = TestStream::new();
    let pass = |events: &mut TestStream<(u64, i64)>, ms| _ = events.advance_processing_time(Duration::millis(ms));
    [20, 10, 30, 40].into_iter().for_each(|seconds| for_all_keys(&mut events, seconds));
    for_all_keys(&mut events, -20);
    pass(&mut events, 10_000); // 10 is not past
    pass(&mut events, 1);
    for_all_keys(&mut events, 30); // now at 40.001
    pass(&mut events, 29_999); // 40
    for_all_keys(&mut events, 0); // the alarms 30 and 40
    for_all_keys(&mut events, 50); // at 90
    for_all_keys(&mut events, 5); // at 45
    pass(&mut events, 60_000);
    for_all_keys(&mut events, 1); // is never rung
    in_every_way(
        |p| p.test_stream("Events", &events).par_do_stateful("Alarms", SetAlarms).collect("Out"),
        |out, _, way| {
            let expected = ["10 at 10, still set: [30 40]", "5 at 45, still set: [50]", "50 at 90, still set: []"];
            assert_eq!(of_each_key(&out), expected, "{way:?}");
        },
    );
}
