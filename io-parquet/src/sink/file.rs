//! One file that is being written.

use crate::target::{Sealed, Target, TargetFile};
use crate::{ArrowRow, RowBuilder};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::error::Error as StdError;
use std::io;

/// Rows that are gathered before they are encoded: enough to keep the loops of the encoder busy, few enough to stay in
/// the cache. Measured: 8 Ki to 64 Ki are the same within a few percent.
pub(crate) const FLUSH_ROWS: usize = 16 << 10;

/// Bytes that are gathered at most, for rows that are large.
const FLUSH_BYTES: usize = 16 << 20;

/// What is on its way to a file of a partition. The file itself is begun when the first rows are encoded.
pub(crate) struct RowFile<T: ArrowRow> {
    folder: String,
    builder: T::Builder,
    output: Option<Output>,
    /// Of the file, with those in the builder.
    rows: usize,
    /// When the first row came, in processing time, if that is known.
    pub(crate) begun: Option<Timestamp>,
}

struct Output {
    writer: ArrowWriter<Box<dyn TargetFile>>,
    path: String,
}

impl<T: ArrowRow> RowFile<T> {
    pub(crate) fn new(folder: String) -> Self {
        RowFile { folder, builder: T::Builder::default(), output: None, rows: 0, begun: None }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how much memory it takes.
    pub(crate) fn memory(&self) -> usize {
        self.builder.bytes() + self.output.as_ref().map_or(0, |output| output.writer.memory_size())
    }

    /// About how many bytes of the file are encoded.
    pub(crate) fn encoded(&self) -> usize {
        self.output.as_ref().map_or(0, |output| output.writer.bytes_written() + output.writer.in_progress_size())
    }

    /// Takes some of the first rows and says how many. They are encoded if there are enough.
    #[inline]
    pub(crate) fn append(&mut self, rows: &[T], with: &FileContext<'_>) -> Result<usize> {
        let n = rows.len().min(FLUSH_ROWS.saturating_sub(self.builder.len()).max(1));
        self.builder.extend(&rows[..n]);
        self.rows += n;
        if self.builder.len() >= FLUSH_ROWS || self.builder.bytes() >= FLUSH_BYTES {
            self.encode(with)?;
        }
        Ok(n)
    }

    /// Whether nothing is waiting to be encoded.
    pub(crate) fn is_encoded(&self) -> bool {
        self.builder.is_empty()
    }

    /// Encodes the rows that are gathered.
    pub(crate) fn encode(&mut self, with: &FileContext<'_>) -> Result<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let batch = self.builder.finish()?;
        let output = match &mut self.output {
            Some(output) => output,
            none => none.insert(Output::begin(&self.folder, batch.schema(), with)?),
        };
        output.writer.write(&batch).map_err(|e| with.failed(&output.path, e))
    }

    /// Ends the row group early, so that its memory is free.
    pub(crate) fn end_row_group(&mut self, with: &FileContext<'_>) -> Result<()> {
        self.encode(with)?;
        match &mut self.output {
            Some(output) => output.writer.flush().map_err(|e| with.failed(&output.path, e)),
            None => Ok(()),
        }
    }

    /// Ends the file; what comes then is the next one's. Nothing if there were no rows.
    pub(crate) fn seal(&mut self, with: &FileContext<'_>) -> Result<Option<Sealed>> {
        self.encode(with)?;
        self.begun = None;
        let rows = std::mem::take(&mut self.rows) as u64;
        let Some(Output { writer, path }) = self.output.take() else { return Ok(None) };
        let mut file = writer.into_inner().map_err(|e| with.failed(&path, e))?;
        let sealed = file.seal().map_err(|e| with.add_published(e))?;
        Ok(Some(Sealed { rows, ..sealed }))
    }
}

impl Output {
    fn begin(folder: &str, schema: arrow_schema::SchemaRef, with: &FileContext<'_>) -> Result<Self> {
        let name = with.target.run().next_name(with.shard);
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let file = with.target.create(folder, &name).map_err(|e| with.add_published(e))?;
        let writer = ArrowWriter::try_new(file, schema, Some(with.properties.clone()))
            .map_err(|e| Error::internal(format!("no Parquet file can have the schema: {e}")))?;
        Ok(Output { writer, path })
    }
}

/// What a file needs to know of its writer.
pub(crate) struct FileContext<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) properties: &'a WriterProperties,
    pub(crate) shard: usize,
}

impl FileContext<'_> {
    /// The error of writing to the file `path`.
    #[cold]
    fn failed(&self, path: &str, error: ParquetError) -> Error {
        let (shown, published) = (self.target.show(path), self.target.run().published());
        if is_full(&error) {
            return Error::io(
                format!(
                    "the disk is full: {shown} cannot be completed and is not published; {published}. Make room and \
                     run again"
                ),
                error,
            );
        }
        Error::io(format!("{shown} cannot be written and is not published; {published}"), error)
    }

    #[cold]
    pub(crate) fn add_published(&self, error: Error) -> Error {
        let cause = if is_full(&error) { "the disk is full: make room and run again. " } else { "" };
        let published = self.target.run().published();
        let kind = error.kind();
        Error::new(kind, format!("{cause}{error}; {published}")).caused_by(error)
    }
}

/// Whether the cause is that there is no room left.
fn is_full(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        }
        next = match error.downcast_ref::<ParquetError>() {
            Some(ParquetError::External(inner)) => Some(&**inner),
            _ => error.source(),
        };
    }
    false
}
