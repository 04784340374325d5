//! The writer of one shard of a [`ParquetSink`](super::ParquetSink).

use super::Settings;
use super::file::{FileContext, RowFile};
use super::open_files::OpenFiles;
use crate::ArrowRow;
use crate::target::{Sealed, Target};
use dataflow_core::plane::Batch;
use dataflow_core::{Counter, Error, Result, SinkContext, SinkWriter, coder};
use dataflow_windows::Timestamp;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// The writer of one shard of a [`ParquetSink`](super::ParquetSink): one open file for each partition.
pub struct ParquetWriter<T: ArrowRow> {
    settings: Arc<Settings<T>>,
    target: Arc<dyn Target>,
    properties: WriterProperties,
    shard: usize,
    open: OpenFiles<T>,
    /// Complete files that wait for the end of the run, as they are in a checkpoint.
    sealed: Vec<Sealed>,
    rows_since_look: usize,
    now: Option<Timestamp>,
    counters: Counters,
}

struct Counters {
    records: Counter,
    files: Counter,
    bytes: Counter,
}

impl<T: ArrowRow> ParquetWriter<T> {
    pub(super) fn new(
        settings: Arc<Settings<T>>,
        properties: WriterProperties,
        target: Arc<dyn Target>,
        context: SinkContext,
    ) -> Self {
        ParquetWriter {
            settings,
            target,
            properties,
            shard: context.shard,
            open: OpenFiles::new(),
            sealed: Vec::new(),
            rows_since_look: 0,
            now: None,
            counters: Counters {
                records: context.counter("records"),
                files: context.counter("files"),
                bytes: context.counter("bytes"),
            },
        }
    }

    fn append(&mut self, place: usize, mut rows: &[T]) -> Result<()> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        let file = self.open.file(place);
        while !rows.is_empty() {
            if file.rows() == 0 {
                file.begun = self.now;
            }
            let room = self.settings.roll_rows - file.rows();
            let taken = file.append(&rows[..rows.len().min(room)], &with)?;
            rows = &rows[taken..];
            let is_full = file.rows() >= self.settings.roll_rows
                || (file.is_encoded() && file.encoded() >= self.settings.roll_bytes);
            if is_full {
                roll(file, &with, &mut self.sealed, &self.counters)?;
            }
        }
        Ok(())
    }

    /// Writes row groups early while the files take too much memory.
    fn bound_memory(&mut self) -> Result<()> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        for _ in 0..self.open.len() {
            let total: usize = self.open.files().map(|file| file.memory()).sum();
            if total <= self.settings.memory {
                break;
            }
            if let Some(largest) = self.open.files().max_by_key(|file| file.memory()) {
                largest.end_row_group(&with)?;
            }
        }
        Ok(())
    }

    fn roll_oldest(&mut self) -> Result<()> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        match self.open.take_oldest() {
            Some(mut oldest) => roll(&mut oldest.file, &with, &mut self.sealed, &self.counters),
            None => Ok(()),
        }
    }
}

/// Ends a file, and publishes it if it does not wait for the end of the run.
fn roll<T: ArrowRow>(
    file: &mut RowFile<T>,
    with: &FileContext<'_>,
    waiting: &mut Vec<Sealed>,
    counters: &Counters,
) -> Result<()> {
    let sealed = file.seal(with)?;
    if with.target.waits() {
        waiting.extend(sealed);
        return Ok(());
    }
    sealed.map_or(Ok(()), |sealed| publish(&sealed, with, counters))
}

fn publish(sealed: &Sealed, with: &FileContext<'_>, counters: &Counters) -> Result<()> {
    with.target.publish(sealed).map_err(|e| with.add_published(e))?;
    with.target.run().count(sealed);
    counters.records.add(sealed.rows);
    counters.files.inc();
    counters.bytes.add(sealed.bytes);
    Ok(())
}

/// How many rows may come before the memory is looked at.
const LOOK_ROWS: usize = 64 << 10;

impl<T: ArrowRow> SinkWriter<T> for ParquetWriter<T> {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let mut rows = &batch.values[..];
        while let Some(first) = rows.first() {
            let Some((place, run)) = self.open.find(rows, &self.settings.partitions) else {
                while self.open.len() >= self.settings.max_open {
                    self.roll_oldest()?;
                }
                self.open.open(first, &self.settings.partitions);
                continue;
            };
            self.append(place, &rows[..run])?;
            rows = &rows[run..];
        }
        self.rows_since_look += batch.len();
        if self.rows_since_look >= LOOK_ROWS {
            self.rows_since_look = 0;
            self.bound_memory()?;
        }
        Ok(())
    }

    fn processing_time(&mut self, now: Timestamp) -> Result<()> {
        self.now = Some(now);
        let Some(age) = self.settings.roll_age else { return Ok(()) };
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        for file in self.open.files().filter(|file| file.rows() > 0) {
            match file.begun {
                None => file.begun = Some(now),
                Some(begun) if now - begun >= age => roll(file, &with, &mut self.sealed, &self.counters)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        for file in self.open.files() {
            self.sealed.extend(file.seal(&with)?);
        }
        self.target.begin_checkpoint();
        self.target.sync()?;
        let mut state = Vec::new();
        coder::encode(&self.sealed, &mut state)?;
        Ok(state)
    }

    fn restore(&mut self, mut state: &[u8]) -> Result<()> {
        let sealed: Vec<Sealed> = coder::decode(&mut state)?;
        for file in &sealed {
            if !self.target.has(file)? {
                return Err(Error::data(format!(
                    "{}, a complete file that the checkpoint waits to publish, is gone: go on from another checkpoint",
                    self.target.show(&file.staged)
                )));
            }
        }
        self.sealed.extend(sealed);
        Ok(())
    }

    fn committed(&mut self) -> Result<()> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        std::mem::take(&mut self.sealed).iter().try_for_each(|sealed| publish(sealed, &with, &self.counters))
    }

    fn close(&mut self) -> Result<()> {
        let with = FileContext { target: &*self.target, properties: &self.properties, shard: self.shard };
        for file in self.open.files() {
            self.sealed.extend(file.seal(&with)?);
        }
        for sealed in std::mem::take(&mut self.sealed) {
            publish(&sealed, &with, &self.counters)?;
        }
        Ok(())
    }
}
