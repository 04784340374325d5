//! Reads newline-delimited JSON: [`JsonSource`].

use crate::parsed::Parsed;
use crate::scanner::Record;
use crate::source::{TextReader, TextSource, timeless};
use crate::split::TextSplit;
use crate::timestamped::Timestamped;
use dataflow_core::plane::Batch;
use dataflow_core::windows::Timestamp;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::{Data, Poll, Progress, Result, Source, SourceReader};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Reads each line of files as a JSON value of type `T` (newline-delimited JSON, <https://jsonlines.org>). Lines that
/// are no `T`, or too long, become [`Parsed::Bad`]. Lines of nothing but white space are passed over.
///
/// ```
/// use dataflow_core::{Source, SourceReader, plane::Batch};
/// use io_text::{Parsed, TextSource};
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Event { id: u32 }
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("events.ndjson");
/// std::fs::write(&path, "{\"id\":7}\n{\"id\":\n")?;
///
/// let source = TextSource::new(path.display().to_string()).json::<Event>();
/// let mut batch = Batch::default();
/// source.open(source.splits(1)?.remove(0))?.poll(&mut batch)?;
/// assert!(matches!(batch.values[0], Parsed::Good(Event { id: 7 })));
/// let Parsed::Bad(record) = &batch.values[1] else { panic!() };
/// assert_eq!(record.line.as_bytes(), b"{\"id\":");
/// assert!(record.error.starts_with("EOF while parsing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonSource<T> {
    text: TextSource,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for JsonSource<T> {
    fn clone(&self) -> Self {
        JsonSource { text: self.text.clone(), value: PhantomData }
    }
}

impl<T: DeserializeOwned> JsonSource<T> {
    pub(crate) fn new(text: TextSource) -> Self {
        JsonSource { text, value: PhantomData }
    }
}

impl<T: DeserializeOwned + Data> JsonSource<T> {
    /// Takes the timestamps from the values; as [`TextSource::with_timestamps`]. Bad records have none.
    pub fn with_timestamps(
        self,
        timestamp: impl Fn(&T) -> Option<Timestamp> + Send + Sync + 'static,
        estimator: WatermarkEstimator,
    ) -> Timestamped<Self> {
        Timestamped::new(self, of_good(timestamp), estimator)
    }
}

/// `timestamp` for values, `None` for bad records.
pub(crate) fn of_good<T>(timestamp: impl Fn(&T) -> Option<Timestamp>) -> impl Fn(&Parsed<T>) -> Option<Timestamp> {
    move |parsed| match parsed {
        Parsed::Good(value) => timestamp(value),
        Parsed::Bad(_) => None,
    }
}

impl<T: DeserializeOwned + Data> Source for JsonSource<T> {
    type Element = Parsed<T>;
    type Split = TextSplit;
    type Reader = JsonReader<T>;

    fn describe(&self) -> String {
        self.text.describe_as("newline-delimited JSON")
    }

    fn splits(&self, desired: usize) -> Result<Vec<TextSplit>> {
        self.text.splits(desired)
    }

    fn open(&self, split: TextSplit) -> Result<JsonReader<T>> {
        Ok(JsonReader { text: self.text.open(split)?, value: PhantomData })
    }
}

/// Reads a split of a [`JsonSource`].
pub struct JsonReader<T> {
    text: TextReader,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Data> SourceReader for JsonReader<T> {
    type Element = Parsed<T>;
    type Split = TextSplit;

    fn poll(&mut self, batch: &mut Batch<Parsed<T>>) -> Result<Poll> {
        let (poll, scanner) = self.text.scan(Batch::<Parsed<T>>::target_len())?;
        batch.values.reserve(scanner.found());
        batch.values.extend(scanner.records().filter_map(parse));
        timeless(batch);
        Ok(poll)
    }

    fn checkpoint(&mut self) -> Result<TextSplit> {
        self.text.checkpoint()
    }

    fn split(&mut self, fraction: f64) -> Result<Option<TextSplit>> {
        self.text.split(fraction)
    }

    fn progress(&self) -> Progress {
        self.text.progress()
    }

    fn position(&self) -> String {
        self.text.position()
    }
}

fn parse<T: DeserializeOwned>(record: Record<'_>) -> Option<Parsed<T>> {
    let found = match record {
        Record::Cut(line) => return Some(Parsed::cut(line.clone())),
        Record::Found(found) if found.is_too_long() => return Some(Parsed::cut(found.line())),
        Record::Found(found) => found,
    };
    match serde_json::from_slice(found.bytes()) {
        Ok(value) => Some(Parsed::Good(value)),
        Err(_) if found.bytes().iter().all(u8::is_ascii_whitespace) => None,
        Err(e) => Some(Parsed::bad(found.line(), without_line(&e))),
    }
}

/// The parser sees one line only: that it is line 1 would mislead.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((what, column)) => format!("{what} at column {column}"),
        None => text,
    }
}
