//! The handle of a collection of columns.

use crate::operator::EraseColumns;
use crate::{ColumnOperator, ColumnPorts, ColumnRow};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use dataflow_core::graph::{OperatorContext, Path};
use dataflow_core::{Boundedness, Error, PCollection, Pipeline, PortCollections, Result, StepSpec};
use dataflow_windows::WindowingStrategy;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A collection whose rows flow as columns: Arrow record batches, with a timestamp, a window and a pane for each row.
///
/// It is a handle to a place in the graph, as a [`PCollection`] is, and its steps can be mixed with those of rows:
/// [`to_columns`](crate::ToColumns::to_columns) and [`to_rows`](Self::to_rows) convert. Windows, triggers, lateness, panes
/// and state mean the same on both sides. The schema is known when the graph is built, so that what does not fit it is
/// told before anything is read.
///
/// ```
/// use dataflow_arrow::array::cast::AsArray;
/// use dataflow_arrow::array::types::Int64Type;
/// use dataflow_arrow::array::record_batch;
/// use dataflow_arrow::{Aggregate, ArrowRow, ReadColumns};
/// use dataflow_core::Pipeline;
/// use dataflow_exec::transforms::*;
/// use std::sync::Arc;
///
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, ArrowRow)]
/// struct Total { shop: String, cents: i64 }
///
/// let p = Pipeline::new("sales");
/// let batch = record_batch!(("shop", Utf8, ["a", "b", "a"]), ("euros", Int64, [1, 2, 3]))?;
/// let sales = p.create_columns("Sales", batch.schema(), [batch]);
/// let in_cents = sales.with_column("Cents", "cents", |rows| {
///     let euros = rows["euros"].as_primitive::<Int64Type>();
///     Ok(Arc::new(euros.unary::<_, Int64Type>(|e| e * 100)))
/// });
/// let totals = in_cents.group_by(["shop"]).aggregate("Total", [Aggregate::sum("cents").named("cents")]);
/// let found = totals.to_rows::<Total>("Rows").collect("Collect");
/// # use runner_direct::DirectRunner;
/// p.run_on(&DirectRunner::new(), &Default::default())?.wait_until_finish()?;
/// assert_eq!(found.sorted()[0], Total { shop: "a".to_owned(), cents: 400 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Columns {
    rows: PCollection<ColumnRow>,
    schema: SchemaRef,
}

impl Columns {
    /// The columns that come out of an operator with [`ColumnPorts`], with their schema.
    pub fn new(rows: PCollection<ColumnRow>, schema: SchemaRef) -> Self {
        Columns { rows, schema }
    }

    /// The names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The pipeline it is part of.
    pub fn pipeline(&self) -> &Pipeline {
        self.rows.pipeline()
    }

    /// How it is windowed.
    pub fn windowing(&self) -> WindowingStrategy {
        self.rows.windowing()
    }

    /// Whether it ends.
    pub fn boundedness(&self) -> Boundedness {
        self.rows.boundedness()
    }

    /// Notes that something is wrong with the step `name`, to be told when the pipeline is to be run.
    pub fn report(&self, name: &str, message: impl Into<String>) {
        self.rows.report(name, message);
    }

    /// Adds a step that an operator of columns runs: the primitive that all transforms of columns are made of.
    pub fn apply_operator<O: ColumnOperator>(
        &self,
        spec: StepSpec,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> <O::Out as PortCollections>::Collections
    where
        O::Out: PortCollections,
    {
        let spec = StepSpec { path: spec.path.or_else(|| Some(Path::fastest("column"))), ..spec };
        self.rows.apply_step::<O::Out>(spec, Arc::new(move |context| Ok(Box::new(EraseColumns(make(context)?)))))
    }

    /// Adds a step that makes columns of columns.
    pub(crate) fn step<O: ColumnOperator<Out = ColumnPorts<1>>>(
        &self,
        spec: StepSpec,
        schema: SchemaRef,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> Columns {
        let [rows] = self.apply_operator(spec, make);
        Columns { rows, schema }
    }

    /// The column `column` and its number. If there is none, the step `name` is to be told so.
    pub(crate) fn find(&self, name: &str, column: &str) -> Option<(usize, &Field)> {
        let found = self.schema.column_with_name(column);
        if found.is_none() {
            self.report(name, format!("there is no column `{column}`: {}", listed(&self.schema)));
        }
        found
    }

    /// Calls the code of step `name` with no rows, to see whether it fits the columns, and what it makes. The step is told
    /// what is wrong.
    pub(crate) fn try_on_nothing<R>(
        &self,
        name: &str,
        code: impl FnOnce(&RecordBatch) -> Result<R, ArrowError>,
    ) -> Option<R> {
        let nothing = RecordBatch::new_empty(Arc::clone(&self.schema));
        let error = match catch_unwind(AssertUnwindSafe(|| code(&nothing))) {
            Ok(Ok(made)) => return Some(made),
            Ok(Err(e)) => e.to_string(),
            Err(panic) => Error::panicked(&*panic).to_string(),
        };
        self.report(name, format!("its code, tried without rows, fails: {error}; {}", listed(&self.schema)));
        None
    }
}

/// "the columns are a (Int64), b (Utf8)", for messages.
pub(crate) fn listed(schema: &Schema) -> String {
    match schema.fields().is_empty() {
        true => "there are no columns".to_owned(),
        false => format!("the columns are {}", described(schema)),
    }
}

/// "a (Int64), b (Utf8, nullable)".
pub(crate) fn described(schema: &Schema) -> String {
    let one = |field: &Arc<Field>| {
        format!("{} ({}{})", field.name(), field.data_type(), if field.is_nullable() { ", nullable" } else { "" })
    };
    schema.fields().iter().map(one).collect::<Vec<_>>().join(", ")
}
