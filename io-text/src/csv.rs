//! Reads CSV: [`CsvSource`].

use crate::csv_record::RecordParser;
use crate::framing::Framing;
use crate::json::of_good;
use crate::line::Line;
use crate::parsed::Parsed;
use crate::scanner::{Found, Record, Scanner, Settings};
use crate::source::{TextReader, TextSource, timeless};
use crate::split::{END, TextSplit};
use crate::timestamped::Timestamped;
use csv::StringRecord;
use dataflow_core::plane::Batch;
use dataflow_core::windows::Timestamp;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::{Data, Error, Poll, Progress, Result, Source, SourceReader};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

const QUOTE: u8 = b'"';

/// Reads the records of CSV files (RFC 4180) as values of type `T`, whose fields are found by the names in the first
/// record of each file. Records that are no `T`, have another number of columns than the header, are not UTF-8 or too
/// long become [`Parsed::Bad`]. Empty lines are passed over.
///
/// Fields between double quotes may hold line breaks; thus a file is read by one thread, unless
/// [`split_lines`](Self::split_lines) promises that none does.
///
/// ```
/// use dataflow_core::{Source, SourceReader, plane::Batch};
/// use io_text::{Parsed, TextSource};
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Airline { carrier: String, name: String }
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("airlines.csv");
/// std::fs::write(&path, "carrier,name\nAA,\"American Airlines, Inc.\"\nB6\n")?;
///
/// let source = TextSource::new(path.display().to_string()).csv::<Airline>();
/// let mut batch = Batch::default();
/// source.open(source.splits(1)?.remove(0))?.poll(&mut batch)?;
/// assert_eq!(batch.values[0].as_good().unwrap().name, "American Airlines, Inc.");
/// let Parsed::Bad(record) = &batch.values[1] else { panic!() };
/// assert_eq!(record.error, "the number of columns is wrong: 1 here, 2 in the header");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CsvSource<T> {
    text: TextSource,
    delimiter: u8,
    columns: Option<Vec<String>>,
    split_lines: bool,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for CsvSource<T> {
    fn clone(&self) -> Self {
        let CsvSource { text, columns, .. } = self;
        CsvSource { text: text.clone(), columns: columns.clone(), value: PhantomData, ..*self }
    }
}

/// A part of a CSV file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CsvSplit {
    range: TextSplit,
    /// The header, once it is read.
    header: Option<Header>,
}

/// The names of the columns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Header {
    columns: Vec<String>,
    /// Where the header itself is, which is no record; nothing if it is not in the file.
    offset: Option<u64>,
}

impl<T: DeserializeOwned> CsvSource<T> {
    pub(crate) fn new(text: TextSource) -> Self {
        CsvSource { text, delimiter: b',', columns: None, split_lines: false, value: PhantomData }
    }

    /// What is between two fields; a comma by default.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The files have no header: these are the names of their columns.
    #[must_use]
    pub fn columns<C: Into<String>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Promises that no field holds a line break, so that a file can be read by several threads. A field that does
    /// makes bad records.
    #[must_use]
    pub fn split_lines(mut self) -> Self {
        self.split_lines = true;
        self
    }

    fn settings(&self) -> Settings {
        let framing = if self.split_lines { Framing::Lines } else { Framing::csv(self.delimiter, QUOTE) };
        Settings { framing, ..self.text.settings.clone() }
    }

    /// Reads the header from the start of the file that `range` is in.
    fn header_of(&self, range: &TextSplit) -> Result<Option<Header>> {
        let start = TextSplit { from: 0, to: END, ..range.clone() };
        let mut scanner = Scanner::open(start, Settings { chunk_bytes: 64 * 1024, ..self.settings() })?;
        let mut parser = RecordParser::new(self.delimiter, QUOTE);
        loop {
            let poll = scanner.poll(1)?;
            for record in scanner.records() {
                match record {
                    Record::Found(found) if found.bytes().is_empty() => {}
                    record => return header(&record, &mut parser).map(Some),
                }
            }
            if poll == Poll::End {
                return Ok(None);
            }
        }
    }
}

impl<T: DeserializeOwned + Data> CsvSource<T> {
    /// Takes the timestamps from the values; as [`TextSource::with_timestamps`]. Bad records have none.
    pub fn with_timestamps(
        self,
        timestamp: impl Fn(&T) -> Option<Timestamp> + Send + Sync + 'static,
        estimator: WatermarkEstimator,
    ) -> Timestamped<Self> {
        Timestamped::new(self, of_good(timestamp), estimator)
    }
}

