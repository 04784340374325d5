//! Timestamps and windows.

use crate::field::in_micros;
use crate::{ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts, Columns};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use dataflow_core::plane::{Batch, Bounds, Column};
use dataflow_core::{Error, Result, StepSpec};
use dataflow_exec::transforms::assign::{assign_each, back_in_time, windows_of_all};
use dataflow_windows::{Timestamp, WindowFn, WindowingStrategy};
use std::sync::Arc;

impl Columns {
    /// Gives each row the timestamp that it has in `column`, which is one of Arrow's timestamps of any unit.
    ///
    /// It must not be before the one the row has: the watermark, which promises that nothing earlier comes, hangs on that
    /// one. Rows of sources that know no time have the earliest timestamp there is, so any time will do.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
    /// use std::sync::Arc;
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1_000, 2_000]));
    /// let batch = RecordBatch::try_from_iter([("at", at)])?;
    /// let visits = p.create_columns("Visits", batch.schema(), [batch]).with_timestamps("Time", "at");
    /// assert!(p.check().is_ok());
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn with_timestamps(&self, name: &str, column: &str) -> Columns {
        let found = self.find(name, column);
        if let Some((_, field)) = found
            && let Err(message) = check_time(column, field.data_type())
        {
            self.report(name, message);
        }
        let (place, column) = (found.map_or(0, |(i, _)| i), column.to_owned());
        let spec = StepSpec { detail: format!("column {column}"), ..StepSpec::new(name, "WithTimestamps") };
        self.step(spec, Arc::clone(self.schema()), move |_| Ok(TimestampOperator { place, column: column.clone() }))
    }

    /// Puts each row into its window; groupings downstream work window by window. Where the window is a function of the
    /// timestamp this costs nothing per row.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::record_batch;
    /// use dataflow_windows::{Duration, FixedWindows};
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("n", Int64, [1, 2, 3]))?;
    /// let numbers = p.create_columns("Numbers", batch.schema(), [batch]);
    /// let minutely = numbers.window("Minutely", FixedWindows::of(Duration::minutes(1)));
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn window(&self, name: &str, windowing: impl Into<WindowingStrategy>) -> Columns {
        let windowing = windowing.into();
        let window_fn = windowing.window_fn.clone();
        let spec = StepSpec { windowing: Some(windowing), ..StepSpec::new(name, "Window.Assign") };
        self.step(spec, Arc::clone(self.schema()), move |_| Ok(WindowOperator(window_fn.clone())))
    }
}

/// Says why timestamps cannot be read from a column of this type, if so.
pub(crate) fn check_time(column: &str, data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::Timestamp(..) => Ok(()),
        other => {
            Err(format!("column `{column}` is {other}, which is no time: make it one of Arrow's timestamps first"))
        }
    }
}

/// The timestamps in column `place`, and their bounds.
pub(crate) fn read_times(rows: &RecordBatch, place: usize, column: &str, to: &mut Vec<Timestamp>) -> Result<Bounds> {
    let array = in_micros(rows.column(place));
    let array = array.ok_or_else(|| Error::internal(format!("column `{column}` has no timestamps")))?;
    if let Some(row) = array.nulls().and_then(|nulls| (0..array.len()).find(|i| nulls.is_null(*i))) {
        return Err(Error::data(format!(
            "column `{column}`, row {row} of a batch: the time is NULL; filter out such rows, or fill in a time"
        )));
    }
    let mut bounds = Bounds::EMPTY;
    to.clear();
    to.extend(array.values().iter().map(|us| {
        let t = Timestamp::from_micros(*us);
        bounds.add(t);
        t
    }));
    Ok(bounds)
}

struct TimestampOperator {
    place: usize,
    column: String,
}

impl ColumnOperator for TimestampOperator {
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut ColumnBatch, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        input.explode()?; // windows stay what they are, as in Beam
        input.meta.materialise_windows();
        let mut times = Vec::with_capacity(input.len());
        let bounds = read_times(&input.rows, self.place, &self.column, &mut times)?;
        if bounds.min < input.meta.bounds.max {
            let back = times.iter().enumerate().find(|(i, t)| **t < input.meta.times.get(*i));
            if let Some((i, t)) = back {
                return Err(back_in_time(*t, input.meta.times.get(i)));
            }
        }
        (input.meta.times, input.meta.bounds) = (Column::PerElement(times), bounds);
        out.forward(input)
    }
}

struct WindowOperator(WindowFn);

impl ColumnOperator for WindowOperator {
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut ColumnBatch, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        input.explode()?; // a row of several windows is several, as far as new ones are concerned
        match windows_of_all(&self.0, &input.meta.times) {
            Some(windows) => input.meta.windows = windows,
            None => input.by_number(|numbers| {
                let mut assigned = Batch::default();
                assign_each(&self.0, numbers, &mut assigned)?;
                *numbers = assigned;
                Ok(())
            })?,
        }
        out.forward(input)
    }
}
