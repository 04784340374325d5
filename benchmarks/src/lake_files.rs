//! The files of the lake: a folder for each date, with one Parquet file that becomes visible when it is complete.

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use dataflow_windows::Timestamp;
use examples::lake::rfc3339;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use std::fs::{self, File};
use std::path::PathBuf;

/// Rows that are collected before the Parquet writer gets them.
pub const BATCH: usize = 16 * 1024;

/// Rows of a row group.
pub const ROW_GROUP: usize = 1 << 20;

const DAY: i64 = 86_400_000_000;

/// Rows of a table on their way into columns.
pub trait Rows {
    /// One row.
    type Row;

    /// No rows, with room for [`BATCH`].
    fn new() -> Self;

    /// The table's columns.
    fn schema() -> SchemaRef;

    /// How the columns differ from the writer's defaults.
    fn properties(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder;

    /// The time by which a row is partitioned.
    fn time(row: &Self::Row) -> Timestamp;

    /// Takes one row.
    fn append(&mut self, row: &Self::Row);

    /// Takes rows, column by column where that is worth it.
    fn extend(&mut self, rows: &[Self::Row]) {
        rows.iter().for_each(|row| self.append(row));
    }

    /// Rows taken since the last batch.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows as a batch; none are left.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema.
    fn take(&mut self) -> Result<RecordBatch, ArrowError>;
}

/// What was written to a lake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
}

/// A table of files below one folder.
pub struct Lake<R> {
    folder: PathBuf,
    partitions: Vec<Partition<R>>,
    /// The partition of the latest row, which is most likely the next one's.
    current: usize,
}

struct Partition<R> {
    day: i64,
    rows: R,
    written: u64,
    writer: ArrowWriter<File>,
    staged: PathBuf,
    published: PathBuf,
}

impl<R: Rows> Lake<R> {
    /// A lake in `folder`, which is made with the first row.
    pub fn new(folder: PathBuf) -> Self {
        Lake { folder, partitions: Vec::new(), current: 0 }
    }

    /// Writes a row into its date's file, which becomes visible at the end.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    #[inline]
    pub fn append(&mut self, row: &R::Row) -> Result<()> {
        let day = R::time(row).as_micros().div_euclid(DAY);
        if self.partitions.get(self.current).is_none_or(|partition| partition.day != day) {
            self.turn_to(day)?;
        }
        let partition = &mut self.partitions[self.current];
        partition.rows.append(row);
        if partition.rows.len() == BATCH { partition.flush() } else { Ok(()) }
    }

    /// Writes rows into their dates' files.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn extend(&mut self, mut rows: &[R::Row]) -> Result<()> {
        while let Some(first) = rows.first() {
            let day = R::time(first).as_micros().div_euclid(DAY);
            if self.partitions.get(self.current).is_none_or(|partition| partition.day != day) {
                self.turn_to(day)?;
            }
            let partition = &mut self.partitions[self.current];
            let room = &rows[..rows.len().min(BATCH - partition.rows.len())];
            let until = (day + 1) * DAY;
            let since = day * DAY;
            let other = room.iter().position(|row| !(since..until).contains(&R::time(row).as_micros()));
            let (now, rest) = rows.split_at(other.unwrap_or(room.len()));
            partition.rows.extend(now);
            if partition.rows.len() == BATCH {
                partition.flush()?;
            }
            rows = rest;
        }
        Ok(())
    }

    #[cold]
    fn turn_to(&mut self, day: i64) -> Result<()> {
        let known = self.partitions.iter().position(|partition| partition.day == day);
        self.current = known.unwrap_or(self.partitions.len());
        if known.is_none() {
            let date = rfc3339::date(day);
            let folder = self.folder.join(format!("date={}", String::from_utf8_lossy(&date)));
            fs::create_dir_all(&folder)?;
            let staged = folder.join(".part-0.parquet.staged");
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .set_max_row_group_row_count(Some(ROW_GROUP));
            let properties = R::properties(properties).build();
            let writer = ArrowWriter::try_new(File::create(&staged)?, R::schema(), Some(properties))?;
            let published = folder.join("part-0.parquet");
            self.partitions.push(Partition { day, rows: R::new(), written: 0, writer, staged, published });
        }
        Ok(())
    }

    /// Writes what is left and makes the files visible.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn finish(self) -> Result<Written> {
        let mut total = Written::default();
        for mut partition in self.partitions {
            partition.flush()?;
            partition.writer.close()?;
            fs::rename(&partition.staged, &partition.published)?;
            total.files += 1;
            total.bytes += fs::metadata(&partition.published)?.len();
            total.rows += partition.written;
        }
        Ok(total)
    }
}

impl<R: Rows> Partition<R> {
    fn flush(&mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.written += self.rows.len() as u64;
            self.writer.write(&self.rows.take()?)?;
        }
        Ok(())
    }
}
