//! What flows between the steps of columns.

use crate::port::ColumnRow;
use arrow_array::{Array, BooleanArray, RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::{filter::filter_record_batch, take::take_record_batch};
use dataflow_core::plane::{AnyBatch, Batch, Bounds, ErasedBatch};
use dataflow_core::{Error, Result};
use std::any::Any;
use std::sync::{Arc, LazyLock};

/// A batch of rows as columns, with their timestamps, windows and panes.
///
/// The second kind of [`ErasedBatch`] beside [`Batch`]: its elements are the rows.
///
/// ```
/// use dataflow_arrow::ColumnBatch;
/// use dataflow_arrow::array::record_batch;
/// use dataflow_windows::Timestamp;
///
/// let rows = record_batch!(("n", Int64, [1, 2, 3]))?;
/// let batch = ColumnBatch::at(rows, Timestamp::from_seconds(1));
/// assert_eq!(batch.len(), 3);
/// assert_eq!(batch.meta.times.get(2), Timestamp::from_seconds(1));
/// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ColumnBatch {
    /// The columns.
    pub rows: RecordBatch,
    /// What is known of each row besides: as long as `rows`, its values take no memory.
    pub meta: Batch<()>,
}

static NO_COLUMNS: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::empty()));

impl Default for ColumnBatch {
    /// No rows, and no columns.
    fn default() -> Self {
        ColumnBatch { rows: RecordBatch::new_empty(Arc::clone(&NO_COLUMNS)), meta: Batch::default() }
    }
}

impl ColumnBatch {
    /// Rows that all have the same timestamp, in the global window.
    pub fn at(rows: RecordBatch, timestamp: dataflow_windows::Timestamp) -> Self {
        let mut meta = Batch { values: vec![(); rows.num_rows()], ..Batch::default() };
        meta.set_uniform(timestamp, dataflow_windows::Window::GLOBAL, dataflow_windows::PaneInfo::NO_FIRING);
        ColumnBatch { rows, meta }
    }

    /// The number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.meta.len()
    }

    /// Whether there are no rows.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.meta.is_empty()
    }

    /// Keeps the rows for which `mask` is true, and not NULL. `selection` is memory to work with.
    ///
    /// # Errors
    /// If the mask is not as long as the batch.
    pub fn filter(&mut self, mask: &BooleanArray, selection: &mut Vec<u32>) -> Result<()> {
        if mask.len() != self.len() {
            return Err(Error::data(format!(
                "a filter gave {} answers for {} rows: give one for each row",
                mask.len(),
                self.len()
            )));
        }
        if mask.null_count() == 0 && !mask.has_false() {
            return Ok(());
        }
        self.rows = filter_record_batch(&self.rows, mask).map_err(kernel_failed)?;
        let bits = mask.values();
        match mask.nulls() {
            None => self.meta.retain(selection, |i, (), _| bits.value(i)),
            Some(nulls) => self.meta.retain(selection, |i, (), _| bits.value(i) && nulls.is_valid(i)),
        }
        Ok(())
    }

    /// Makes each row as many as it has windows. Most often there is nothing to do.
    ///
    /// # Errors
    /// If the rows are too many.
    pub fn explode(&mut self) -> Result<()> {
        match &self.meta.windows {
            dataflow_core::plane::Windows::Implied(f) if !f.is_single() => self.by_number(|numbers| {
                numbers.explode();
                Ok(())
            }),
            _ => Ok(()),
        }
    }

    /// Lets `change` change a batch of the numbers of the rows, and makes this one of the rows whose numbers are in it
    /// then.
    ///
    /// # Errors
    /// Those of `change`, and if there are no such rows.
    pub fn by_number(&mut self, change: impl FnOnce(&mut Batch<u32>) -> Result<()>) -> Result<()> {
        let mut numbers = Batch { values: (0..self.len() as u32).collect(), ..Batch::default() };
        numbers.take_meta(&mut self.meta);
        change(&mut numbers)?;
        self.meta.take_meta(&mut numbers);
        self.meta.values.resize(numbers.len(), ());
        self.rows = take_record_batch(&self.rows, &UInt32Array::from(numbers.values)).map_err(kernel_failed)?;
        Ok(())
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.rows = RecordBatch::new_empty(Arc::clone(&NO_COLUMNS)); // the memory of columns may be others', too
        self.meta.clear();
    }

    /// Cuts off the rows from number `at` on, which must not be behind the last one. Columns are not copied.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let rest = self.rows.slice(at, self.len() - at);
        self.rows = self.rows.slice(0, at);
        ColumnBatch { rows: rest, meta: self.meta.split_off(at) }
    }
}

impl ErasedBatch for ColumnBatch {
    fn len(&self) -> usize {
        self.meta.len()
    }

    fn clear(&mut self) {
        ColumnBatch::clear(self);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<ColumnRow>()
    }

    /// Columns are not copied, timestamps are.
    fn duplicate(&self) -> AnyBatch {
        Box::new(self.clone())
    }

    fn split_off(&mut self, at: usize) -> AnyBatch {
        Box::new(ColumnBatch::split_off(self, at))
    }

    fn bounds(&self) -> Bounds {
        self.meta.bounds
    }
}

/// The batch as one of columns.
///
/// # Errors
/// If it is one of elements; the error says of which type.
#[inline]
pub fn columns_of(batch: &mut dyn ErasedBatch) -> Result<&mut ColumnBatch> {
    let got = batch.type_name();
    let columns = batch.as_any().downcast_mut();
    columns.ok_or_else(|| Error::internal(format!("a step that takes columns was given elements of type {got}")))
}

/// The error of a kernel that fails only if the engine calls it wrongly, or memory is too small.
#[cold]
pub(crate) fn kernel_failed(e: arrow_schema::ArrowError) -> Error {
    Error::internal("an Arrow kernel failed on a batch of columns").caused_by(e)
}
