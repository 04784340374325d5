//! Rows that are wanted.

use crate::{ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts, Columns};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use dataflow_core::{Error, Result, StepSpec};
use std::sync::Arc;

impl Columns {
    /// Keeps the rows for which `f` says true, one answer for each row of the batch it is given. NULL is false.
    ///
    /// When the graph is built `f` is called once with a batch without rows, so that a column that is missing or has
    /// another type is told then.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::cast::AsArray;
    /// use dataflow_arrow::array::types::Int64Type;
    /// use dataflow_arrow::array::{BooleanArray, record_batch};
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("n", Int64, [1, 2, 3]))?;
    /// let numbers = p.create_columns("Numbers", batch.schema(), [batch]);
    /// let large = numbers.filter("Large", |rows| {
    ///     Ok(BooleanArray::from_unary(rows["n"].as_primitive::<Int64Type>(), |n| n > 1))
    /// });
    /// assert!(p.check().is_ok());
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn filter(
        &self,
        name: &str,
        f: impl Fn(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        self.try_on_nothing(name, &f);
        let f = Arc::new(f);
        self.step(StepSpec::new(name, "Filter"), Arc::clone(self.schema()), move |_| {
            Ok(FilterOperator { f: Arc::clone(&f), selection: Vec::new() })
        })
    }
}

struct FilterOperator<F> {
    f: Arc<F>,
    selection: Vec<u32>,
}

impl<F: Fn(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + Sync + 'static> ColumnOperator
    for FilterOperator<F>
{
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut ColumnBatch, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        let mask = (self.f)(&input.rows).map_err(Error::user)?;
        input.filter(&mask, &mut self.selection)?;
        out.forward(input)
    }
}
