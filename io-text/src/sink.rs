//! Writes lines, newline-delimited JSON and CSV: [`TextSink`].

use crate::compression::Compression;
use crate::encoder::Encoder;
use crate::format::{self, Format};
use crate::output_dir::{OutputDir, SealedFile, WriteMode};
use dataflow_core::plane::Batch;
use dataflow_core::{Counter, Data, DurableRun, Error, Result, Sink, SinkContext, SinkWriter, coder};
use serde::Serialize;
use std::path::PathBuf;

/// Writes elements as text to the files of a directory, one or more per thread.
///
/// The files become visible together when the run has ended well: until then they are in `_staging` in the directory.
/// After an error nothing is visible; what a killed run has left, the next one removes. A shard that gets no elements
/// makes no file. Files are called `part-RUN-SHARD-PART.EXTENSION`; see [`OutputDir`].
///
/// In a run with checkpoints files become visible as soon as a checkpoint has them: near-real-time output. What is not in
/// a checkpoint yet is in a folder of `_staging` that belongs to the checkpoints; it is there until the run goes on from
/// them, also beside runs without checkpoints.
///
/// It counts `records`, `files` and `bytes` (of the files).
///
/// ```
/// use dataflow_core::plane::Batch;
/// use dataflow_core::{Sink, SinkContext, SinkWriter, Metrics};
/// use dataflow_core::windows::Timestamp;
/// use io_text::TextSink;
///
/// #[derive(Clone, serde::Serialize)]
/// struct Count { word: &'static str, n: u64 }
///
/// let dir = tempfile::tempdir()?;
/// let sink = TextSink::json(dir.path().join("counts"));
/// let metrics = Metrics::default();
/// let counters = metrics.clone();
/// sink.prepare()?;
/// let mut writer = sink.open(SinkContext::new(0, 1, move |name| counters.counter("Write", name)))?;
/// let mut batch = Batch::default();
/// batch.push(Count { word: "beam", n: 2 }, Timestamp::MIN);
/// writer.write(&mut batch)?;
/// writer.close()?;
/// Sink::<Count>::finish(&sink)?;
///
/// let file = std::fs::read_dir(dir.path().join("counts"))?.next().unwrap()?.path();
/// assert_eq!(std::fs::read_to_string(file)?, "{\"word\":\"beam\",\"n\":2}\n");
/// assert_eq!(metrics.get("Write", "bytes"), 22);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TextSink<T> {
    dir: OutputDir,
    format: Format<T>,
    compression: Compression,
    roll_bytes: Option<u64>,
}

impl<T: Data> TextSink<T> {
    /// Writes each element as a line: its bytes and a line feed. An element that holds line feeds becomes several
    /// lines.
    pub fn lines(dir: impl Into<PathBuf>) -> Self
    where
        T: AsRef<[u8]>,
    {
        Self::new(dir, format::lines())
    }

    /// Writes each element as a line of JSON.
    pub fn json(dir: impl Into<PathBuf>) -> Self
    where
        T: Serialize,
    {
        Self::new(dir, format::json())
    }

    /// Writes each element as a CSV record (RFC 4180). Each file begins with a header, if the elements are structs.
    pub fn csv(dir: impl Into<PathBuf>) -> Self
    where
        T: Serialize,
    {
        Self::new(dir, format::csv())
    }

    fn new(dir: impl Into<PathBuf>, format: Format<T>) -> Self {
        let dir = OutputDir::new(dir, WriteMode::default(), "part", format::EXTENSIONS);
        TextSink { dir, format, compression: Compression::None, roll_bytes: None }
    }

    /// What to do if there is something in the directory.
    #[must_use]
    pub fn mode(mut self, mode: WriteMode) -> Self {
        self.dir.set_mode(mode);
        self
    }

