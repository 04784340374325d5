//! Errors and panics of user code, and runs that are ended from outside.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{BoxError, DoFn, Element, ErrorKind, Output, Pipeline, PipelineOptions, Poll, Result, Sink};
use dataflow_core::{Runner, SinkContext, SinkWriter, Source, SourceReader};
use dataflow_exec::transforms::*;
use dataflow_tests::WAYS;
use dataflow_windows::Timestamp;
use runner_direct::DirectRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const N: u64 = 50_000;

#[test]
fn a_panic_ends_the_run_with_the_step_and_the_position() {
    for way in WAYS {
        let p = Pipeline::new("test");
        p.create("Numbers", 0..N)
            .map("Double", |n| n * 2)
            .map("Check", |n| {
                assert!(n != 40_014, "did not expect {n}");
                n
            })
            .collect("Out");
        let error = way.run(&p).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::User, "{way:?}");
        assert_eq!(error.step(), Some("Check"), "{way:?}");
        assert!(error.message().contains("panicked: did not expect 40014"), "{error}");
        let position = error.position().unwrap();
        if way.threads == 1 && way.seed.is_none() {
            let expected = "element 551 of a batch of 1024, read at values before number 20480"; // 20_007 % 1024
            assert_eq!(position, expected);
        } else {
            assert!(
                position.starts_with("element ") && position.contains("read at values before number"),
                "{position}"
            );
        }
    }
}

#[derive(Clone)]
struct FailsAt(u64);

impl DoFn for FailsAt {
    type In = u64;
    type Out = u64;

    fn process(&mut self, n: Element<u64>, out: &mut Output<'_, u64>) -> Result<(), BoxError> {
        if n.value == self.0 {
            return Err("the account is closed".into());
        }
        out.emit(n.value);
        Ok(())
    }
}

#[test]
fn an_error_behind_an_exchange_ends_the_run_with_the_step() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let keyed = p.create("Numbers", 0..8_000u64).key_by("Number", |n| *n).count("Count");
        keyed.map("Key", |(k, _)| k).par_do("Book", FailsAt(7_234)).collect("Out");
        let error = way.run(&p).unwrap_err();
        assert_eq!((error.step(), error.message()), (Some("Book"), "the account is closed"), "{way:?}");
    }
}

#[test]
fn a_panic_in_a_key_function_names_the_step_that_needs_the_key() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let key = |n: &u64| 1_000 / (n - 7);
        p.create("Numbers", 8..N)
            .flatten("All", &[p.create("Seven", [7])])
            .key_by("Key", key)
            .count("Count")
            .collect("Out");
        let error = way.run(&p).unwrap_err();
        assert_eq!(error.step(), Some("Count"), "{way:?}: {error}");
        assert!(error.message().contains("divide by zero"), "{error}");
    }
}

#[test]
fn what_set_up_fails_with_ends_the_run() {
    #[derive(Clone)]
    struct NoConnection;
    impl DoFn for NoConnection {
        type In = u64;
        type Out = u64;
        fn setup(&mut self) -> Result<(), BoxError> {
            Err("cannot connect".into())
        }
        fn process(&mut self, _: Element<u64>, _: &mut Output<'_, u64>) -> Result<(), BoxError> {
            Ok(())
        }
    }
    for way in WAYS {
        let p = Pipeline::new("test");
        p.create("Numbers", 0..10).par_do("Ask", NoConnection).collect("Out");
        let error = way.run(&p).unwrap_err();
        assert_eq!(error.to_string(), "step \"Ask\": cannot connect");
    }
}

/// Numbers for ever; with a watermark that follows.
struct Endless;

struct EndlessReader(u64);

impl Source for Endless {
    type Element = u64;
    type Split = u64;
    type Reader = EndlessReader;

    fn boundedness(&self) -> dataflow_core::Boundedness {
        dataflow_core::Boundedness::Unbounded
    }
    fn splits(&self, _: usize) -> Result<Vec<u64>> {
        Ok(vec![0])
    }
    fn open(&self, next: u64) -> Result<EndlessReader> {
        Ok(EndlessReader(next))
    }
}

impl SourceReader for EndlessReader {
    type Element = u64;
    type Split = u64;

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        let next = self.0;
        batch.fill(100, |i| (next + i as u64, Timestamp::from_seconds((next + i as u64) as i64)));
        self.0 += 100;
        Ok(Poll::More)
    }
    fn watermark(&self) -> Timestamp {
        Timestamp::from_seconds(self.0 as i64)
    }
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.0)
    }
}

/// Counts how its life cycle goes.
#[derive(Default)]
struct Life {
    written: AtomicU64,
    closed: AtomicU64,
    finished: AtomicU64,
    aborted: AtomicU64,
}

struct Watched(Arc<Life>);

impl Sink<u64> for Watched {
    type Writer = WatchedWriter;

    fn open(&self, _: SinkContext) -> Result<WatchedWriter> {
        Ok(WatchedWriter(self.0.clone()))
    }
    fn finish(&self) -> Result<()> {
        self.0.finished.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn abort(&self) {
        self.0.aborted.fetch_add(1, Ordering::SeqCst);
    }
}

struct WatchedWriter(Arc<Life>);

impl SinkWriter<u64> for WatchedWriter {
    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        self.0.written.fetch_add(batch.len() as u64, Ordering::SeqCst);
        Ok(())
    }
    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        Ok(vec![])
    }
    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        self.0.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn endless(threads: u16) -> (dataflow_core::PipelineResult, Arc<Life>) {
    let life = Arc::new(Life::default());
    let p = Pipeline::new("endless");
    let minutely = p
        .read("Read", Endless)
        .window("Minutely", dataflow_windows::FixedWindows::of(dataflow_windows::Duration::minutes(1)));
    minutely.key_by("Key", |n| n % 7).count("Count").map("Value", |(_, n)| n).write("Write", Watched(life.clone()));
    let options = PipelineOptions::default().with_threads(threads);
    let result = p.run_on(&DirectRunner::new().handle_signals(false), &options).unwrap();
    let start = Instant::now();
    while life.written.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "windows close while the source goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
    (result, life)
}

