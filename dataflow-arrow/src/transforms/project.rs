//! Other columns of the same rows.

use crate::columns::described;
use crate::{ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts, Columns};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use dataflow_core::{Error, Result, StepSpec};
use std::sync::Arc;

impl Columns {
    /// Keeps these columns, in this order.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::record_batch;
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("id", Int64, [1, 2]), ("page", Utf8, ["/", "/faq"]))?;
    /// let visits = p.create_columns("Visits", batch.schema(), [batch]);
    /// assert_eq!(visits.select("Pages", ["page"]).schema().fields().len(), 1);
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn select<'a>(&self, name: &str, columns: impl IntoIterator<Item = &'a str>) -> Columns {
        let numbers: Vec<usize> = columns.into_iter().filter_map(|c| Some(self.find(name, c)?.0)).collect();
        let fields: Vec<Field> = numbers.iter().map(|i| self.schema().field(*i).clone()).collect();
        self.map_rows(name, Arc::new(Schema::new(fields)), move |rows| rows.project(&numbers))
    }

    /// Adds the column `column`, which `f` makes of the others; a column of that name is replaced. It must have no NULLs:
    /// [`with_nullable_column`](Self::with_nullable_column) is for those that may.
    ///
    /// When the graph is built `f` is called once with a batch without rows: the array that it gives has the type of the
    /// new column.
    ///
    /// ```
    /// use dataflow_arrow::ReadColumns;
    /// use dataflow_arrow::array::cast::AsArray;
    /// use dataflow_arrow::array::types::Int64Type;
    /// use dataflow_arrow::array::record_batch;
    /// use std::sync::Arc;
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("n", Int64, [1, 2, 3]))?;
    /// let numbers = p.create_columns("Numbers", batch.schema(), [batch]);
    /// let squares = numbers.with_column("Square", "square", |rows| {
    ///     Ok(Arc::new(rows["n"].as_primitive::<Int64Type>().unary::<_, Int64Type>(|n| n * n)))
    /// });
    /// assert_eq!(squares.schema().field(1).name(), "square");
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn with_column(
        &self,
        name: &str,
        column: &str,
        f: impl Fn(&RecordBatch) -> Result<ArrayRef, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        self.add_column(name, column, false, f)
    }

    /// As [`with_column`](Self::with_column), of a column that can have NULLs.
    pub fn with_nullable_column(
        &self,
        name: &str,
        column: &str,
        f: impl Fn(&RecordBatch) -> Result<ArrayRef, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        self.add_column(name, column, true, f)
    }

    /// Makes other columns of the batches: `f` gives a batch with as many rows, in the same order.
    ///
    /// When the graph is built `f` is called once with a batch without rows: what it gives has the new schema.
    pub fn map_batches(
        &self,
        name: &str,
        f: impl Fn(&RecordBatch) -> Result<RecordBatch, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        let made = self.try_on_nothing(name, &f);
        self.map_rows(name, made.map_or_else(|| Arc::clone(self.schema()), |made| made.schema()), f)
    }

    fn add_column(
        &self,
        name: &str,
        column: &str,
        nullable: bool,
        f: impl Fn(&RecordBatch) -> Result<ArrayRef, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        let Some(made) = self.try_on_nothing(name, &f) else { return self.clone() };
        let field = Arc::new(Field::new(column, made.data_type().clone(), nullable));
        let place = self.schema().index_of(column).unwrap_or(self.schema().fields().len());
        let mut fields = self.schema().fields().to_vec();
        fields.splice(place..fields.len().min(place + 1), [field]);
        let schema = Arc::new(Schema::new(fields));
        let column = column.to_owned();
        self.map_rows(name, Arc::clone(&schema), move |rows| {
            let made = f(rows)?;
            if !nullable && made.logical_null_count() > 0 {
                return Err(ArrowError::InvalidArgumentError(format!(
                    "column `{column}` got a NULL: make it by with_nullable_column, or fill in a value"
                )));
            }
            let mut columns = rows.columns().to_vec();
            columns.splice(place..columns.len().min(place + 1), [made]);
            RecordBatch::try_new(Arc::clone(&schema), columns)
        })
    }

    /// Adds a step that makes batches of `schema`, with the same rows.
    fn map_rows(
        &self,
        name: &str,
        schema: SchemaRef,
        f: impl Fn(&RecordBatch) -> Result<RecordBatch, ArrowError> + Send + Sync + 'static,
    ) -> Columns {
        let spec = StepSpec { detail: described(&schema), ..StepSpec::new(name, "Map") };
        let f = Arc::new(f);
        self.step(spec, Arc::clone(&schema), move |_| {
            Ok(MapOperator { f: Arc::clone(&f), schema: Arc::clone(&schema) })
        })
    }
}

struct MapOperator<F> {
    f: Arc<F>,
    schema: SchemaRef,
}

impl<F: Fn(&RecordBatch) -> Result<RecordBatch, ArrowError> + Send + Sync + 'static> ColumnOperator for MapOperator<F> {
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut ColumnBatch, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        let made = (self.f)(&input.rows).map_err(Error::user)?;
        if made.num_rows() != input.len() {
            return Err(Error::data(format!(
                "{} rows were made of {}: give one for each, in the same order; filter drops rows",
                made.num_rows(),
                input.len()
            )));
        }
        if !Arc::ptr_eq(made.schema_ref(), &self.schema) && made.schema_ref() != &self.schema {
            return Err(Error::data(format!(
                "the columns of a batch are {}, but without rows they were {}: make the same columns of all batches",
                described(made.schema_ref()),
                described(&self.schema)
            )));
        }
        input.rows = made;
        out.forward(input)
    }
}
