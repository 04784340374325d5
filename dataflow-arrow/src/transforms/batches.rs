//! Batches as elements.

use crate::{ColumnBatch, ColumnOperator, Columns};
use arrow_array::RecordBatch;
use dataflow_core::plane::Emitter;
use dataflow_core::{PCollection, Result, StepSpec};
use dataflow_windows::{PaneInfo, Window, WindowingStrategy};

impl Columns {
    /// The Arrow batches as elements: for sinks, and code of your own.
    ///
    /// How many rows a batch has is the engine's choice, so the batches are not the same in each run, but their rows are. A
    /// batch has the timestamp of its latest row or a later one, and is in the global window.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::record_batch;
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("n", Int64, [1, 2, 3]))?;
    /// let numbers = p.create_columns("Numbers", batch.schema(), [batch]);
    /// let sizes = numbers.to_batches("Batches").map("Size", |batch| batch.get_array_memory_size());
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn to_batches(&self, name: &str) -> PCollection<RecordBatch> {
        let spec = StepSpec { windowing: Some(WindowingStrategy::default()), ..StepSpec::new(name, "ToBatches") };
        self.apply_operator(spec, |_| Ok(BatchesOperator))
    }
}

struct BatchesOperator;

impl ColumnOperator for BatchesOperator {
    type Out = (RecordBatch,);

    fn batch(&mut self, input: &mut ColumnBatch, (mut out,): (Emitter<'_, RecordBatch>,)) -> Result<()> {
        input.explode()?; // a row of several windows is several, as it is to anybody who looks at windows
        out.with(|o| {
            o.push_in(input.rows.clone(), input.meta.bounds.max, Window::GLOBAL, PaneInfo::NO_FIRING);
        })
    }
}
