//! Sources of columns.

use crate::batch::kernel_failed;
use crate::columns::{described, listed};
use crate::transforms::{check_time, read_times};
use crate::{ColumnBatch, ColumnPorts, Columns};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use dataflow_core::plane::{AnyBatch, Batch, Bounds, Column, Outbox, typed};
use dataflow_core::source::{ErasedReader, ErasedSource, ErasedSplit};
use dataflow_core::{Boundedness, Error, Pipeline, Poll, Progress, Result, Source, SourceReader};
use dataflow_windows::Timestamp;
use std::sync::Arc;

/// `create_columns` and `read_columns`: collections of columns.
pub trait ReadColumns {
    /// A collection of the rows of these batches, which have the earliest timestamp there is.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::record_batch;
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("n", Int64, [1, 2, 3]))?;
    /// let numbers = p.create_columns("Numbers", batch.schema(), [batch]);
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    fn create_columns(&self, name: &str, schema: SchemaRef, batches: impl IntoIterator<Item = RecordBatch>) -> Columns;

    /// Reads a source of Arrow batches, whose rows are the elements.
    ///
    /// With `time` the timestamps of rows are those in the column of that name; without, all rows have the timestamp of
    /// their batch. The watermark is the source's own. A poll of the source had best give one batch: several are copied
    /// together.
    ///
    /// ```
    /// # use dataflow_core::plane::Batch;
    /// # use dataflow_core::{Pipeline, Poll, Result, Source, SourceReader};
    /// # use dataflow_windows::Timestamp;
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::RecordBatch;
    /// use dataflow_arrow::schema::{DataType, Field, Schema, TimeUnit};
    /// use std::sync::Arc;
    ///
    /// # struct Files;
    /// # struct Reader;
    /// # impl Source for Files {
    /// #     type Element = RecordBatch;
    /// #     type Split = ();
    /// #     type Reader = Reader;
    /// #     fn splits(&self, _: usize) -> Result<Vec<()>> { Ok(vec![]) }
    /// #     fn open(&self, _: ()) -> Result<Reader> { Ok(Reader) }
    /// # }
    /// # impl SourceReader for Reader {
    /// #     type Element = RecordBatch;
    /// #     type Split = ();
    /// #     fn poll(&mut self, _: &mut Batch<RecordBatch>) -> Result<Poll> { Ok(Poll::End) }
    /// #     fn checkpoint(&mut self) -> Result<()> { Ok(()) }
    /// # }
    /// # let p = Pipeline::new("doc");
    /// let at = Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, None), false);
    /// let schema = Arc::new(Schema::new(vec![at, Field::new("page", DataType::Utf8, false)]));
    /// let visits = p.read_columns("Visits", schema, Some("at"), Files); // a `Source` whose elements are `RecordBatch`es
    /// assert!(p.check().is_ok());
    /// ```
    fn read_columns<S>(&self, name: &str, schema: SchemaRef, time: Option<&str>, source: S) -> Columns
    where
        S: Source<Element = RecordBatch>;
}

impl ReadColumns for Pipeline {
    fn create_columns(&self, name: &str, schema: SchemaRef, batches: impl IntoIterator<Item = RecordBatch>) -> Columns {
        self.read_columns(name, schema, None, Prepared(batches.into_iter().collect()))
    }

    fn read_columns<S>(&self, name: &str, schema: SchemaRef, time: Option<&str>, source: S) -> Columns
    where
        S: Source<Element = RecordBatch>,
    {
        let found = time.map(|time| (time, schema.column_with_name(time)));
        let column = found.and_then(|(time, found)| Some((time.to_owned(), found?.0)));
        let source = ColumnSource { source, schema: Arc::clone(&schema), time: column };
        let [rows] = self.read_batches::<ColumnPorts<1>>(name, "Read", Arc::new(source));
        let columns = Columns::new(rows, Arc::clone(&schema));
        match found {
            Some((time, None)) => {
                columns.report(name, format!("there is no column `{time}`: {}", listed(columns.schema())));
            }
            Some((time, Some((_, field)))) => {
                if let Err(message) = check_time(time, field.data_type()) {
                    columns.report(name, message);
                }
            }
            None => {}
        }
        columns
    }
}

/// A source of Arrow batches as one of columns.
struct ColumnSource<S> {
    source: S,
    schema: SchemaRef,
    time: Option<(String, usize)>,
}

impl<S: Source<Element = RecordBatch>> ErasedSource for ColumnSource<S> {
    fn boundedness(&self) -> Boundedness {
        ErasedSource::boundedness(&self.source)
    }

    fn describe(&self) -> String {
        ErasedSource::describe(&self.source)
    }

    fn reads_side_by_side(&self) -> bool {
        ErasedSource::reads_side_by_side(&self.source)
    }

    fn splits(&self, desired: usize) -> Result<Vec<ErasedSplit>> {
        ErasedSource::splits(&self.source, desired)
    }

    fn size(&self, split: &ErasedSplit) -> Option<u64> {
        ErasedSource::size(&self.source, split)
    }

    fn open(&self, split: &ErasedSplit) -> Result<Box<dyn ErasedReader>> {
        let reader = ErasedSource::open(&self.source, split)?;
        let (schema, time) = (Arc::clone(&self.schema), self.time.clone());
        Ok(Box::new(ColumnReader { reader, schema, time, read: Outbox::default() }))
    }
}

