//! Elements of keys in order of time, up to both ends of time, in every way of running them.

mod stateful;

use dataflow_core::state::{EventTimer, OrderedList, Value};
use dataflow_core::{PCollection, Pipeline, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::in_every_way;
use dataflow_windows::{AfterWatermark, Duration, FixedWindows, GlobalWindows, Timestamp, Window, WindowingStrategy};
use stateful::{Program, WithKey, at, counting, minutely, outputs, stream, texts};

fn shuffled(p: &Pipeline) -> PCollection<(u64, i64)> {
    // 1_009 is prime: all numbers below 3_000 in a wild order.
    let elements = (0..3_000i64).map(|n| n * 1_009 % 3_000);
    p.create_timestamped("Shuffled", elements.map(|n| ((n as u64 % 3, n), at(n))).collect::<Vec<_>>())
}

#[derive(Default, StateRow)]
struct Order {
    last: Value<i64>,
    previous: OrderedList<i64>,
    tick: EventTimer,
}

#[test]
fn sorted_elements_of_a_key_come_in_order_of_time_with_timers_between_them() {
    let order = Program::<Order> {
        process: |c, element, state, out| {
            let last = state.last.get_or_default();
            assert!(last < element.value || element.value == 0, "{last} before {}", element.value);
            state.last.set(element.value);
            state.previous.add(element.timestamp, element.value);
            if !state.tick.is_set() {
                state.tick.set_aligned(c, Duration::ZERO, Duration::seconds(100));
            }
            out.emit(format!("element {}", element.value));
            Ok(())
        },
        on_timer: |c, OrderTimer::Tick, state, out| {
            let last = at(state.last.get_or_default());
            // All before the timer have come, and none that is after it.
            assert!(last <= c.fired_at() && last + Duration::seconds(3) >= c.fired_at(), "{last} at {}", c.fired_at());
            state.previous.clear_range(..=c.fired_at());
            assert!(state.previous.is_empty());
            out.emit("tick".to_owned());
            Ok(())
        },
    };
    in_every_way(
        |p| shuffled(p).par_do_stateful_time_sorted("Order", order.clone()).collect("Out"),
        |out, _, way| {
            let (ticks, elements): (Vec<_>, Vec<_>) = out.values().into_iter().partition(|text| text == "tick");
            assert_eq!(elements.len(), 3_000, "{way:?}");
            assert_eq!(ticks.len(), 3 * 30 + 1, "{way:?}: one key begins with second 0");
        },
    );
}

#[test]
fn sorted_elements_keep_their_windows() {
    in_every_way(
        |p| shuffled(p).window("Minutely", minutely()).sort_by_time("Sort").collect("Out"),
        |out, metrics, way| {
            assert_eq!(out.elements().len(), 3_000, "{way:?}");
            assert!(out.elements().iter().all(|e| e.window().contains(e.timestamp)), "{way:?}");
            assert_eq!(metrics.get("Sort", "dropped_late"), 0);
        },
    );
}

#[test]
fn an_element_behind_the_watermark_is_passed_on_at_once_until_its_window_expires() {
    let events = stream(|add, advance| {
        add(1, 50);
        advance(55);
        add(2, 40); // behind, not too late
        advance(65);
        add(3, 30); // within the lateness
        advance(70);
        add(4, 59); // too late
        add(5, 75);
    });
    let strategy = WindowingStrategy::of(minutely()).allowed_lateness(Duration::seconds(10));
    in_every_way(
        |p| {
            let windowed = p.test_stream("Events", &events).window("Minutely", strategy.clone());
            windowed.par_do_stateful_time_sorted("Count", WithKey(counting())).collect("Out")
        },
        |out, metrics, way| {
            let expected = [("1 is #1", 50), ("2 is #2", 40), ("3 is #3", 30), ("5 is #1", 75)];
            assert_eq!(outputs(&out), texts(expected), "{way:?}");
            assert_eq!(metrics.get("Count/SortByTime", "dropped_late"), 3, "{way:?}");
            assert_eq!(metrics.get("Count/ParDo", "dropped_late"), 0, "{way:?}");
        },
    );
}

/// Elements at both ends of time, the least of the global window's end, and in between.
fn ends_of_time() -> [Timestamp; 7] {
    let end = Window::GLOBAL.end();
    let us = Duration::micros(1);
    [Timestamp::MIN, Timestamp::MIN + us, at(0), end - us, end, Timestamp::MAX - us, Timestamp::MAX]
}

#[test]
fn elements_at_the_ends_of_time_are_processed_by_every_transform_of_keys() {
    fn pairs(p: &Pipeline, key: &str) -> PCollection<(u64, i64)> {
        let elements = ends_of_time().into_iter().enumerate().rev().map(|(i, t)| ((7, i as i64), t));
        p.create_timestamped(&format!("Pairs{key}"), elements.collect::<Vec<_>>())
    }
    in_every_way(
        |p| {
            (
                pairs(p, "Sort").sort_by_time("Sort").collect("Sorted"),
                pairs(p, "Group").group_by_key("Group").collect("Groups"),
                pairs(p, "Number").par_do_stateful("Number", counting()).collect("Numbered"),
                pairs(p, "Timed").par_do_stateful_time_sorted("Timed", in_order()).collect("In order"),
            )
        },
        |(sorted, groups, numbered, in_order), metrics, way| {
            let sorted: Vec<_> = sorted.elements().into_iter().map(|e| (e.value.1, e.timestamp)).collect();
            let expected: Vec<_> = ends_of_time().into_iter().enumerate().map(|(i, t)| (i as i64, t)).collect();
            assert_eq!(sorted, expected, "{way:?}");
            let mut group = groups.values().remove(0).1;
            group.sort_unstable();
            assert_eq!(group, (0..7).collect::<Vec<_>>(), "{way:?}");
            assert_eq!(numbered.values().len(), 7, "{way:?}");
            let expected: Vec<String> = (0..7).map(|i| format!("element {i}")).chain(["closed".to_owned()]).collect();
            assert_eq!(in_order.values(), expected, "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}

#[derive(Default, StateRow)]
struct Closing {
    close: EventTimer,
}

/// Says what comes, and when the window closes.
fn in_order() -> Program<Closing> {
    Program {
        process: |c, element, state, out| {
            state.close.set(c.window().max_timestamp());
            out.emit(format!("element {}", element.value));
            Ok(())
        },
        on_timer: |_, ClosingTimer::Close, _, out| {
            out.emit("closed".to_owned());
            Ok(())
        },
    }
}

#[test]
fn what_comes_after_the_end_of_the_global_window_is_counted_as_late_also_at_the_end_of_time() {
    for to in [Window::GLOBAL.end(), Timestamp::MAX] {
        let mut events = TestStream::new();
        events.add((7u64, 0i64), Timestamp::MAX).advance_watermark_to(to).add((7, 1), Timestamp::MAX);
        in_every_way(
            |p| {
                let events = p.test_stream("Events", &events);
                let global = WindowingStrategy::of(GlobalWindows).triggering(AfterWatermark::past_end_of_window());
                (
                    events.sort_by_time("Sort").collect("Sorted"),
                    events.par_do_stateful_time_sorted("Timed", in_order()).collect("In order"),
                    events.par_do_stateful("Number", counting()).collect("Numbered"),
                    events.window("Global", global).group_by_key("Group").collect("Groups"),
                )
            },
            |(sorted, in_order, numbered, groups), metrics, way| {
                assert_eq!(sorted.values(), [(7, 0)], "{way:?}");
                assert_eq!(in_order.values(), ["element 0", "closed"], "{way:?}");
                assert_eq!(numbered.values(), ["0 is #1"], "{way:?}");
                assert_eq!(groups.values(), [(7, vec![0])], "{way:?}");
                for step in ["Sort", "Timed/SortByTime", "Number", "Group"] {
                    assert_eq!(metrics.get(step, "dropped_late"), 1, "{way:?}: {step}");
                }
                assert_eq!(metrics.sum("dropped_late"), 4, "{way:?}");
            },
        );
    }
}

#[test]
fn windows_at_the_end_of_time_keep_their_elements() {
    let hourly = FixedWindows::of(Duration::hours(1));
    in_every_way(
        |p| {
            let elements: Vec<_> = ends_of_time().into_iter().map(|t| ((7u64, t.as_micros()), t)).collect();
            let windowed = p.create_timestamped("Pairs", elements).window("Hourly", hourly);
            let timed = windowed.par_do_stateful_time_sorted("Timed", in_order()).filter("Elements", |t| t != "closed");
            (timed.collect("Timed out"), windowed.group_by_key("Group").collect("Groups"))
        },
        |(timed, groups), metrics, way| {
            assert_eq!(timed.values().len(), 7, "{way:?}");
            assert_eq!(groups.values().iter().map(|(_, g)| g.len()).sum::<usize>(), 7, "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}
