//! State of keys and windows, in every way of running it.

mod stateful;

use dataflow_core::Pipeline;
use dataflow_core::state::{EventTimer, Expiring, Map, Value};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::in_every_way;
use dataflow_windows::{Duration, FixedWindows, Sessions, SlidingWindows, WindowingStrategy};
use stateful::{Program, at, counting, minutely, run_keyed, stream, texts};

#[test]
fn state_belongs_to_key_and_window() {
    in_every_way(
        |p| {
            let pairs = p.create_timestamped("Pairs", (0..6_000).map(|n| ((n as u64 % 7, 0), at(n))));
            pairs
                .window("Hourly", FixedWindows::of(Duration::hours(1)))
                .par_do_stateful("Count", counting())
                .collect("Out")
        },
        |out, metrics, way| {
            let mut expected: Vec<String> = Vec::new();
            for hour in [0..3_600u64, 3_600..6_000] {
                for key in 0..7 {
                    let count = hour.clone().filter(|n| n % 7 == key).count();
                    expected.extend((1..=count).map(|n| format!("0 is #{n}")));
                }
            }
            expected.sort();
            assert_eq!(out.sorted(), expected, "{way:?}");
            assert_eq!(metrics.get("Count", "dropped_late"), 0);
        },
    );
}

#[test]
fn an_element_of_overlapping_windows_is_taken_once_in_each() {
    let events = stream(|add, _| {
        add(1, 70);
        add(2, 100);
    });
    let sliding = SlidingWindows::of(Duration::minutes(1)).every(Duration::seconds(30));
    run_keyed(&events, sliding, counting(), |found, way| {
        // [30, 90) has the first, [60, 120) both, [90, 150) the second.
        assert_eq!(found, texts([("1 is #1", 70), ("1 is #1", 70), ("2 is #1", 100), ("2 is #2", 100)]), "{way:?}");
    });
}

#[derive(Default, StateRow)]
struct Visitor {
    #[state(ttl = "10s")]
    last: Expiring<Value<i64>>,
    #[state(ttl = "1m")]
    seen: Expiring<Map<i64, u32>>,
    check: EventTimer,
}

#[test]
fn a_cell_is_cleared_when_the_watermark_passes_its_last_write_by_its_time_to_live() {
    let events = stream(|add, advance| {
        add(1, 100);
        advance(105);
        add(2, 105);
        advance(115); // exactly 10 s after the last write: not yet passed
        add(-3, 115);
        advance(116);
        add(-4, 116);
        advance(200);
        add(-5, 200);
    });
    let visitor = Program::<Visitor> {
        process: |_, element, state, out| {
            if element.value < 0 {
                let (last, seen) = (state.last.get(), state.seen.len());
                out.emit(format!("{} after {last:?} of {seen}", element.value));
                return Ok(());
            }
            state.last.set(element.value);
            *state.seen.or_default(element.value) += 1;
            state.check.set(at(160)); // in one jump with the end of the longer time to live
            Ok(())
        },
        on_timer: |_, VisitorTimer::Check, state, out| {
            out.emit(format!("check: {:?} of {}", state.last.get(), state.seen.len()));
            Ok(())
        },
    };
    run_keyed(&events, WindowingStrategy::default(), visitor, |found, way| {
        let expected = [
            ("-3 after Some(2) of 2", 115),
            ("-4 after None of 2", 116),
            ("-5 after None of 0", 200),
            ("check: None of 2", 160),
        ];
        assert_eq!(found, texts(expected), "{way:?}");
    });
}

#[test]
fn late_elements_are_an_output_with_the_window_they_missed() {
    let events = stream(|add, advance| {
        add(1, 10);
        advance(60);
        add(2, 11);
        add(3, 61);
    });
    in_every_way(
        |p| {
            let windowed = p.test_stream("Events", &events).window("Minutely", minutely());
            let (out, late) = windowed.late_data().par_do_stateful("Count", counting());
            (out.collect("Out"), late.collect("Late"))
        },
        |(out, late), metrics, way| {
            assert_eq!(out.sorted(), ["1 is #1", "1 is #1", "1 is #1", "3 is #1", "3 is #1", "3 is #1"], "{way:?}");
            assert_eq!(late.sorted(), [(0, 2), (1, 2), (2, 2)], "{way:?}");
            assert!(late.elements().iter().all(|e| e.timestamp == at(11) && e.window().end() == at(60)), "{way:?}");
            assert_eq!(metrics.get("Count", "dropped_late"), 3, "{way:?}");
        },
    );
}

#[test]
fn merging_windows_are_refused_with_a_way_out() {
    let p = Pipeline::new("test");
    let sessions = Sessions::with_gap(Duration::minutes(5));
    p.create("Pairs", vec![(1u64, 1i64)]).window("Sessions", sessions).par_do_stateful("Count", counting());
    let error = p.check().unwrap_err().to_string();
    assert!(error.contains("step \"Count\"") && error.contains("a stateful DoFn on merging windows"), "{error}");
    assert!(error.contains("a timer for the end of a session"), "{error}");
}
