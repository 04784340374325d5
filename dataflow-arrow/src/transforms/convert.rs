//! Rows as columns, and columns as rows.

use crate::columns::described;
use crate::row::RowColumn;
use crate::{ArrowRow, ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts, Columns, RowBuilder, RowReader};
use dataflow_core::graph::Path;
use dataflow_core::plane::{Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{PCollection, Result, StepSpec};
use std::marker::PhantomData;

/// `to_columns`: rows as columns.
pub trait ToColumns<T: ArrowRow> {
    /// The same rows as columns: one for each field. Timestamps, windows and panes stay.
    ///
    /// ```
    /// use dataflow_arrow::{ArrowRow, ToColumns};
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    ///
    /// #[derive(Clone, ArrowRow)]
    /// struct Visit { page: String, seconds: Option<f64> }
    ///
    /// let visits = p.create("Visits", vec![Visit { page: "/".to_owned(), seconds: None }]);
    /// let columns = visits.to_columns("Columns");
    /// assert_eq!(columns.schema().field(0).name(), "page");
    /// ```
    fn to_columns(&self, name: &str) -> Columns;
}

impl<T: ArrowRow + Sync> ToColumns<T> for PCollection<T> {
    fn to_columns(&self, name: &str) -> Columns {
        let schema = T::schema();
        let (detail, path) = (described(&schema), Some(Path::fastest("column")));
        let spec = StepSpec { detail, path, ..StepSpec::new(name, "ToColumns") };
        let [rows] = self.apply_operator(spec, |_| Ok(ToColumnsOperator::<T> { builder: T::Builder::default() }));
        Columns::new(rows, schema)
    }
}

struct ToColumnsOperator<T: ArrowRow> {
    builder: T::Builder,
}

impl<T: ArrowRow> Operator for ToColumnsOperator<T> {
    type In = T;
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut Batch<T>, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        self.builder.extend(&input.values);
        let mut made = ColumnBatch { rows: self.builder.finish()?, ..ColumnBatch::default() };
        made.meta.values.resize(input.len(), ());
        made.meta.take_meta(input);
        input.values.clear();
        out.forward(&mut made)
    }

    fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}

impl Columns {
    /// The same rows as structs. Columns are found by name, those that `T` does not have are left out; timestamps, windows
    /// and panes stay.
    ///
    /// ```
    /// use dataflow_arrow::array::record_batch;
    /// use dataflow_arrow::{ArrowRow, ReadColumns};
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    ///
    /// #[derive(Clone, ArrowRow)]
    /// struct Visit { page: String, seconds: Option<f64> }
    ///
    /// let batch = record_batch!(("page", Utf8, ["/", "/faq"]))?;
    /// let visits = p.create_columns("Columns", batch.schema(), [batch]).to_rows::<Visit>("Visits");
    /// assert!(p.check().is_ok());
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn to_rows<T: ArrowRow>(&self, name: &str) -> PCollection<T> {
        let columns = T::columns();
        for column in &columns {
            let stored = self.schema().column_with_name(column.field().name());
            if let Err(e) = column.check(stored.map(|(_, field)| field)) {
                self.report(name, e.to_string());
            }
        }
        let spec = StepSpec { detail: described(&T::schema()), ..StepSpec::new(name, "ToRows") };
        self.apply_operator(spec, move |_| Ok(ToRowsOperator::<T> { columns: columns.clone(), row: PhantomData }))
    }
}

struct ToRowsOperator<T> {
    columns: Vec<RowColumn>,
    row: PhantomData<fn() -> T>,
}

impl<T: ArrowRow> ColumnOperator for ToRowsOperator<T> {
    type Out = (T,);

    fn batch(&mut self, input: &mut ColumnBatch, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        let reader = T::Reader::bind(&input.rows, &self.columns)?;
        let (len, size) = (input.len(), Batch::<T>::target_len());
        if len <= 2 * size {
            return out.try_with(|o| {
                read(&reader, 0..len, &mut o.values)?;
                o.take_meta(&mut input.meta);
                Ok(())
            });
        }
        // Batches of columns can be large, those of rows are to stay in the cache.
        for start in (0..len).step_by(size) {
            let rows = start..len.min(start + size);
            out.try_with(|o| {
                o.extend_meta(&input.meta, rows.clone());
                read(&reader, rows, &mut o.values)
            })?;
        }
        Ok(())
    }
}

fn read<T>(reader: &impl RowReader<T>, rows: std::ops::Range<usize>, to: &mut Vec<T>) -> Result<()> {
    to.reserve(rows.len());
    for i in rows {
        to.push(reader.row(i)?);
    }
    Ok(())
}
