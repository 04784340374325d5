//! The pipeline of tests.

#![cfg(feature = "direct")]

use dataflow::core::KeyedDoFn;
use dataflow::core::state::{EventTimer, KeyContext, OrderedList, ProcessingTimer};
use dataflow::derive::StateRow;
use dataflow::prelude::*;
use dataflow::testing::{KeyedDoFnTester, PAssert, StreamEvent, TestPipeline, TestStream, TestStreamProgram};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic of `f` says; nothing if there is none.
fn panic_of(f: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(f)).err()?;
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
}

#[test]
fn a_run_tells_its_counters() {
    for threads in 1..4 {
        let mut stream = TestStream::new();
        stream.add((1, 1), Timestamp::from_seconds(1)).advance_watermark_to(Timestamp::from_seconds(60));
        stream.add((1, 1), Timestamp::from_seconds(2));
        let p = TestPipeline::new().threads(threads).restart_every(1).seed(7);
        let minutely = p.test_stream("Events", &stream).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        PAssert::that("Counts", &minutely.count("Count")).singleton((1, 1));
        let result = p.run();
        assert_eq!(result.dropped_late("Count"), 1);
        assert_eq!(result.counter("Minutely", "elements_in"), 2);
        assert_eq!(result.counter("Minutely", "unheard of"), 0);
        assert_eq!(result.metrics().sum("dropped_late"), 1);
    }
}

#[test]
fn a_failed_assertion_fails_the_test_and_says_how_it_was_run() {
    let message = panic_of(|| {
        let p = TestPipeline::new().threads(3).seed(41).restart_every(5);
        PAssert::that("Numbers", &p.create("Create", [1])).is_empty();
        p.run();
    });
    let message = message.unwrap_or_default();
    assert!(message.starts_with("step \"Numbers\": the assertion at "), "{message}");
    let again = "\nto run it this way again: TestPipeline::new().threads(3).restart_every(5).seed(41)";
    assert!(message.ends_with(again), "{message}");
}

#[test]
fn a_random_run_that_fails_says_how_to_repeat_it() {
    let message = panic_of(|| {
        let p = TestPipeline::random();
        PAssert::that("Numbers", &p.create("Create", [1])).is_empty();
        p.run();
    });
    let message = message.unwrap_or_default();
    let again = message.lines().last().unwrap_or_default();
    assert!(again.starts_with("to run it this way again: TestPipeline::new().threads("), "{message}");
    let seed = again.rsplit_once(".seed(").and_then(|(_, rest)| rest.split_once(')')).map(|(seed, _)| seed);
    let variable = format!(", or set DATAFLOW_TEST_SEED={} for the same test", seed.unwrap_or_default());
    assert!(again.ends_with(&variable), "{message}");
}

/// A process of its own with this test and a seed, as the environment belongs to all threads.
#[test]
fn the_environment_sets_the_seed_of_random_runs() {
    const INNER: &str = "DATAFLOW_TEST_SEED_INNER";
    let me = "the_environment_sets_the_seed_of_random_runs";
    if std::env::var(INNER).is_ok() {
        let p = TestPipeline::random();
        let numbers = p.create("Create", [1]).collect("Out");
        p.run();
        assert!(numbers.values().is_empty(), "the test looks at the output by itself");
    }
    let outer = |seed: &str| {
        let process = std::env::current_exe().map(|exe| {
            let mut process = std::process::Command::new(exe);
            process.args([me, "--exact", "--nocapture"]).env(INNER, "1").env("DATAFLOW_TEST_SEED", seed);
            process.output()
        });
        let output = process.and_then(|output| output);
        output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr))
    };
    let said = outer("42").unwrap_or_default();
    assert!(said.contains("the test looks at the output by itself"), "{said}");
    assert!(said.contains(".seed(42), or set DATAFLOW_TEST_SEED=42 for the same test"), "{said}");
    let said = outer("lots").unwrap_or_default();
    assert!(said.contains("DATAFLOW_TEST_SEED=lots is no seed: give a number"), "{said}");
}

#[test]
fn an_error_can_be_looked_at() {
    let p = TestPipeline::new();
    p.create("Create", [0]).map("Divide", |n| 1 / n).collect("Out");
    assert_eq!(p.try_run().err().and_then(|e| e.step().map(str::to_owned)).as_deref(), Some("Divide"));
}

