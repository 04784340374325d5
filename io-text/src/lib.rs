//! Text files as sources and sinks of `dataflow`: lines, newline-delimited JSON and CSV.

mod compression;
mod csv;
mod csv_record;
mod files;
mod framing;
mod input;
mod json;
mod line;
mod parsed;
mod scanner;
mod source;
mod split;
mod stream;
mod timestamped;

pub use compression::{Compression, OnTruncated};
pub use csv::{CsvReader, CsvSource, CsvSplit};
pub use json::{JsonReader, JsonSource};
pub use line::{Cut, Line, Position};
pub use parsed::{BadRecord, Parsed};
pub use source::{TextReader, TextSource};
pub use split::TextSplit;
pub use timestamped::{Timestamped, TimestampedReader, TimestampedSplit};
