//! Assertions about collections: when they hold, and what they say when they do not.

#![allow(clippy::unwrap_used)]

use dataflow_core::graph::Graph;
use dataflow_core::{ErrorKind, PCollection, Pipeline, PipelineOptions, PipelineResult, Result, Runner, TestStream};
use dataflow_exec::testing::PAssert;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{AfterCount, AfterWatermark, Duration, FixedWindows, Timestamp, Window, WindowingStrategy};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn window(from: i64) -> Window {
    Window::new(at(from), at(from + 60))
}

/// Sums of a minute with an early, an on-time and a late result, and of the next minute with one on time.
fn sums(p: &Pipeline) -> PCollection<(u8, u64)> {
    let mut stream = TestStream::new();
    stream.add((1, 5), at(1)).advance_watermark_to(at(60)).add((1, 7), at(2)).add((1, 9), at(70));
    let trigger = AfterWatermark::past_end_of_window().early(AfterCount::at_least(1)).late(AfterCount::at_least(1));
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
        .triggering(trigger)
        .allowed_lateness(Duration::minutes(5))
        .accumulating();
    p.test_stream("Events", &stream).window("Minutely", windowing).sum("Sum", |n| *n)
}

#[test]
fn assertions_that_hold_let_the_run_end_well() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let sums = sums(&p);
        PAssert::that("All", &sums).satisfies(|sums| match sums.iter().map(|(_, n)| n).max() {
            Some(12) => Ok(()),
            other => Err(format!("the greatest is {other:?}")),
        });
        PAssert::that("By window", &sums)
            .in_early_panes(window(0))
            .singleton((1, 5))
            .in_on_time_pane(window(0))
            .singleton((1, 5))
            .in_late_panes(window(0))
            .singleton((1, 12))
            .in_window(window(0))
            .contains_in_any_order([(1, 12), (1, 5), (1, 5)])
            .in_combined_non_late_panes(window(0))
            .contains_in_any_order([(1, 5), (1, 5)])
            .in_final_pane(window(120))
            .is_empty();
        PAssert::that("None", &sums.filter("Zero", |(_, n)| *n == 0)).is_empty();
        let result = way.run(&p);
        assert!(result.is_ok(), "{way:?}: {}", result.unwrap_err());
    }
}

#[test]
fn a_failure_names_step_line_and_difference() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let numbers = p.create("Numbers", [1, 2, 2, 3]);
        let line = line!() + 1;
        PAssert::that("Squares", &numbers.map("Square", |n| n * n)).contains_in_any_order([1, 4, 9, 16]);
        let error = way.run(&p).unwrap_err();
        assert_eq!((error.kind(), error.step()), (ErrorKind::User, Some("Squares")), "{way:?}");
        assert!(error.message().contains(&format!("passert.rs:{line}:")), "{error}");
        let difference =
            "does not hold: expected 4, came 4, matched 3\n  missing (1):\n    - 16\n  unexpected (1):\n    + 4";
        assert!(error.message().ends_with(difference), "{error}");
    }
}

#[test]
fn a_failure_tells_windows_and_panes_and_all_that_is_wrong() {
    let p = Pipeline::new("test");
    PAssert::that("Sums", &sums(&p))
        .in_on_time_pane(window(0))
        .is_empty()
        .in_late_panes(window(0))
        .singleton((1, 12))
        .satisfies(|sums| Err(format!("{} is odd", sums.len())));
    let error = Way::on(1).run(&p).unwrap_err().message().to_owned();
    let minute = "[1970-01-01T00:00:00Z, 1970-01-01T00:01:00Z)";
    assert!(error.contains(&format!(", in the on-time pane of {minute} does not hold: expected 0, came 1")), "{error}");
    assert!(error.contains(&format!("+ (1, 5)  in {minute}  (pane 1, OnTime)\n")), "{error}");
    assert!(error.contains(&format!(", in the late panes of {minute} does not hold: 1 is odd")), "{error}");
    assert_eq!(error.matches("the assertion at").count(), 2, "{error}");
}

