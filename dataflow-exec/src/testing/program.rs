//! Streams of events as values: to be made up at random, shrunk, and printed as code.

use dataflow_core::{Data, TestStream};
use dataflow_windows::{Duration, Timestamp};
use std::fmt;

/// What happens in a [`TestStreamProgram`].
#[derive(Clone, PartialEq, Debug)]
pub enum StreamEvent<T> {
    /// Elements come, as one bundle.
    Elements(Vec<(T, Timestamp)>),
    /// The watermark comes to this time.
    Watermark(Timestamp),
    /// Processing time moves on.
    ProcessingTime(Duration),
    /// The stream has nothing for a while.
    Idle,
}

/// The events of a [`TestStream`]. Its `Debug` output is code that makes the stream, so that a test that fails with a
/// made-up one can be written down.
///
/// ```
/// use dataflow_exec::testing::{StreamEvent, TestStreamProgram};
/// use dataflow_windows::{Duration, Timestamp};
///
/// let at = Timestamp::from_millis;
/// let program = TestStreamProgram::new([
///     StreamEvent::Elements(vec![(("home", 1), at(1_000))]),
///     StreamEvent::Watermark(at(60_000)),
///     StreamEvent::ProcessingTime(Duration::millis(5)),
///     StreamEvent::Elements(vec![(("cart", 2), at(61_000)), (("home", 3), at(62_000))]),
/// ]);
/// assert_eq!(
///     format!("{program:?}"),
///     r#"let mut stream = TestStream::new();
/// stream.add(("home", 1), Timestamp::from_millis(1000));
/// stream.advance_watermark_to(Timestamp::from_millis(60000));
/// stream.advance_processing_time(Duration::millis(5));
/// stream.add_elements([
///     (("cart", 2), Timestamp::from_millis(61000)),
///     (("home", 3), Timestamp::from_millis(62000)),
/// ]);
/// "#
/// );
/// let stream = program.stream(); // for `Pipeline::test_stream`
/// ```
#[derive(Clone, PartialEq)]
pub struct TestStreamProgram<T> {
    events: Vec<StreamEvent<T>>,
}

impl<T> TestStreamProgram<T> {
    /// A program of these events.
    pub fn new(events: impl IntoIterator<Item = StreamEvent<T>>) -> Self {
        TestStreamProgram { events: events.into_iter().collect() }
    }

    /// The events.
    pub fn events(&self) -> &[StreamEvent<T>] {
        &self.events
    }

    /// All elements with their timestamps, in the order in which they come.
    pub fn elements(&self) -> impl Iterator<Item = &(T, Timestamp)> {
        let elements = self.events.iter().filter_map(|event| match event {
            StreamEvent::Elements(elements) => Some(elements),
            _ => None,
        });
        elements.flatten()
    }
}

impl<T: Data> TestStreamProgram<T> {
    /// The stream.
    pub fn stream(&self) -> TestStream<T> {
        let mut stream = TestStream::new();
        for event in &self.events {
            match event {
                StreamEvent::Elements(elements) => stream.add_elements(elements.iter().cloned()),
                StreamEvent::Watermark(to) => stream.advance_watermark_to(*to),
                StreamEvent::ProcessingTime(by) => stream.advance_processing_time(*by),
                StreamEvent::Idle => stream.idle(),
            };
        }
        stream
    }
}

/// A timestamp as code.
struct Time(Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Timestamp::MIN => f.write_str("Timestamp::MIN"),
            Timestamp::MAX => f.write_str("Timestamp::MAX"),
            t if t.as_micros() % 1_000 == 0 => write!(f, "Timestamp::from_millis({})", t.as_millis()),
            t => write!(f, "Timestamp::from_micros({})", t.as_micros()),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for TestStreamProgram<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "let mut stream = TestStream::new();")?;
        for event in &self.events {
            match event {
                StreamEvent::Elements(elements) => match elements.as_slice() {
                    [(value, time)] => writeln!(f, "stream.add({value:?}, {});", Time(*time))?,
                    elements => {
                        writeln!(f, "stream.add_elements([")?;
                        for (value, time) in elements {
                            writeln!(f, "    ({value:?}, {}),", Time(*time))?;
                        }
                        writeln!(f, "]);")?;
                    }
                },
                StreamEvent::Watermark(Timestamp::MAX) => writeln!(f, "stream.advance_watermark_to_infinity();")?,
                StreamEvent::Watermark(to) => writeln!(f, "stream.advance_watermark_to({});", Time(*to))?,
                StreamEvent::ProcessingTime(by) => {
                    let us = by.as_micros();
                    let (unit, n) = if us % 1_000 == 0 { ("millis", us / 1_000) } else { ("micros", us) };
                    writeln!(f, "stream.advance_processing_time(Duration::{unit}({n}));")?;
                }
                StreamEvent::Idle => writeln!(f, "stream.idle();")?,
            }
        }
        Ok(())
    }
}
