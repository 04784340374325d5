//! Reads a split.

use super::footer::{Footer, damaged};
use super::predicate::compare;
use super::{Input, ParquetSplit, ReadSettings, constant};
use crate::{ArrowRow, RowColumn, RowReader};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use dataflow_core::plane::{Batch, Bounds, Column};
use dataflow_core::{Error, Poll, Progress, Result, SourceReader};
use dataflow_windows::Timestamp;
use dataflow_windows::watermark::WatermarkEstimator;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::sync::Arc;

/// Reads some row groups of a file.
pub struct ParquetReader<T: ArrowRow> {
    settings: Arc<ReadSettings<T>>,
    input: Input,
    footer: Footer,
    projection: ProjectionMask,
    columns: Vec<RowColumn>,
    /// Columns of the row type that the folder has, not the file.
    constants: Vec<(Field, Option<String>)>,
    split: ParquetSplit,
    current: Option<ParquetRecordBatchReader>,
    estimator: Option<WatermarkEstimator>,
    rows_done: u64,
    last: Option<(u32, u64, u64)>,
}

impl<T: ArrowRow> ParquetReader<T> {
    pub(super) fn open(settings: Arc<ReadSettings<T>>, input: Input, split: ParquetSplit) -> Result<Self> {
        let footer = Footer::read(&input, &split.file)?;
        let groups = footer.metadata.metadata().num_row_groups();
        let len = parquet::file::reader::Length::len(&input);
        if len != split.bytes || split.row_groups.iter().any(|group| *group as usize >= groups) {
            return Err(Error::data(format!(
                "{} has changed since the run began: it had {} bytes and has {len}; begin again",
                split.file, split.bytes
            )));
        }
        footer.check::<T>()?;
        let mut constants = Vec::new();
        let mut wanted: Vec<&str> = Vec::new();
        let columns = T::columns();
        for field in columns.iter().map(|column| column.field()) {
            match footer.folder_value(field.name()) {
                Some(value) if footer.field(field.name()).is_none() => constants.push((field.clone(), value)),
                _ => wanted.push(field.name()),
            }
        }
        if settings.filter_rows {
            wanted.extend(settings.predicates.iter().map(|predicate| predicate.column()));
        }
        let fields = footer.metadata.schema().fields().iter().enumerate();
        let roots = fields.filter(|(_, field)| wanted.contains(&&field.name()[..])).map(|(i, _)| i);
        let projection = ProjectionMask::roots(footer.metadata.parquet_schema(), roots);
        let estimator = settings.stamp.as_ref().map(|(_, estimator)| *estimator);
        Ok(ParquetReader {
            settings,
            input,
            footer,
            projection,
            columns,
            constants,
            split,
            current: None,
            estimator,
            rows_done: 0,
            last: None,
        })
    }

    fn rows_of(&self, group: u32) -> u64 {
        self.footer.metadata.metadata().row_group(group as usize).num_rows().max(0) as u64
    }