#[test]
fn a_pipeline_that_was_never_run_fails_the_test() {
    let message = panic_of(|| {
        let p = TestPipeline::new();
        PAssert::that("Numbers", &p.create("Create", [1])).is_empty();
    });
    assert_eq!(message.as_deref(), Some("the test pipeline was never run: call `run` when it is built"));
}

#[derive(Default, StateRow)]
struct Waiting {
    values: OrderedList<i64>,
    tick: EventTimer,
    flush: ProcessingTimer,
}

/// Gives values out one by one, every ten seconds of event time, or all after a minute of processing time.
#[derive(Clone)]
struct Trickle;

impl KeyedDoFn for Trickle {
    type Key = u64;
    type In = i64;
    type Out = String;
    type State = Waiting;

    fn process(
        &mut self,
        context: &KeyContext<'_, u64>,
        element: Element<i64>,
        waiting: &mut Waiting,
        _: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        waiting.values.add(element.timestamp, element.value);
        let at = context.within_window(element.timestamp + Duration::seconds(10));
        waiting.tick.set_with_output(at, element.timestamp);
        waiting.flush.set_relative(context, Duration::minutes(1));
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        timer: WaitingTimer,
        waiting: &mut Waiting,
        out: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        while let Some((time, value)) = waiting.values.pop_first() {
            out.emit(format!("{timer:?} {}: {value} of {time} at {}", context.key(), context.fired_at()));
            if timer == WaitingTimer::Tick {
                waiting.tick.set(context.within_window(context.fired_at() + Duration::seconds(10)));
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn a_keyed_do_fn_does_in_a_tester_what_it_does_in_a_pipeline() {
    let at = Timestamp::from_seconds;
    let element = |key: u64, value: i64, second: i64| ((key, value), at(second));
    let events = [
        StreamEvent::Elements(vec![element(1, 1, 0), element(1, 2, 5), element(2, 3, 7), element(1, 4, 61)]),
        StreamEvent::ProcessingTime(Duration::seconds(59)),
        StreamEvent::Watermark(at(15)),
        StreamEvent::Elements(vec![element(2, 5, 8), element(3, 6, 3), element(3, 7, 70)]),
        StreamEvent::Watermark(at(17)),
        StreamEvent::ProcessingTime(Duration::seconds(2)),
        StreamEvent::Watermark(at(80)),
        StreamEvent::Elements(vec![element(1, 8, 50), element(2, 9, 79)]), // one is too late
        StreamEvent::ProcessingTime(Duration::minutes(1)),
    ];
    let windows = FixedWindows::of(Duration::minutes(1));
    let mut expected = Vec::new();
    for restarts in [false, true] {
        let mut tester = KeyedDoFnTester::new(Trickle).windowed(windows).restart_after_each_step(restarts);
        for event in &events {
            let done = match event {
                StreamEvent::Elements(elements) => {
                    tester.process_bundle(elements.iter().map(|((key, value), time)| (*key, *value, *time)))
                }
                StreamEvent::Watermark(to) => tester.advance_watermark_to(*to),
                StreamEvent::ProcessingTime(by) => tester.advance_processing_time(*by),
                StreamEvent::Idle => Ok(()),
            };
            assert!(done.is_ok(), "{event:?}: {done:?}");
        }
        assert!(tester.finish().is_ok() && tester.keys().is_empty());
        assert_eq!(tester.dropped_late(), 1);
        let mut outputs: Vec<_> =
            tester.take_outputs().into_iter().map(|e| (e.timestamp, e.window(), e.value)).collect();
        outputs.sort();
        assert!(expected.is_empty() || expected == outputs);
        expected = outputs;
    }
    let kinds = ["Tick", "Flush"].map(|kind| expected.iter().filter(|(_, _, text)| text.starts_with(kind)).count());
    assert!(kinds.iter().all(|n| *n > 1), "{expected:?}");

    let p = TestPipeline::new();
    let stream = TestStreamProgram::new(events).stream();
    let outputs = p.test_stream("Events", &stream).window("Minutely", windows).par_do_stateful("Trickle", Trickle);
    let outputs = outputs.collect("Outputs");
    assert_eq!(p.run().dropped_late("Trickle"), 1);
    let mut actual: Vec<_> = outputs.elements().into_iter().map(|e| (e.timestamp, e.window(), e.value)).collect();
    actual.sort();
    assert_eq!(actual, expected);
}