    /// Compresses the files: [`Gzip`](Compression::Gzip) or [`Zstd`](Compression::Zstd).
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// What the names of files begin with; `part` by default.
    #[must_use]
    pub fn file_prefix(mut self, prefix: &str) -> Self {
        self.dir.set_prefix(prefix);
        self
    }

    /// Begins a new file when one has about so many bytes (as they are on disk). There is no limit by default.
    #[must_use]
    pub fn roll_bytes(mut self, bytes: u64) -> Self {
        self.roll_bytes = Some(bytes);
        self
    }
}

impl<T: Data> Sink<T> for TextSink<T> {
    type Writer = TextWriter<T>;

    fn describe(&self) -> String {
        format!("{} ({})", self.dir.path().display(), self.format.name)
    }

    fn prepare(&self) -> Result<()> {
        self.dir.prepare()
    }

    fn resume(&self, run: &DurableRun) -> Result<()> {
        self.dir.resume(run)
    }

    fn open(&self, context: SinkContext) -> Result<TextWriter<T>> {
        Ok(TextWriter {
            dir: self.dir.clone(),
            format: self.format.clone(),
            compression: self.compression,
            extension: format!("{}{}", self.format.extension, self.compression.extension()),
            roll_bytes: self.roll_bytes.unwrap_or(u64::MAX),
            shard: context.shard,
            part: None,
            sealed: vec![],
            spare: vec![],
            records: context.counter("records"),
            files: context.counter("files"),
            bytes: context.counter("bytes"),
        })
    }

    fn finish(&self) -> Result<()> {
        self.dir.publish()
    }

    fn abort(&self) {
        self.dir.discard();
    }
}

/// Writes a shard of a [`TextSink`].
pub struct TextWriter<T> {
    dir: OutputDir,
    format: Format<T>,
    compression: Compression,
    extension: String,
    roll_bytes: u64,
    shard: usize,
    /// The file at hand.
    part: Option<Encoder>,
    /// The files before it.
    sealed: Vec<SealedFile>,
    spare: Vec<u8>,
    records: Counter,
    files: Counter,
    bytes: Counter,
}

impl<T: Data> TextWriter<T> {
    fn seal_part(&mut self) -> Result<()> {
        if let Some(part) = self.part.take() {
            let (file, buffer) = part.seal()?;
            self.files.inc();
            self.bytes.add(file.bytes);
            self.sealed.push(file);
            self.spare = buffer;
        }
        Ok(())
    }
}

impl<T: Data> SinkWriter<T> for TextWriter<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let is_new = self.part.is_none();
        if is_new {
            let file = self.dir.stage(self.shard, &self.extension)?;
            self.part = Some(Encoder::new(file, self.compression, std::mem::take(&mut self.spare))?);
        }
        let Some(part) = &mut self.part else { return Err(Error::internal("a file was opened but is not there")) };
        (self.format.encode)(&batch.values, is_new, &mut part.buffer)?;
        part.relieve()?;
        self.records.add(batch.len() as u64);
        if part.bytes() >= self.roll_bytes { self.seal_part() } else { Ok(()) }
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        self.seal_part()?;
        self.dir.begin_checkpoint();
        if !self.sealed.is_empty() {
            self.dir.sync_staging()?;
        }
        let names: Vec<&str> = self.sealed.iter().map(|file| file.name.as_str()).collect();
        let mut state = Vec::new();
        coder::encode(&names, &mut state)?;
        Ok(state)
    }

    fn restore(&mut self, mut state: &[u8]) -> Result<()> {
        for name in coder::decode::<Vec<String>>(&mut state)? {
            self.sealed.push(self.dir.adopt(&name)?);
        }
        Ok(())
    }

    fn committed(&mut self) -> Result<()> {
        self.dir.publish_now(self.sealed.drain(..))
    }

    fn close(&mut self) -> Result<()> {
        self.seal_part()?;
        self.sealed.drain(..).for_each(|file| self.dir.hand_in(file));
        Ok(())
    }
}
