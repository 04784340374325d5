//! Streams of events made up at random.

use super::{StreamEvent, TestStreamProgram};
use dataflow_windows::{Duration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Strategy, any, prop_oneof};
use proptest::strategy::NewTree;
use proptest::test_runner::TestRunner;
use std::fmt::Debug;

/// Streams of these elements, for property tests. What fails is shrunk to few events and printed as code.
///
/// No element is behind the watermark unless [late ones](Streams::with_late_elements) are asked for.
///
/// ```
/// use dataflow_exec::testing::{streams, TestStreamProgram};
/// use proptest::prelude::*;
/// use proptest::test_runner::{TestError, TestRunner};
///
/// let mut runner = TestRunner::deterministic();
/// let wrong = |program: TestStreamProgram<u32>| {
///     prop_assert!(program.elements().all(|(value, _)| *value < 10));
///     Ok(())
/// };
/// let Err(TestError::Fail(_, smallest)) = runner.run(&streams(0..100u32), wrong) else { panic!("must fail") };
/// let expected = "let mut stream = TestStream::new();\nstream.add(10, Timestamp::from_millis(0));\n";
/// assert_eq!(format!("{smallest:?}"), expected);
/// ```
pub fn streams<S: Strategy>(elements: S) -> Streams<S> {
    let (start, span) = (Timestamp::from_seconds(0), Duration::minutes(5));
    Streams { elements, events: 12, start, span, late: false, processing_time: false, idle: false }
}

/// A strategy that makes [`TestStreamProgram`]s: see [`streams`].
#[derive(Clone, Copy, Debug)]
pub struct Streams<S> {
    elements: S,
    events: usize,
    start: Timestamp,
    span: Duration,
    late: bool,
    processing_time: bool,
    idle: bool,
}

impl<S> Streams<S> {
    /// At most so many events (12 if nothing is said).
    #[must_use]
    pub fn at_most(self, events: usize) -> Self {
        Streams { events, ..self }
    }

    /// Timestamps and watermarks begin at `start` (1970 if nothing is said). They are not always whole milliseconds from
    /// there, and what fails is shrunk towards it.
    ///
    /// ```
    /// use dataflow_exec::testing::{streams, TestStreamProgram};
    /// use dataflow_windows::{Duration, Timestamp};
    /// use proptest::prelude::*;
    ///
    /// // Around 1970 division rounds the other way.
    /// let start = Timestamp::from_seconds(-60);
    /// let clicks = streams(0..9u8).starting_at(start).over(Duration::minutes(2));
    /// # use proptest::test_runner::TestRunner;
    /// # let inside = |p: TestStreamProgram<u8>| {
    /// #     prop_assert!(p.elements().all(|(_, t)| *t >= start && *t <= start + Duration::minutes(2)));
    /// #     Ok(())
    /// # };
    /// # TestRunner::deterministic().run(&clicks, inside).unwrap();
    /// ```
    #[must_use]
    pub fn starting_at(self, start: Timestamp) -> Self {
        Streams { start, ..self }
    }

    /// Timestamps and watermarks are up to `span` after the [start](Self::starting_at) (5 minutes if nothing is said).
    #[must_use]
    pub fn over(self, span: Duration) -> Self {
        Streams { span, ..self }
    }

    /// Elements may be behind the watermark.
    #[must_use]
    pub fn with_late_elements(self) -> Self {
        Streams { late: true, ..self }
    }

    /// Processing time moves, too: up to a minute at a time.
    #[must_use]
    pub fn with_processing_time(self) -> Self {
        Streams { processing_time: true, ..self }
    }

    /// The stream is idle now and then. What comes afterwards is not behind its own watermark, but can be behind that of
    /// others that went on.
    #[must_use]
    pub fn with_idleness(self) -> Self {
        Streams { idle: true, ..self }
    }
}

/// An event, with times in microseconds from the start, before these are fitted to those before it, so that a program stays right when events are left out.
#[derive(Clone, Debug)]
enum Raw<T> {
    Elements(Vec<(T, i64)>),
    Watermark(i64),
    ProcessingTime(Duration),
    Idle,
}

impl<S> Streams<S>
where
    S: Strategy + Clone + 'static,
    S::Value: Clone,
{
    fn boxed_strategy(&self) -> BoxedStrategy<TestStreamProgram<S::Value>> {
        let span = self.span.as_micros().max(1);
        // Mostly whole seconds: the ends of windows are among them.
        let whole = move |unit: i64| (0..=span / unit).prop_map(move |n| n * unit);
        let micros = move || prop_oneof![6 => whole(1_000_000), 1 => whole(1_000), 1 => whole(1)];
        let elements = vec((self.elements.clone(), micros()), 1..=4).prop_map(Raw::Elements);
        let mut event = prop_oneof![3 => elements, 2 => micros().prop_map(Raw::Watermark)].boxed();
        if self.processing_time {
            let time = prop_oneof![(1..=60i64).prop_map(Duration::seconds), (1..=60_000i64).prop_map(Duration::millis)];
            let time = time.prop_map(Raw::ProcessingTime);
            event = prop_oneof![5 => event, 1 => time].boxed();
        }
        if self.idle {
            event = prop_oneof![7 => event, 1 => any::<()>().prop_map(|()| Raw::Idle)].boxed();
        }
        let (late, start) = (self.late, self.start);
        vec(event, 0..=self.events).prop_map(move |events| fit(events, start, late)).boxed()
    }
}

