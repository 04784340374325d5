//! Timers of keys in event and processing time, and the expiration of windows, in every way of running them.

#![allow(clippy::unwrap_used)]

mod stateful;

use dataflow_core::state::{Bag, EventTimer, EventTimerFamily, ProcessingTimer, Value};
use dataflow_core::{Element, KeyedDoFn, OnWindowExpiration, Pipeline, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{Duration, FixedWindows, WindowingStrategy};
use stateful::{Context, Done, Program, Texts, WithKey, at, minutely, run_keyed, stream, texts};

const SECOND: Duration = Duration::seconds(1);

#[derive(Default, StateRow)]
struct Ticking {
    left: Value<u32>,
    tick: EventTimer,
}

fn ticking() -> Program<Ticking> {
    Program {
        process: |c, element, state, _| {
            state.left.set(element.value as u32);
            state.tick.set_relative(c, SECOND);
            Ok(())
        },
        on_timer: |c, TickingTimer::Tick, state, out| {
            assert!(!state.tick.is_set(), "a firing timer is unset");
            out.emit(format!("{} at {}", state.left.get_or_default(), c.fired_at().as_millis()));
            *state.left.or_default() -= 1;
            if state.left.get_or_default() > 0 {
                state.tick.set_relative(c, SECOND);
            } else {
                state.left.clear();
            }
            Ok(())
        },
    }
}

#[test]
fn a_looping_timer_fires_each_round_also_in_one_long_jump() {
    let events = stream(|add, advance| {
        add(4, 10);
        advance(12); // strictly after: second 12 is not due
        add(0, 12);
        advance(12);
        add(3, 20);
        advance(3_600);
    });
    let mut program = ticking();
    program.process = |c, element, state, out| {
        if element.value == 0 {
            out.emit(format!("left {}", state.left.get_or_default()));
            return Ok(());
        }
        state.left.set(element.value as u32);
        state.tick.set_relative(c, SECOND);
        Ok(())
    };
    run_keyed(&events, minutely(), program, |found, way| {
        let expected = [("1 at 23000", 23), ("2 at 22000", 22), ("3 at 21000", 21), ("4 at 11000", 11), ("left 3", 12)];
        assert_eq!(found, texts(expected), "{way:?}: the timer is replaced at second 20");
    });
}

#[test]
fn a_jump_over_a_hundred_thousand_rounds_gives_them_all() {
    let mut events = TestStream::new();
    events.add((7u64, 100_000), at(0)).advance_watermark_to_infinity();
    for way in [Way::on(1), Way::on(2).restart_every(1)] {
        let p = Pipeline::new("test");
        let out = p.test_stream("Events", &events).par_do_stateful("Tick", ticking()).collect("Out");
        way.run(&p).unwrap();
        let mut times: Vec<i64> = out.elements().iter().map(|e| e.timestamp.as_millis()).collect();
        times.sort_unstable();
        assert!(times.into_iter().eq((1..=100_000).map(|n| n * 1_000)), "{way:?}");
    }
}

#[derive(Default, StateRow)]
struct Session {
    values: Bag<i64>,
    end: EventTimer,
}

#[test]
fn a_timer_that_is_put_off_by_each_element_ends_a_session() {
    let events = stream(|add, advance| {
        add(1, 1);
        add(2, 8);
        advance(9);
        add(3, 15);
        advance(25); // the timer stands at 25
        add(4, 25);
        advance(50);
        add(5, 50);
    });
    let sessions = Program::<Session> {
        process: |c, element, state, _| {
            state.values.add(element.value);
            state.end.set_relative(c, Duration::seconds(10));
            Ok(())
        },
        on_timer: |_, SessionTimer::End, state, out| {
            out.emit(format!("{:?}", state.values.take()));
            Ok(())
        },
    };
    run_keyed(&events, WindowingStrategy::default(), sessions, |found, way| {
        assert_eq!(found, texts([("[1, 2, 3, 4]", 35), ("[5]", 60)]), "{way:?}");
    });
}

#[derive(Default, StateRow)]
struct Buffer {
    values: Bag<i64>,
    flush: EventTimer,
}

/// Gives what came within ten seconds at once, with the timestamp of the first element if `hold`.
fn buffering(hold: bool) -> Program<Buffer> {
    let process: fn(&Context<'_>, Element<i64>, &mut Buffer, &mut Texts<'_>) -> Done = if hold {
        |_, element, state, _| {
            if state.values.is_empty() {
                state.flush.set_with_output(element.timestamp + Duration::seconds(10), element.timestamp);
            }
            state.values.add(element.value);
            Ok(())
        }
    } else {
        |_, element, state, _| {
            if state.values.is_empty() {
                state.flush.set(element.timestamp + Duration::seconds(10));
            }
            state.values.add(element.value);
            Ok(())
        }
    };
    let on_timer: fn(&Context<'_>, BufferTimer, &mut Buffer, &mut Texts<'_>) -> Done = if hold {
        |_, BufferTimer::Flush, state, out| {
            out.emit(format!("{:?}", state.values.take()));
            Ok(())
        }
    } else {
        |c, BufferTimer::Flush, state, out| {
            out.emit_at(format!("{:?}", state.values.take()), c.timestamp() - Duration::seconds(10), c.window());
            Ok(())
        }
    };
    Program { process, on_timer }
}

#[test]
fn the_output_timestamp_of_a_timer_holds_the_watermark_until_it_has_fired() {
    for hold in [true, false] {
        let events = stream(|add, advance| {
            add(1, 55);
            advance(61);
            add(2, 62);
            advance(70);
        });
        in_every_way(
            |p| {
                let buffered = p.test_stream("Events", &events).par_do_stateful("Buffer", WithKey(buffering(hold)));
                buffered.window("Minutely", minutely()).count("Count").collect("Out")
            },
            |out, metrics, way| {
                // The minute of second 55 ends before the timer fires at 65: without the hold, its element is late.
                let expected: Vec<(u64, u64)> = if hold { vec![(0, 1), (1, 1), (2, 1)] } else { vec![] };
                assert_eq!(out.sorted(), expected, "{way:?}");
                assert_eq!(metrics.get("Count", "dropped_late"), if hold { 0 } else { 3 }, "{way:?}");
            },
        );
    }
}

#[test]
fn timers_for_the_past_fire_at_the_end_of_the_bundle_with_their_own_time() {
    let mut events = TestStream::new();
    events.advance_watermark_to(at(50));
    events.add_elements([((1u64, 1), at(20)), ((1, 2), at(21))]).add((1, 3), at(22));
    for way in WAYS.into_iter().filter(|way| way.seed.is_none()) {
        let p = Pipeline::new("test");
        let out = p.test_stream("Events", &events).par_do_stateful("Buffer", buffering(false)).collect("Out");
        way.run(&p).unwrap();
        let mut found: Vec<(String, i64)> =
            out.elements().into_iter().map(|e| (e.value, e.timestamp.as_millis() / 1_000)).collect();
        found.sort();
        assert_eq!(found, texts([("[1, 2]", 20), ("[3]", 22)]), "{way:?}");
    }
}

#[derive(Default, StateRow)]
struct Reminders {
    fired: Value<u32>,
    remind: EventTimerFamily,
    chained: EventTimer,
}

#[test]
fn timers_of_a_family_fire_in_order_of_time_with_those_that_their_callbacks_set() {
    let events = stream(|add, advance| {
        for (value, seconds) in [(30, 1), (10, 2), (20, 3), (10, 4)] {
            add(value, seconds);
        }
        advance(59);
    });
    let reminders = Program::<Reminders> {
        process: |_, element, state, _| {
            state.remind.set(&format!("r{}", element.value), at(element.value));
            Ok(())
        },
        on_timer: |c, timer, state, out| {
            *state.fired.or_default() += 1;
            let n = state.fired.get_or_default();
            match timer {
                RemindersTimer::Remind(id) => {
                    if id == "r20" {
                        state.chained.set(c.fired_at() - SECOND); // before all others
                    }
                    if id == "r10" {
                        state.remind.clear("r30");
                    }
                    out.emit(format!("{n}: {id}"));
                }
                RemindersTimer::Chained => out.emit(format!("{n}: chained")),
            }
            Ok(())
        },
    };
    run_keyed(&events, minutely(), reminders, |found, way| {
        assert_eq!(found, texts([("1: r10", 10), ("2: r20", 20), ("3: chained", 19)]), "{way:?}");
    });
}

#[derive(Clone)]
struct Farewell;

impl Farewell {
    fn expired(&mut self, c: &Context<'_>, state: &mut Buffer, out: &mut Texts<'_>) -> Done {
        assert_eq!(c.timestamp(), c.window().max_timestamp());
        out.emit(format!("expired {:?}", state.values.as_slice()));
        Ok(())
    }
}

impl KeyedDoFn for Farewell {
    type Key = u64;
    type In = i64;
    type Out = String;
    type State = Buffer;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = Some(Self::expired);

    fn process(&mut self, c: &Context<'_>, e: Element<i64>, state: &mut Buffer, _: &mut Texts<'_>) -> Done {
        if e.value > 0 {
            state.values.add(e.value);
            state.flush.set(c.window().max_timestamp());
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &Context<'_>,
        BufferTimer::Flush: BufferTimer,
        s: &mut Buffer,
        out: &mut Texts<'_>,
    ) -> Done {
        out.emit(format!("end {:?}", s.values.take()));
        Ok(())
    }
}

#[test]
fn each_key_of_a_window_is_told_once_that_it_expires_also_without_state() {
    let events = stream(|add, advance| {
        add(1, 10);
        add(0, 70); // leaves nothing
        advance(60);
        add(2, 20); // within the lateness
        advance(70);
        add(3, 30); // too late
        advance(130);
    });
    let strategy = WindowingStrategy::of(minutely()).allowed_lateness(Duration::seconds(10));
    run_keyed(&events, strategy, Farewell, |found, way| {
        let expected = [("end [1]", 59), ("end [2]", 59), ("expired []", 59), ("expired []", 119)];
        assert_eq!(found, texts(expected), "{way:?}");
    });
}

#[test]
fn all_windows_of_a_bounded_input_expire_with_what_they_have() {
    in_every_way(
        |p| {
            let pairs = p.create_timestamped("Pairs", (0..20_000).map(|n| ((n as u64 % 1_000, 0), at(n))));
            pairs
                .window("Hourly", FixedWindows::of(Duration::hours(1)))
                .par_do_stateful("Farewell", Farewell)
                .collect("Out")
        },
        |out, _, way| assert_eq!(out.values(), vec!["expired []"; 6_000], "{way:?}"),
    );
}

#[derive(Default, StateRow)]
struct Batching {
    count: Value<u32>,
    flush: ProcessingTimer,
}

#[test]
fn a_timer_of_processing_time_fires_by_the_clock_and_not_at_the_end() {
    let batching = Program::<Batching> {
        process: |c, _, state, _| {
            if state.count.is_empty() {
                state.flush.set_relative(c, Duration::seconds(5));
            }
            *state.count.or_default() += 1;
            Ok(())
        },
        on_timer: |c, BatchingTimer::Flush, state, out| {
            assert!(c.processing_time() > c.fired_at());
            out.emit(format!("batch of {}", state.count.take().unwrap()));
            Ok(())
        },
    };
    let mut events = TestStream::new();
    for key in 0..3u64 {
        events.add((key, 1), at(100));
    }
    events.advance_processing_time(Duration::seconds(5)); // not yet after
    for key in 0..3u64 {
        events.add((key, 2), at(101));
    }
    events.advance_processing_time(Duration::millis(1)).advance_processing_time(Duration::seconds(30));
    for key in 0..3u64 {
        events.add((key, 3), at(102));
    }
    run_keyed(&events, WindowingStrategy::default(), batching, |found, way| {
        assert_eq!(found, texts([("batch of 2", 100)]), "{way:?}");
    });
}

#[test]
fn a_timer_of_processing_time_holds_the_element_that_set_it_until_it_has_fired() {
    for fires in [true, false] {
        let batching = Program::<Batching> {
            process: |c, _, state, _| {
                state.flush.set_relative(c, Duration::seconds(5));
                Ok(())
            },
            on_timer: |_, BatchingTimer::Flush, _, out| {
                out.emit("flushed".to_owned());
                Ok(())
            },
        };
        let mut events = TestStream::new();
        events.add((0u64, 1), at(10)).advance_watermark_to(at(100));
        if fires {
            events.advance_processing_time(Duration::seconds(6));
        }
        in_every_way(
            |p| {
                let flushed = p.test_stream("Events", &events).par_do_stateful("Batch", batching.clone());
                flushed.window("Minutely", minutely()).key_by("Text", String::clone).count("Count").collect("Out")
            },
            |out, metrics, way| {
                // At second 100 of event time its minute would be over. One that never fires does not keep the run.
                let expected = if fires { vec![("flushed".to_owned(), 1)] } else { vec![] };
                assert_eq!(out.sorted(), expected, "{way:?}");
                assert_eq!(metrics.get("Count", "dropped_late"), 0, "{way:?}");
            },
        );
    }
}

fn failure(windowing: impl Into<WindowingStrategy>, program: Program<Buffer>) -> String {
    let mut events = TestStream::new();
    events.add((1u64, 1), at(10));
    let p = Pipeline::new("test");
    p.test_stream("Events", &events).window("Window", windowing).par_do_stateful("Late", program).collect("Out");
    WAYS[0].run(&p).unwrap_err().to_string()
}

#[test]
fn a_timer_beyond_its_window_fails_with_what_to_do() {
    let beyond = || Program::<Buffer> {
        process: |_, _, state, _| {
            state.flush.set(at(60));
            Ok(())
        },
        on_timer: |_, _, _, _| Ok(()),
    };
    let error = failure(minutely(), beyond());
    assert!(error.contains("step \"Late\", element 0 of a batch of 1") && error.contains("timer `flush`"), "{error}");
    assert!(error.contains("within_window"), "{error}");
    let early = Program::<Buffer> {
        process: |_, _, state, _| {
            state.flush.set_with_output(at(20), at(9));
            Ok(())
        },
        ..beyond()
    };
    assert!(failure(minutely(), early).contains("before that of the call that sets it"));
}