#[test]
fn a_failure_lists_what_came_in_other_windows_and_panes() {
    type Sums = PAssert<(u8, u64)>;
    let fails = |assert: fn(Sums) -> Sums| {
        let p = Pipeline::new("test");
        assert(PAssert::that("Sums", &sums(&p)));
        Way::on(1).run(&p).unwrap_err().message().to_owned()
    };
    let minute = "[1970-01-01T00:00:00Z, 1970-01-01T00:01:00Z)";
    let error = fails(|sums| sums.in_late_panes(window(60)).singleton((1, 9)));
    assert!(error.contains("\n  missing (1):\n    - (1, 9)\n  in other windows and panes (5):\n      (1, "), "{error}");
    assert!(error.contains(&format!("\n      (1, 12)  in {minute}  (pane 2, Late)")), "{error}");
    let error = fails(|sums| sums.in_final_pane(window(0)).singleton((1, 12)));
    assert!(error.contains("no pane of the window is known to be the last"), "{error}");
    assert!(error.contains("`.closing(ClosingBehavior::FireAlways)`"), "{error}");
    let error = fails(|sums| sums.in_final_pane(window(600)).singleton((1, 12)));
    assert!(!error.contains("closing"), "the window is wrong, not its closing: {error}");
}

#[test]
fn of_much_that_came_elsewhere_some_is_shown() {
    let p = Pipeline::new("test");
    PAssert::that("Numbers", &p.create("Create", 0..1_000)).in_window(window(0)).singleton(7);
    let error = Way::on(2).run(&p).unwrap_err().message().to_owned();
    assert!(error.contains("in other windows and panes (1000):") && error.ends_with("and 980 more"), "{error}");
    assert!(error.lines().count() < 30, "{error}");
}

#[test]
fn an_only_pane_has_no_second_one() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let counts = p.create_timestamped("Numbers", [(1, at(1)), (2, at(2)), (1, at(3)), (1, at(61))]);
        let minutely = counts.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        PAssert::that("Counts", &minutely.key_by("Number", |n| *n).count("Count"))
            .in_only_pane(window(0))
            .contains_in_any_order([(1, 2), (2, 1)])
            .in_only_pane(window(60))
            .singleton((1, 1));
        let result = way.run(&p);
        assert!(result.is_ok(), "{way:?}: {}", result.unwrap_err());

        let p = Pipeline::new("test");
        PAssert::that("Sums", &sums(&p)).in_only_pane(window(0)).contains_in_any_order([(1, 12), (1, 5), (1, 5)]);
        let error = way.run(&p).unwrap_err();
        assert!(error.message().contains("more than one pane: 2 of 3 came after the first"), "{way:?}: {error}");
    }
}

#[test]
fn an_assertion_that_panics_fails_the_run() {
    let p = Pipeline::new("test");
    let numbers = p.create("Numbers", [1, 2]);
    PAssert::that("Numbers are few", &numbers).satisfies(|numbers| {
        assert!(numbers.len() < 2, "there are {}", numbers.len());
        Ok(())
    });
    let error = Way::on(2).run(&p).unwrap_err();
    assert_eq!((error.step(), error.message()), (Some("Numbers are few"), "panicked: there are 2"));
}

/// What a panic of `f` says; nothing if there is none.
fn panic_of(f: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(f)).err()?;
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
}

#[test]
fn an_assertion_that_was_never_checked_panics() {
    let message = panic_of(|| {
        let p = Pipeline::new("test");
        PAssert::that("Forgotten", &p.create("Numbers", [1])).is_empty();
    });
    let message = message.unwrap();
    assert!(message.starts_with("the assertions of step \"Forgotten\", made at "), "{message}");
    assert!(message.contains("passert.rs:") && message.ends_with("were never checked: run the pipeline"), "{message}");
}

