//! A source that a test steps.

use crate::Data;
use crate::plane::{AnyBatch, Batch};
use dataflow_windows::{Duration, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers the events of all streams, so that those of several streams have one order.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A stream for tests, event by event: elements with timestamps, advances of the watermark and of processing time.
///
/// A runner lets each event have all its effects, timers included, before the next. What one call adds is one bundle.
/// With several streams in a pipeline the events happen in the order in which the calls were made. The watermark begins
/// at the beginning of time, processing time at 1970, and only events move them; after the last event all watermarks
/// go to the end of time. Elements may come behind the watermark, and after the end of time, too: all of them are late
/// then.
///
/// ```
/// use dataflow_core::{Pipeline, TestStream};
/// use dataflow_windows::{Duration, Timestamp};
///
/// let mut clicks = TestStream::new();
/// clicks
///     .add("home", Timestamp::from_seconds(1))
///     .advance_watermark_to(Timestamp::from_seconds(60))
///     .add("late", Timestamp::from_seconds(30))
///     .advance_processing_time(Duration::minutes(5));
/// let p = Pipeline::new("clicks");
/// let clicks = p.test_stream("Clicks", &clicks);
/// ```
#[derive(Clone, Debug)]
pub struct TestStream<T> {
    events: Vec<(u64, Event<T>)>,
}

impl<T> Default for TestStream<T> {
    fn default() -> Self {
        TestStream { events: Vec::new() }
    }
}

#[derive(Clone, Debug)]
enum Event<T> {
    Elements(Vec<(T, Timestamp)>),
    Other(TestEvent),
}

/// What happens in a [`TestStream`], as a runner sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TestEvent {
    /// [Elements](ErasedTestStream::elements) come, as one bundle.
    Elements,
    /// The watermark of the stream comes to this time.
    Watermark(Timestamp),
    /// Processing time moves on by this much.
    ProcessingTime(Duration),
    /// The stream is idle until its next elements or watermark: others do not wait for it.
    Idle,
}

impl<T> TestStream<T> {
    /// A stream without events.
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, event: Event<T>) -> &mut Self {
        self.events.push((NEXT.fetch_add(1, Ordering::Relaxed), event));
        self
    }

    /// An element comes.
    pub fn add(&mut self, value: T, timestamp: Timestamp) -> &mut Self {
        self.add_elements([(value, timestamp)])
    }

    /// Elements come, as one bundle.
    pub fn add_elements(&mut self, elements: impl IntoIterator<Item = (T, Timestamp)>) -> &mut Self {
        self.push(Event::Elements(elements.into_iter().collect()))
    }

    /// The watermark comes to `to`.
    ///
    /// # Panics
    /// If that is a step back: a watermark that has come to a time does not return.
    #[track_caller]
    pub fn advance_watermark_to(&mut self, to: Timestamp) -> &mut Self {
        let was = self.events.iter().rev().find_map(|(_, event)| match event {
            Event::Other(TestEvent::Watermark(was)) => Some(*was),
            _ => None,
        });
        if let Some(was) = was.filter(|was| to < *was) {
            panic!("the watermark of a test stream cannot step back from {was} to {to}: give it times in their order");
        }
        self.push(Event::Other(TestEvent::Watermark(to)))
    }

    /// The watermark comes to the end of time: this stream has no more elements.
    pub fn advance_watermark_to_infinity(&mut self) -> &mut Self {
        self.advance_watermark_to(Timestamp::MAX)
    }

    /// Processing time moves on, for the whole pipeline.
    ///
    /// # Panics
    /// If `by` is negative: time does not run backwards.
    #[track_caller]
    pub fn advance_processing_time(&mut self, by: Duration) -> &mut Self {
        assert!(by >= Duration::ZERO, "processing time cannot go back, by {by}: give it 0 or more to move on");
        self.push(Event::Other(TestEvent::ProcessingTime(by)))
    }

    /// The stream has nothing for a while: until its next elements or watermark others do not wait for it.
    pub fn idle(&mut self) -> &mut Self {
        self.push(Event::Other(TestEvent::Idle))
    }
}

/// A [`TestStream`] of elements of some type.
pub trait ErasedTestStream: Send + Sync {
    /// The events, with numbers that order those of all streams.
    fn events(&self) -> Vec<(u64, TestEvent)>;
    /// The elements of event `n` of the stream, if it has any.
    fn elements(&self, n: usize) -> Option<AnyBatch>;
}

impl<T: Data + Sync> ErasedTestStream for TestStream<T> {
    fn events(&self) -> Vec<(u64, TestEvent)> {
        let event = |e: &Event<T>| match e {
            Event::Elements(_) => TestEvent::Elements,
            Event::Other(other) => *other,
        };
        self.events.iter().map(|(order, e)| (*order, event(e))).collect()
    }

    fn elements(&self, n: usize) -> Option<AnyBatch> {
        match self.events.get(n) {
            Some((_, Event::Elements(elements))) => {
                let mut batch = Batch::default();
                batch.fill(elements.len(), |i| elements[i].clone());
                Some(Box::new(batch))
            }
            _ => None,
        }
    }
}
