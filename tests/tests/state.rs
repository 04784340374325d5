//! State and timers of keys, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{
    Bag, EventTimer, EventTimerFamily, Expiring, KeyContext, Map, OrderedList, ProcessingTimer, StateRow, Value,
};
use dataflow_core::{BoxError, Element, KeyedDoFn, OnWindowExpiration, Output, PCollection, Pipeline, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{
    AfterWatermark, Duration, FixedWindows, GlobalWindows, Sessions, SlidingWindows, Timestamp, Window,
    WindowingStrategy,
};

type Done = Result<(), BoxError>;
type Context<'a> = KeyContext<'a, u64>;
type Texts<'a> = Output<'a, String>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

const SECOND: Duration = Duration::seconds(1);

/// A DoFn of two functions. It says what it does in texts.
struct Program<S: StateRow> {
    process: fn(&Context<'_>, Element<i64>, &mut S, &mut Texts<'_>) -> Done,
    on_timer: fn(&Context<'_>, S::Timer, &mut S, &mut Texts<'_>) -> Done,
}

impl<S: StateRow> Clone for Program<S> {
    fn clone(&self) -> Self {
        Program { ..*self }
    }
}

impl<S: StateRow> KeyedDoFn for Program<S> {
    type Key = u64;
    type In = i64;
    type Out = String;
    type State = S;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut S, out: &mut Texts<'_>) -> Done {
        (self.process)(c, element, state, out)
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: S::Timer, state: &mut S, out: &mut Texts<'_>) -> Done {
        (self.on_timer)(c, timer, state, out)
    }
}

/// A stream of the same events for three keys, so that all threads have something to do.
fn stream(fill: impl Fn(&mut dyn FnMut(i64, i64), &mut dyn FnMut(i64))) -> TestStream<(u64, i64)> {
    let stream = std::cell::RefCell::new(TestStream::new());
    fill(
        &mut |value, seconds| {
            for key in 0..3 {
                stream.borrow_mut().add((key, value), at(seconds));
            }
        },
        &mut |seconds| {
            stream.borrow_mut().advance_watermark_to(at(seconds));
        },
    );
    stream.into_inner()
}

/// What comes of each of the keys in fixed windows of a minute: texts with their times in seconds, sorted.
fn outputs(out: &Collected<(u64, String)>) -> Vec<(String, i64)> {
    let of = |key| {
        let elements = out.elements().into_iter().filter(|e| e.value.0 == key);
        let mut texts: Vec<_> = elements.map(|e| (e.value.1, e.timestamp.as_millis() / 1_000)).collect();
        texts.sort();
        texts
    };
    assert_eq!(of(0), of(1));
    assert_eq!(of(0), of(2));
    of(0)
}

fn run_keyed<D>(
    stream: &TestStream<(u64, i64)>,
    windowing: impl Into<WindowingStrategy> + Clone,
    do_fn: D,
    check: impl Fn(Vec<(String, i64)>, Way),
) where
    D: KeyedDoFn<Key = u64, In = i64, Out = String> + Sync,
{
    in_every_way(
        |p| {
            let windowed = p.test_stream("Events", stream).window("Window", windowing.clone());
            windowed.par_do_stateful("Program", WithKey(do_fn.clone())).collect("Out")
        },
        |out, _, way| check(outputs(&out), way),
    );
}

/// Adds the key to what another DoFn emits.
#[derive(Clone)]
struct WithKey<D>(D);

impl<D: KeyedDoFn<Key = u64, In = i64, Out = String>> WithKey<D> {
    fn with(
        &mut self,
        c: &Context<'_>,
        out: &mut Output<'_, (u64, String)>,
        call: impl FnOnce(&mut D, &mut Texts<'_>) -> Done,
    ) -> Done {
        let mut batch = dataflow_core::plane::Batch::default();
        let now = Element::new((), c.timestamp(), c.window(), dataflow_windows::PaneInfo::NO_FIRING);
        call(&mut self.0, &mut Output::new(&mut batch, Some(now)))?;
        for (i, text) in std::mem::take(&mut batch.values).into_iter().enumerate() {
            out.emit_at((*c.key(), text), batch.times.get(i), batch.window(i));
        }
        Ok(())
    }

    fn expired(&mut self, c: &Context<'_>, state: &mut D::State, out: &mut Output<'_, (u64, String)>) -> Done {
        self.with(c, out, |d, out| D::ON_WINDOW_EXPIRATION.map_or(Ok(()), |f| f(d, c, state, out)))
    }
}

impl<D: KeyedDoFn<Key = u64, In = i64, Out = String>> KeyedDoFn for WithKey<D> {
    type Key = u64;
    type In = i64;
    type Out = (u64, String);
    type State = D::State;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = match D::ON_WINDOW_EXPIRATION {
        Some(_) => Some(Self::expired),
        None => None,
    };

    fn process(&mut self, c: &Context<'_>, e: Element<i64>, s: &mut D::State, out: &mut Output<'_, Self::Out>) -> Done {
        self.with(c, out, |d, out| d.process(c, e, s, out))
    }

    fn on_timer(
        &mut self,
        c: &Context<'_>,
        timer: <D::State as StateRow>::Timer,
        s: &mut D::State,
        out: &mut Output<'_, Self::Out>,
    ) -> Done {
        self.with(c, out, |d, out| d.on_timer(c, timer, s, out))
    }
}

fn texts<const N: usize>(expected: [(&str, i64); N]) -> Vec<(String, i64)> {
    expected.into_iter().map(|(text, at)| (text.to_owned(), at)).collect()
}

fn minutely() -> FixedWindows {
    FixedWindows::of(Duration::minutes(1))
}

#[derive(Default, StateRow)]
struct Count {
    count: Value<u64>,
}

fn counting() -> Program<Count> {
    Program {
        process: |_, element, state, out| {
            *state.count.or_default() += 1;
            out.emit(format!("{} is #{}", element.value, state.count.get_or_default()));
            Ok(())
        },
        on_timer: |_, timer, _, _| match timer {},
    }
}

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

#[test]
fn merging_windows_are_refused_with_a_way_out() {
    let p = Pipeline::new("test");
    let sessions = Sessions::with_gap(Duration::minutes(5));
    p.create("Pairs", vec![(1u64, 1i64)]).window("Sessions", sessions).par_do_stateful("Count", counting());
    let error = p.check().unwrap_err().to_string();
    assert!(error.contains("step \"Count\"") && error.contains("a stateful DoFn on merging windows"), "{error}");
    assert!(error.contains("a timer for the end of a session"), "{error}");
}

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