#[test]
fn a_result_that_nobody_waited_for_panics() {
    let run = |assertions: bool| {
        panic_of(|| {
            let p = Pipeline::new("test");
            let numbers = p.create("Numbers", [1]);
            if assertions {
                PAssert::that("Forgotten", &numbers).is_empty();
            }
            let runner = runner_direct::DirectRunner::new().handle_signals(false);
            let result = p.run_on(&runner, &PipelineOptions::default()).unwrap();
            while !result.is_finished() {
                std::thread::yield_now();
            }
        })
    };
    let message = run(true).unwrap();
    assert!(message.starts_with("the assertions of step \"Forgotten\", made at "), "{message}");
    assert!(message.ends_with("were never checked: call `wait_until_finish` on what `run` returns"), "{message}");
    assert_eq!(run(false), None, "without assertions a pipeline may go on by itself");
}

#[test]
fn an_assertion_that_says_nothing_is_an_error_before_anything_is_read() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let numbers = p.create("Numbers", [1]).map("Never", |_| -> u8 { panic!("was read") });
        _ = PAssert::that("Nothing", &numbers);
        let error = way.run(&p).unwrap_err();
        assert_eq!((error.kind(), error.step()), (ErrorKind::Graph, Some("Nothing")), "{way:?}");
        assert!(error.message().contains("passert.rs:") && error.message().contains("says nothing"), "{error}");
    }
}

#[test]
fn a_pipeline_that_was_found_wrong_says_only_that() {
    let message = panic_of(|| {
        let p = Pipeline::new("test");
        PAssert::that("Same", &p.create("Same", [1])).is_empty();
        assert!(Way::on(1).run(&p).unwrap_err().message().contains("two steps with this name"));
    });
    assert_eq!(message, None);
}

#[test]
fn a_pipeline_that_was_run_says_so_and_not_that_it_is_empty() {
    let p = Pipeline::new("squares");
    let numbers = p.create("Numbers", [1, 2]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    let shown = p.explain(&PipelineOptions::default());
    Way::on(2).run(&p).unwrap();
    let again = Way::on(2).run(&p).unwrap_err();
    assert!(again.message().starts_with("pipeline \"squares\" was run already"), "{again}");
    assert_eq!(again.kind(), ErrorKind::Graph);
    let other = p.create("Others", [3]);
    assert_eq!(numbers.windowing(), WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))));
    numbers.map("Square", |n| n * n).flatten("Both", &[other]).key_by("N", |n| *n).count("Count");
    let (_, steps) = shown.split_once("2 steps, fused\n").unwrap();
    assert!(p.explain(&PipelineOptions::default()).contains(steps), "{shown}");
    assert_eq!(p.check().unwrap_err().message(), again.message());
    assert_eq!(p.metrics().get("Numbers", "elements_out"), 2);

    PAssert::that("Too late", &numbers).is_empty();
    let message = panic_of(|| drop((p, numbers))).unwrap();
    assert!(message.contains("step \"Too late\""), "{message}");
}

#[test]
fn a_test_that_fails_anyway_says_why_and_not_that_nothing_was_checked() {
    let message = panic_of(|| {
        let p = Pipeline::new("test");
        PAssert::that("Forgotten", &p.create("Numbers", [1])).is_empty();
        panic!("the real reason");
    });
    assert_eq!(message.as_deref(), Some("the real reason"));
}

#[test]
fn a_run_that_cannot_start_or_fails_keeps_its_own_error() {
    struct Refuses;
    impl Runner for Refuses {
        fn name(&self) -> &str {
            "refuses"
        }
        fn run(&self, _: Graph, _: &PipelineOptions) -> Result<PipelineResult> {
            Err(dataflow_core::Error::options("not today"))
        }
    }
    let p = Pipeline::new("test");
    PAssert::that("Numbers", &p.create("Create", [1])).is_empty();
    assert_eq!(p.run_on(&Refuses, &PipelineOptions::default()).err().unwrap().message(), "not today");

    let p = Pipeline::new("test");
    PAssert::that("Numbers", &p.create("Create", [0]).map("Divide", |n| 1 / n)).is_empty();
    assert_eq!(Way::on(2).run(&p).unwrap_err().step(), Some("Divide"));
}