#[test]
fn draining_works_off_what_was_read_and_ends_well() {
    for threads in [1, 3] {
        let (mut result, life) = endless(threads);
        result.drain();
        result.wait_until_finish().unwrap();
        let counted = |name| result.metrics().get(name, "elements_in");
        assert_eq!(counted("Minutely"), counted("Count"));
        assert_eq!(life.closed.load(Ordering::SeqCst), u64::from(threads));
        assert_eq!((life.finished.load(Ordering::SeqCst), life.aborted.load(Ordering::SeqCst)), (1, 0));
    }
}

#[test]
fn cancelling_ends_the_run_without_closing_sinks() {
    for threads in [1, 3] {
        let (mut result, life) = endless(threads);
        result.cancel();
        assert_eq!(result.wait_until_finish().unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(life.closed.load(Ordering::SeqCst), 0);
        assert_eq!((life.finished.load(Ordering::SeqCst), life.aborted.load(Ordering::SeqCst)), (0, 1));
    }
}

#[test]
fn a_failure_on_one_thread_keeps_all_sinks_from_closing() {
    for way in WAYS {
        let life = Arc::new(Life::default());
        let p = Pipeline::new("test");
        let numbers = p.create("Numbers", 0..N);
        numbers.write("Write", Watched(life.clone()));
        numbers.par_do("Fail", FailsAt(N - 1)).collect("Out");
        assert_eq!(way.run(&p).unwrap_err().step(), Some("Fail"));
        assert_eq!((life.closed.load(Ordering::SeqCst), life.aborted.load(Ordering::SeqCst)), (0, 1), "{way:?}");
    }
}

#[test]
fn a_runner_of_ones_own_is_a_runner() {
    struct Explainer(Arc<std::sync::Mutex<String>>);
    impl Runner for Explainer {
        fn name(&self) -> &str {
            "explain"
        }
        fn run(
            &self,
            graph: dataflow_core::graph::Graph,
            options: &PipelineOptions,
        ) -> Result<dataflow_core::PipelineResult> {
            *self.0.lock().unwrap() = graph.explain(options.threads());
            DirectRunner::new().handle_signals(false).run(graph, options)
        }
    }
    let p = Pipeline::new("test");
    p.create("Numbers", 0..10).collect("Out");
    let text = Arc::default();
    p.run_on(&Explainer(Arc::clone(&text)), &PipelineOptions::default()).unwrap().wait_until_finish().unwrap();
    assert!(text.lock().unwrap().contains("Numbers [Read: 10 values]"));
}

/// A source whose reader panics or fails when asked.
struct Broken(&'static str);

struct BrokenReader(&'static str);

impl Source for Broken {
    type Element = u64;
    type Split = u64;
    type Reader = BrokenReader;

    fn splits(&self, _: usize) -> Result<Vec<u64>> {
        Ok(vec![0, 1, 2])
    }
    fn open(&self, split: u64) -> Result<BrokenReader> {
        assert!(self.0 != "open" || split < 2, "the disk is gone");
        Ok(BrokenReader(self.0))
    }
}

impl SourceReader for BrokenReader {
    type Element = u64;
    type Split = u64;

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        match self.0 {
            "panic" => panic!("the line is cut"),
            "error" => Err(dataflow_core::Error::data("the line is cut")),
            _ => {
                batch.push(1, Timestamp::MIN);
                Ok(Poll::End)
            }
        }
    }
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(0)
    }
    fn position(&self) -> String {
        "byte 17".to_owned()
    }
}

#[test]
fn a_source_that_panics_or_fails_ends_the_run_with_its_name_and_position() {
    for way in WAYS {
        for (how, message) in [("panic", "the line is cut"), ("error", "the line is cut"), ("open", "the disk is gone")]
        {
            let p = Pipeline::new("test");
            p.read("Read", Broken(how)).key_by("Key", |n| *n).count("Count").collect("Out");
            let error = way.run(&p).unwrap_err();
            assert_eq!(error.step(), Some("Read"), "{way:?}, {how}: {error}");
            assert!(error.message().contains(message), "{error}");
            assert_eq!(error.position(), (how != "open").then_some("byte 17"), "{how}");
        }
    }
}

#[test]
fn a_panic_while_a_step_is_torn_down_does_not_hang_the_run() {
    #[derive(Clone)]
    struct Fragile;
    impl DoFn for Fragile {
        type In = u64;
        type Out = u64;
        fn process(&mut self, n: Element<u64>, _: &mut Output<'_, u64>) -> Result<(), BoxError> {
            if n.value == 7 { Err("seven".into()) } else { Ok(()) }
        }
        fn teardown(&mut self) {
            assert!(std::thread::panicking(), "cannot be torn down");
        }
    }
    for way in WAYS {
        let p = Pipeline::new("test");
        p.create("Numbers", 0..1_000).par_do("Break", Fragile).collect("Out");
        assert_eq!(way.run(&p).unwrap_err().kind(), ErrorKind::User, "{way:?}");
    }
}
