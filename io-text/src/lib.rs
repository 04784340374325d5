//! Text files as sources and sinks of `dataflow`: lines, newline-delimited JSON and CSV.
//!
//! # Reading
//!
//! [`TextSource`] reads lines of files, globs, directories and standard input, plain or compressed with gzip or zstd. A
//! [`Line`] is bytes and a [`Position`]; it costs no allocation. Large files are read by all threads.
//!
//! [`TextSource::json`] and [`TextSource::csv`] make values of the lines. What is no value must neither end the run nor
//! get lost: the elements are [`Parsed`], and the facade's `good_and_bad` splits them into values and bad records.
//!
//! ```
//! use dataflow_core::Pipeline;
//! use dataflow_core::windows::{Duration, Timestamp, watermark::WatermarkEstimator};
//! use io_text::TextSource;
//!
//! #[derive(Clone, serde::Deserialize)]
//! struct Click { at: i64, page: String }
//!
//! let p = Pipeline::new("clicks");
//! let clicks = p.read(
//!     "ReadClicks",
//!     TextSource::new("logs/*.ndjson.gz").max_line(1 << 20).json::<Click>().with_timestamps(
//!         |click| Some(Timestamp::from_seconds(click.at)),
//!         WatermarkEstimator::bounded_out_of_orderness(Duration::minutes(1)),
//!     ),
//! );
//! ```
//!
//! # Writing
//!
//! [`TextSink`] writes [lines](TextSink::lines), [JSON](TextSink::json) or [CSV](TextSink::csv) to the files of a
//! directory. They appear together, whole and durable, when the run has ended well; [`OutputDir`] is how, for sinks of
//! one's own that write to local files.
//!
//! ```
//! use io_text::{Compression, TextSink, WriteMode};
//!
//! let sink: TextSink<String> = TextSink::lines("out/words").compression(Compression::Zstd).mode(WriteMode::Overwrite);
//! ```
//!
//! # Inside
//!
//! A split is a range of bytes; the `scanner` reads it in chunks, looks for the ends of records (`framing`: line feeds,
//! for CSV those between records) and hands out slices. `input` and `stream` bring the bytes. The typed sources parse
//! the slices; `timestamped` adds time to any source.

mod compression;
mod csv;
mod csv_record;
mod encoder;
mod files;
mod format;
mod framing;
mod input;
mod json;
mod line;
mod output_dir;
mod parsed;
mod scanner;
mod sink;
mod source;
mod split;
mod stream;
mod timestamped;

pub use compression::{Compression, OnTruncated};
pub use csv::{CsvReader, CsvSource, CsvSplit};
pub use json::{JsonReader, JsonSource};
pub use line::{Cut, Line, Position};
pub use output_dir::{OutputDir, SealedFile, StagedFile, WriteMode};
pub use parsed::{BadRecord, Parsed};
pub use sink::{TextSink, TextWriter};
pub use source::{TextReader, TextSource};
pub use split::TextSplit;
pub use timestamped::{Timestamped, TimestampedReader, TimestampedSplit};