/// The record as a header.
fn header(record: &Record<'_>, parser: &mut RecordParser) -> Result<Header> {
    let (offset, fields, line) = match record {
        Record::Found(found) if !found.is_too_long() => (found.offset(), parser.fields(found.bytes()), None),
        Record::Found(found) => (found.offset(), Err(String::new()), Some(found.line())),
        Record::Cut(line) => (line.position.offset, Err(String::new()), Some((*line).clone())),
    };
    let cut = |line: Line| line.cut().map_or_else(String::new, |cut| cut.to_string());
    let columns = fields.map_err(|e| {
        let why = line.map_or(e, cut);
        Error::data(format!(
            "the CSV header at byte {offset} cannot be read: {why}; correct it, or name the columns with columns([...])"
        ))
    })?;
    Ok(Header { columns: columns.iter().map(str::to_owned).collect(), offset: Some(offset) })
}

impl<T: DeserializeOwned + Data> Source for CsvSource<T> {
    type Element = Parsed<T>;
    type Split = CsvSplit;
    type Reader = CsvReader<T>;

    fn describe(&self) -> String {
        self.text.describe_as("CSV")
    }

    fn splits(&self, desired: usize) -> Result<Vec<CsvSplit>> {
        let columns = self.columns.clone();
        let header = columns.map(|columns| Header { columns, offset: None });
        let ranges = self.text.plan(desired, !self.split_lines)?.into_iter();
        Ok(ranges.map(|range| CsvSplit { range, header: header.clone() }).collect())
    }

    fn open(&self, CsvSplit { range, mut header }: CsvSplit) -> Result<CsvReader<T>> {
        let file = range.name();
        // Where a reader begins at the start, it comes across the header itself.
        if header.is_none() && range.from > 0 && !range.stream {
            header = self.header_of(&range).map_err(|e| e.at_position(&*file))?;
        }
        let mut reader = CsvReader {
            text: TextReader::open(range, &self.settings())?,
            file,
            parser: RecordParser::new(self.delimiter, QUOTE),
            header: None,
            columns: StringRecord::new(),
            value: PhantomData,
        };
        reader.set_header(header);
        Ok(reader)
    }
}

/// Reads a split of a [`CsvSource`].
pub struct CsvReader<T> {
    text: TextReader,
    file: String,
    parser: RecordParser,
    header: Option<Header>,
    columns: StringRecord,
    value: PhantomData<fn() -> T>,
}

impl<T> CsvReader<T> {
    fn set_header(&mut self, header: Option<Header>) {
        self.columns = header.iter().flat_map(|header| &header.columns).collect();
        self.header = header;
    }
}

impl<T: DeserializeOwned + Data> SourceReader for CsvReader<T> {
    type Element = Parsed<T>;
    type Split = CsvSplit;

    fn poll(&mut self, batch: &mut Batch<Parsed<T>>) -> Result<Poll> {
        let CsvReader { text, parser, header: known, columns, file, .. } = self;
        let (poll, scanner) = text.scan(Batch::<Parsed<T>>::target_len())?;
        batch.values.reserve(scanner.found());
        let mut records = scanner.records();
        if known.is_none() {
            let first = records.find(|r| !matches!(r, Record::Found(found) if found.bytes().is_empty()));
            if let Some(record) = first {
                let header = header(&record, parser).map_err(|e| e.at_position(&**file))?;
                *columns = header.columns.iter().collect();
                *known = Some(header);
            }
        }
        let header_at = known.as_ref().and_then(|header| header.offset);
        batch.values.extend(records.filter_map(|record| match record {
            Record::Cut(line) => Some(Parsed::cut(line.clone())),
            Record::Found(found) if found.bytes().is_empty() || Some(found.offset()) <= header_at => None,
            Record::Found(found) if found.is_too_long() => Some(Parsed::cut(found.line())),
            Record::Found(found) => Some(parse(&found, parser, columns)),
        }));
        timeless(batch);
        Ok(poll)
    }

    fn checkpoint(&mut self) -> Result<CsvSplit> {
        Ok(CsvSplit { range: self.text.checkpoint()?, header: self.header.clone() })
    }

    fn split(&mut self, fraction: f64) -> Result<Option<CsvSplit>> {
        // Whoever reads the part finds the header where it is.
        let header = self.header.clone();
        Ok(self.text.split(fraction)?.map(|range| CsvSplit { range, header }))
    }

    fn progress(&self) -> Progress {
        self.text.progress()
    }

    fn position(&self) -> String {
        self.text.position()
    }
}

fn parse<T: DeserializeOwned>(found: &Found<'_>, parser: &mut RecordParser, columns: &StringRecord) -> Parsed<T> {
    match parser.value(found.bytes(), columns) {
        Ok(value) => Parsed::Good(value),
        Err(e) => Parsed::bad(found.line(), e),
    }
}