    /// The next batch of the file; nothing at the end of the split.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(&group) = self.split.row_groups.first() {
            let failed = |e| damaged(&self.split.file, "its data is damaged", e);
            let current = match &mut self.current {
                Some(current) => current,
                none => none.insert(
                    ParquetRecordBatchReaderBuilder::new_with_metadata(
                        self.input.clone(),
                        self.footer.metadata.clone(),
                    )
                    .with_row_groups(vec![group as usize])
                    .with_projection(self.projection.clone())
                    .with_batch_size(Batch::<T>::target_len())
                    .with_offset(self.split.rows as usize)
                    .build()
                    .map_err(failed)?,
                ),
            };
            match current.next() {
                Some(batch) => {
                    let batch = batch.map_err(|e| failed(e.into()))?;
                    let from = self.split.rows;
                    self.split.rows += batch.num_rows() as u64;
                    self.rows_done += batch.num_rows() as u64;
                    self.last = Some((group, from, self.split.rows));
                    return Ok(Some(batch));
                }
                None => {
                    self.split.row_groups.remove(0);
                    self.split.rows = 0;
                    self.current = None;
                }
            }
        }
        Ok(None)
    }

    /// The batch with the columns that the folder has.
    fn with_constants(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.constants.is_empty() {
            return Ok(batch);
        }
        let rows = batch.num_rows();
        let (schema, mut arrays, _) = batch.into_parts();
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        for (field, value) in &self.constants {
            let array: ArrayRef = constant::array(field.data_type(), value.as_deref(), rows)?;
            fields.push(Arc::new(Field::new(field.name(), array.data_type().clone(), true)));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|e| Error::internal("the columns of a batch do not match").caused_by(e))
    }

    /// Which rows meet the predicates; nothing if all are wanted.
    fn selected(&self, batch: &RecordBatch) -> Result<Option<Vec<bool>>> {
        if !self.settings.filter_rows || self.settings.predicates.is_empty() {
            return Ok(None);
        }
        let mut selected = vec![true; batch.num_rows()];
        for predicate in &self.settings.predicates {
            // Missing: NULL in all rows of this file, unless it is a folder's, by which the file was chosen.
            let Some(array) = batch.column_by_name(predicate.column()) else {
                if self.footer.folder_value(predicate.column()).is_none() {
                    selected.fill(false);
                }
                continue;
            };
            let compared = compare(array, predicate)?;
            selected.iter_mut().zip(compared).for_each(|(selected, c)| *selected &= predicate.is_met(c));
        }
        Ok(Some(selected))
    }

    fn fill(&mut self, batch: &mut Batch<T>, from: RecordBatch) -> Result<()> {
        let from = self.with_constants(from)?;
        let selected = self.selected(&from)?;
        let reader = T::Reader::bind(&from, &self.columns)?;
        batch.values.reserve(from.num_rows());
        for i in 0..from.num_rows() {
            if selected.as_ref().is_none_or(|selected| selected[i]) {
                batch.values.push(reader.row(i)?);
            }
        }
        match (&self.settings.stamp, &mut self.estimator) {
            (Some((stamp, _)), Some(estimator)) => {
                let times = batch.times.make_per_element(0);
                times.clear();
                batch.bounds = stamp(&batch.values, times);
                if !batch.values.is_empty() {
                    estimator.observe(batch.bounds.max);
                }
            }
            _ => {
                batch.times = Column::Uniform(Timestamp::MIN);
                batch.bounds = Bounds { min: Timestamp::MIN, max: Timestamp::MIN };
            }
        }
        Ok(())
    }
}

impl<T: ArrowRow> SourceReader for ParquetReader<T> {
    type Element = T;
    type Split = ParquetSplit;

    fn poll(&mut self, batch: &mut Batch<T>) -> Result<Poll> {
        match self.next()? {
            Some(from) => {
                self.fill(batch, from).map_err(|e| e.at_position(self.position()))?;
                Ok(Poll::More)
            }
            None => Ok(Poll::End),
        }
    }

    fn watermark(&self) -> Timestamp {
        self.estimator.map_or(Timestamp::MIN, |estimator| estimator.watermark())
    }

    fn checkpoint(&mut self) -> Result<ParquetSplit> {
        Ok(self.split.clone())
    }

    fn split(&mut self, fraction: f64) -> Result<Option<ParquetSplit>> {
        let left = self.split.row_groups.len().saturating_sub(1); // the one being read stays
        if left == 0 {
            return Ok(None);
        }
        let part = ((left as f64 * fraction).round() as usize).clamp(1, left);
        let row_groups = self.split.row_groups.split_off(self.split.row_groups.len() - part);
        Ok(Some(ParquetSplit { row_groups, rows: 0, ..self.split.clone() }))
    }

    fn progress(&self) -> Progress {
        let left: u64 = self.split.row_groups.iter().map(|group| self.rows_of(*group)).sum();
        let left = left.saturating_sub(self.split.rows);
        Progress { done: self.rows_done, total: Some(self.rows_done + left) }
    }

    fn position(&self) -> String {
        match self.last {
            Some((group, from, to)) => format!("{}, row group {group}, rows {from} to {to}", self.split.file),
            None => self.split.file.clone(),
        }
    }
}