struct ColumnReader {
    reader: Box<dyn ErasedReader>,
    schema: SchemaRef,
    time: Option<(String, usize)>,
    /// Emptied batches of the reader's.
    read: Outbox,
}

impl ColumnReader {
    /// Makes one batch of those that were read.
    fn fill(&self, read: &mut Batch<RecordBatch>, to: &mut ColumnBatch) -> Result<()> {
        for batch in &mut read.values {
            *batch = self.fitting(batch)?;
        }
        let len = read.values.iter().map(RecordBatch::num_rows).sum();
        let mut times = Vec::new();
        let mut bounds = Bounds::EMPTY;
        to.rows = match &read.values[..] {
            [] => return Ok(()),
            [one] => one.clone(),
            several => concat_batches(&self.schema, several).map_err(kernel_failed)?,
        };
        match &self.time {
            Some((column, place)) => bounds = read_times(&to.rows, *place, column, &mut times)?,
            None => {
                for (i, batch) in read.values.iter().enumerate().filter(|(_, batch)| batch.num_rows() > 0) {
                    bounds.add(read.times.get(i));
                    times.resize(times.len() + batch.num_rows(), read.times.get(i));
                }
            }
        }
        to.meta.values.resize(len, ());
        to.meta.bounds = bounds;
        to.meta.times = if bounds.min == bounds.max { Column::Uniform(bounds.min) } else { Column::PerElement(times) };
        Ok(())
    }

    /// The batch with the schema of the collection.
    fn fitting(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if Arc::ptr_eq(batch.schema_ref(), &self.schema) {
            return Ok(batch.clone());
        }
        batch.clone().with_schema(Arc::clone(&self.schema)).or_else(|_| self.misfit(batch))
    }

    /// What else the same columns can be: without some nullability or metadata. An error if they are others.
    #[cold]
    fn misfit(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let names = |schema: &Schema| schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        let same = (names(batch.schema_ref()) == names(&self.schema))
            .then(|| RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec()));
        match same {
            Some(Ok(batch)) => Ok(batch),
            _ => Err(Error::data(format!(
                "the source gave a batch with the columns {}, but the collection was declared with {}: give the schema \
                 that all batches have",
                described(batch.schema_ref()),
                described(&self.schema)
            ))),
        }
    }
}

impl ErasedReader for ColumnReader {
    fn poll(&mut self, out: &mut Outbox) -> Result<(Poll, AnyBatch)> {
        let (poll, mut read) = self.reader.poll(&mut self.read)?;
        let mut made = ColumnBatch::default();
        self.fill(typed(&mut *read)?, &mut made)?;
        self.read.recycle(read);
        let mut batch = out.spare().unwrap_or_else(|| Box::new(ColumnBatch::default()));
        std::mem::swap(crate::batch::columns_of(&mut *batch)?, &mut made);
        Ok((poll, batch))
    }

    fn watermark(&self) -> Timestamp {
        self.reader.watermark()
    }

    fn is_idle(&self) -> bool {
        self.reader.is_idle()
    }

    fn checkpoint(&mut self) -> Result<ErasedSplit> {
        self.reader.checkpoint()
    }

    fn split(&mut self, fraction: f64) -> Result<Option<ErasedSplit>> {
        self.reader.split(fraction)
    }

    fn progress(&self) -> Progress {
        self.reader.progress()
    }

    fn position(&self) -> String {
        self.reader.position()
    }
}

/// Batches that are there already.
struct Prepared(Arc<[RecordBatch]>);

impl Source for Prepared {
    type Element = RecordBatch;
    type Split = (u64, u64); // next, end
    type Reader = PreparedReader;

    fn describe(&self) -> String {
        format!("{} batches", self.0.len())
    }

    fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
        let len = self.0.len() as u64;
        let size = len.div_ceil(desired as u64).max(1);
        Ok((0..len).step_by(size as usize).map(|from| (from, len.min(from + size))).collect())
    }

    fn size(&self, (next, end): &(u64, u64)) -> Option<u64> {
        Some(end - next)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<PreparedReader> {
        Ok(PreparedReader { batches: Arc::clone(&self.0), start: next, next, end })
    }
}

struct PreparedReader {
    batches: Arc<[RecordBatch]>,
    start: u64,
    next: u64,
    end: u64,
}

impl SourceReader for PreparedReader {
    type Element = RecordBatch;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<RecordBatch>) -> Result<Poll> {
        if let Some(next) = self.batches.get(self.next as usize).filter(|_| self.next < self.end) {
            batch.push(next.clone(), Timestamp::MIN);
            self.next += 1;
        }
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.next, self.end))
    }

    fn split(&mut self, fraction: f64) -> Result<Option<(u64, u64)>> {
        let given = ((self.end - self.next) as f64 * fraction.clamp(0.0, 1.0)) as u64;
        let part = (self.end - given, self.end);
        self.end -= given;
        Ok((given > 0).then_some(part))
    }

    fn progress(&self) -> Progress {
        Progress { done: self.next - self.start, total: Some(self.end - self.start) }
    }

    fn position(&self) -> String {
        format!("the batches before number {}", self.next)
    }
}
