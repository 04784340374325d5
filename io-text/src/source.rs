//! Reads lines: [`TextSource`].

use crate::compression::{Compression, OnTruncated};
use crate::csv::CsvSource;
use crate::files::{self, STANDARD_INPUT};
use crate::framing::Framing;
use crate::json::JsonSource;
use crate::line::Line;
use crate::scanner::{Scanner, Settings};
use crate::split::{self, TextSplit};
use crate::timestamped::Timestamped;
use dataflow_core::plane::Batch;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::windows::{PaneInfo, Timestamp, Window};
use dataflow_core::{Poll, Progress, Result, Source, SourceReader};
use serde::de::DeserializeOwned;

/// Reads the lines of files.
///
/// A pattern is a path, a glob (`logs/*.json`, `**` for any depth), a directory (all files below it, except those whose
/// name begins with `.` or `_`), or `-` for standard input. Compressed files are [recognised](Compression::Auto). Files
/// are read in the order of their names, by all threads: an uncompressed file is cut into ranges of bytes. Empty files
/// have no lines.
///
/// A line ends with `\n` or `\r\n`, or with the file; a byte order mark at the beginning of a file is left out.
/// Elements have the earliest timestamp there is, unless [`with_timestamps`](Self::with_timestamps) says otherwise.
///
/// Files must not be changed while they are read. A file that becomes shorter is an error, one that grows is read up to
/// the length it had at first. Standard input and named pipes are read as they come; what was read and not handed out
/// stays in the process for who reads next, but does not survive the process.
///
/// ```
/// use dataflow_core::{Source, SourceReader, plane::Batch};
/// use io_text::TextSource;
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("a.txt"), "one\r\ntwo")?;
///
/// let source = TextSource::new(dir.path().join("*.txt").display().to_string());
/// let mut batch = Batch::default();
/// for split in source.splits(1)? {
///     source.open(split)?.poll(&mut batch)?;
/// }
/// let lines: Vec<&[u8]> = batch.values.iter().map(|line| line.as_bytes()).collect();
/// assert_eq!(lines, [b"one", b"two"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TextSource {
    pub(crate) patterns: Vec<String>,
    pub(crate) compression: Compression,
    pub(crate) settings: Settings,
}

impl TextSource {
    /// Reads what `pattern` means.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self::paths([pattern])
    }

    /// Reads several patterns, one after the other.
    pub fn paths<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Self {
        TextSource {
            patterns: patterns.into_iter().map(Into::into).collect(),
            compression: Compression::Auto,
            settings: Settings {
                chunk_bytes: 512 * 1024,
                max_line: 16 * 1024 * 1024,
                on_truncated: OnTruncated::Fail,
                min_split_bytes: 4 * 1024 * 1024,
                framing: Framing::Lines,
            },
        }
    }

    /// Reads standard input.
    pub fn stdin() -> Self {
        Self::new(STANDARD_INPUT)
    }

    /// How the files are compressed, where that should not be recognised.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long a line may be in bytes, 16 MiB by default. Of a longer one only the beginning (1 KiB) is given out,
    /// marked as [`Cut::TooLong`](crate::Cut), so that it can be rejected; memory stays bounded by about three times
    /// this.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.settings.max_line = bytes;
        self
    }

    /// How small the ranges may be, in bytes, that a file is cut into; 4 MiB by default.
    #[must_use]
    pub fn min_split_bytes(mut self, bytes: u64) -> Self {
        self.settings.min_split_bytes = bytes;
        self
    }

    /// How many bytes are read at a time, 512 KiB by default. Lines share the memory of their chunk.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.settings.chunk_bytes = bytes.max(1);
        self
    }

    /// What to do where a compressed file is cut off; to fail by default.
    #[must_use]
    pub fn on_truncated(mut self, then: OnTruncated) -> Self {
        self.settings.on_truncated = then;
        self
    }

    /// Takes the timestamps from the lines. A line without one (`None`) gets the watermark of its split, so that it is
    /// never late. The watermark of a split is what `estimator` makes of the timestamps seen.
    ///
    /// ```
    /// use dataflow_core::windows::{Duration, Timestamp, watermark::WatermarkEstimator};
    /// use io_text::TextSource;
    ///
    /// let source = TextSource::new("seconds.txt").with_timestamps(
    ///     |line| std::str::from_utf8(&line.bytes).ok()?.parse().ok().map(Timestamp::from_seconds),
    ///     WatermarkEstimator::bounded_out_of_orderness(Duration::minutes(1)),
    /// );
    /// ```
    pub fn with_timestamps(
        self,
        timestamp: impl Fn(&Line) -> Option<Timestamp> + Send + Sync + 'static,
        estimator: WatermarkEstimator,
    ) -> Timestamped<Self> {
        Timestamped::new(self, timestamp, estimator)
    }

    /// Reads each line as a JSON value: newline-delimited JSON.
    pub fn json<T: DeserializeOwned>(self) -> JsonSource<T> {
        JsonSource::new(self)
    }

    /// Reads the records of CSV files.
    pub fn csv<T: DeserializeOwned>(self) -> CsvSource<T> {
        CsvSource::new(self)
    }

    pub(crate) fn plan(&self, desired: usize, whole_files: bool) -> Result<Vec<TextSplit>> {
        let inputs = files::find(&self.patterns)?;
        split::plan(inputs, self.compression, desired, self.settings.min_split_bytes, whole_files)
    }

    pub(crate) fn describe_as(&self, what: &str) -> String {
        format!("{} ({what})", self.patterns.join(", "))
    }
}

impl Source for TextSource {
    type Element = Line;
    type Split = TextSplit;
    type Reader = TextReader;

    fn describe(&self) -> String {
        self.describe_as("lines")
    }

    fn splits(&self, desired: usize) -> Result<Vec<TextSplit>> {
        self.plan(desired, false)
    }

    fn open(&self, split: TextSplit) -> Result<TextReader> {
        TextReader::open(split, &self.settings)
    }
}

/// Reads the lines of a range of a file; see [`TextSource`].
pub struct TextReader {
    scanner: Scanner,
    from: u64,
}

impl TextReader {
    pub(crate) fn open(split: TextSplit, settings: &Settings) -> Result<Self> {
        Ok(TextReader { from: split.from, scanner: Scanner::open(split, settings.clone())? })
    }

    /// Looks for about `max` records; then the scanner has them.
    pub(crate) fn scan(&mut self, max: usize) -> Result<(Poll, &mut Scanner)> {
        let poll = self.scanner.poll(max)?;
        Ok((poll, &mut self.scanner))
    }
}

impl SourceReader for TextReader {
    type Element = Line;
    type Split = TextSplit;

    fn poll(&mut self, batch: &mut Batch<Line>) -> Result<Poll> {
        let (poll, scanner) = self.scan(Batch::<Line>::target_len())?;
        scanner.lines_to(&mut batch.values);
        timeless(batch);
        Ok(poll)
    }

    fn checkpoint(&mut self) -> Result<TextSplit> {
        Ok(self.scanner.rest())
    }

    fn split(&mut self, fraction: f64) -> Result<Option<TextSplit>> {
        Ok(self.scanner.split_off(fraction))
    }

    fn progress(&self) -> Progress {
        self.scanner.progress(self.from)
    }

    fn position(&self) -> String {
        self.scanner.polled()
    }
}

/// Completes a batch to which only values were added: they have no time.
pub(crate) fn timeless<T>(batch: &mut Batch<T>) {
    if !batch.is_empty() {
        batch.set_uniform(Timestamp::MIN, Window::GLOBAL, PaneInfo::NO_FIRING);
    }
}
