//! The pipeline of tests.

#![cfg(feature = "direct")]

use dataflow::prelude::*;
use dataflow::testing::{PAssert, TestPipeline, TestStream};
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
        let p = TestPipeline::new().threads(3).seed(41);
        PAssert::that("Numbers", &p.create("Create", [1])).is_empty();
        p.run();
    });
    let message = message.unwrap_or_default();
    assert!(message.starts_with("step \"Numbers\": the assertion at "), "{message}");
    assert!(message.contains("on 3 threads") && message.contains("seed: Some(41)"), "{message}");
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