/// Moves times up so that watermarks do not go back and, unless `late`, no element is behind them.
fn fit<T>(events: Vec<Raw<T>>, start: Timestamp, late: bool) -> TestStreamProgram<T> {
    let mut watermark = -1;
    let fitted = events.into_iter().filter_map(|event| match event {
        Raw::Elements(elements) => {
            let least = if late { 0 } else { watermark };
            let time = |(value, micros): (T, i64)| (value, start + Duration::micros(micros.max(least)));
            Some(StreamEvent::Elements(elements.into_iter().map(time).collect()))
        }
        Raw::Watermark(to) => (to > watermark).then(|| {
            watermark = to;
            StreamEvent::Watermark(start + Duration::micros(to))
        }),
        Raw::ProcessingTime(by) => Some(StreamEvent::ProcessingTime(by)),
        Raw::Idle => Some(StreamEvent::Idle),
    });
    TestStreamProgram::new(fitted)
}

impl<S> Strategy for Streams<S>
where
    S: Strategy + Clone + Debug + 'static,
    S::Value: Clone,
{
    type Tree = <BoxedStrategy<TestStreamProgram<S::Value>> as Strategy>::Tree;
    type Value = TestStreamProgram<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        self.boxed_strategy().new_tree(runner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::TestError;

    /// Whether an element is behind the watermark that was promised before it.
    fn has_late<T>(program: &TestStreamProgram<T>) -> bool {
        let mut watermark = Timestamp::MIN;
        program.events().iter().any(|event| match event {
            StreamEvent::Elements(elements) => elements.iter().any(|(_, t)| *t < watermark),
            StreamEvent::Watermark(to) => {
                assert!(*to > watermark, "the watermark moves on");
                watermark = *to;
                false
            }
            _ => false,
        })
    }

    proptest! {
        #[test]
        fn nothing_is_late_unless_asked_for(program in streams(0..9u8).with_processing_time().with_idleness()) {
            prop_assert!(!has_late(&program));
        }
    }

    #[test]
    fn what_is_asked_for_comes_and_shrinks_to_few_events() {
        let smallest = |found: fn(&TestStreamProgram<u8>) -> bool, streams: Streams<std::ops::Range<u8>>| {
            let mut runner = TestRunner::deterministic();
            let wrong = |program: TestStreamProgram<u8>| {
                prop_assert!(!found(&program));
                Ok(())
            };
            match runner.run(&streams.at_most(20).over(Duration::hours(1)), wrong) {
                Err(TestError::Fail(_, program)) => format!("{program:?}"),
                other => panic!("{other:?}"),
            }
        };
        let late = smallest(has_late, streams(0..9u8).with_late_elements());
        let lines: Vec<&str> = late.lines().collect();
        assert_eq!(lines.len(), 3, "{late}");
        assert!(lines[1].starts_with("stream.advance_watermark_to(Timestamp::from_millis("), "{late}");
        assert_eq!(lines[2], "stream.add(0, Timestamp::from_millis(0));");
        let idle = |program: &TestStreamProgram<u8>| program.events().contains(&StreamEvent::Idle);
        assert!(smallest(idle, streams(0..9u8).with_idleness()).ends_with("new();\nstream.idle();\n"));
        let time = |p: &TestStreamProgram<u8>| p.events().iter().any(|e| matches!(e, StreamEvent::ProcessingTime(_)));
        let fine = |p: &TestStreamProgram<u8>| p.elements().any(|(_, t)| t.as_micros() % 1_000 != 0);
        let fine = smallest(fine, streams(0..9u8));
        assert!(fine.contains("stream.add(0, Timestamp::from_micros(1));"), "{fine}");
        let old = |p: &TestStreamProgram<u8>| p.elements().any(|(_, t)| t.as_micros() < 0);
        let old = smallest(old, streams(0..9u8).starting_at(Timestamp::from_seconds(-90)));
        assert_eq!(old, "let mut stream = TestStream::new();\nstream.add(0, Timestamp::from_millis(-90000));\n");
        let time = smallest(time, streams(0..9u8).with_processing_time());
        assert!(time.ends_with("new();\nstream.advance_processing_time(Duration::millis(1000));\n"), "{time}");
    }
}
