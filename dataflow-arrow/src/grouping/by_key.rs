//! Aggregates by key.

use super::aggregate::{Aggregate, Kind, Planned};
use super::cells::{Cells, Counting, Greatest, Several};
use super::exchange::ColumnExchange;
use super::key::{Encoded, KeyKind, Native, check};
use super::operator::{Grouping, GroupingOperator};
use crate::Columns;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dataflow_core::graph::{Lifting, Routing};
use dataflow_core::{Boundedness, PCollection, StepSpec};
use dataflow_exec::transforms::grouping::{Groups, WithGroups, choose};
use std::sync::Arc;

impl Columns {
    /// Groups rows by the values of some columns: integers, Boolean, Utf8 or timestamps. A NULL is a value, too.
    ///
    /// What is aggregated of a key is kept where the same key of rows is, and comes out when it does: windows, triggers,
    /// lateness and panes are those of [`combine_per_key`](dataflow_exec::transforms::CombinePerKey).
    ///
    /// ```
    /// use dataflow_arrow::array::record_batch;
    /// use dataflow_arrow::{Aggregate, ReadColumns};
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("shop", Utf8, ["a", "b"]), ("cents", Int64, [100, 200]))?;
    /// let sales = p.create_columns("Sales", batch.schema(), [batch]);
    /// let totals = sales.group_by(["shop"]).aggregate("Totals", [Aggregate::count(), Aggregate::sum("cents")]);
    /// let names: Vec<_> = totals.schema().fields().iter().map(|f| f.name().clone()).collect();
    /// assert_eq!(names, ["shop", "count", "sum_cents"]);
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn group_by<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> GroupedColumns {
        GroupedColumns { columns: self.clone(), keys: columns.into_iter().map(str::to_owned).collect() }
    }
}

/// Columns whose rows are grouped by some of them. See [`Columns::group_by`].
#[derive(Clone)]
pub struct GroupedColumns {
    columns: Columns,
    keys: Vec<String>,
}

/// Grouped columns whose next step has an output for rows that come too late. See [`GroupedColumns::late_data`].
#[derive(Clone)]
pub struct WithLateRows(GroupedColumns);

impl GroupedColumns {
    /// One row per key and window, when the window's trigger says so: the columns of the key, and those of the aggregates.
    pub fn aggregate(&self, name: &str, aggregates: impl IntoIterator<Item = Aggregate>) -> Columns {
        match self.plan::<1>(name, aggregates) {
            Some((schema, [rows])) => Columns::new(rows, schema),
            None => self.columns.clone(), // the pipeline is wrong, and was told so
        }
    }

    /// The step that follows has a second output: the rows that came when their window had expired, each with the window
    /// that it was too late for. (They are counted as `dropped_late` in any case.)
    pub fn late_data(&self) -> WithLateRows {
        WithLateRows(self.clone())
    }

    fn plan<const N: usize>(
        &self,
        name: &str,
        aggregates: impl IntoIterator<Item = Aggregate>,
    ) -> Option<(SchemaRef, [PCollection<crate::ColumnRow>; N])> {
        let columns = &self.columns;
        let mut keys: Vec<(usize, Field)> = Vec::new();
        for key in &self.keys {
            let (place, field) = columns.find(name, key)?;
            if let Err(message) = check(field) {
                columns.report(name, message);
                return None;
            }
            keys.push((place, field.clone()));
        }
        if keys.is_empty() {
            columns.report(name, "there are no columns to group by: name some, or use `aggregate` without a key");
            return None;
        }
        let planned = plan(columns, name, aggregates)?;
        let of_keys = keys.iter().map(|(_, field)| field.clone());
        let schema = schema_of(columns, name, of_keys.chain(planned.iter().map(|planned| planned.field.clone())))?;
        let step = Step { columns, name, schema: Arc::clone(&schema), detail: format!("by {}", self.keys.join(", ")) };
        let rows = match &keys[..] {
            [(place, field)] if !field.is_nullable() => match field.data_type() {
                DataType::UInt64 => step.with_keys(Native::<UInt64Type>::new(*place, DataType::UInt64), planned),
                DataType::Int64 => step.with_keys(Native::<Int64Type>::new(*place, DataType::Int64), planned),
                _ => step.with_keys(Encoded(keys), planned),
            },
            _ => step.with_keys(Encoded(keys), planned),
        };
        Some((schema, rows))
    }
}

impl WithLateRows {
    /// As [`GroupedColumns::aggregate`]: the aggregates, and the rows that came too late.
    pub fn aggregate(&self, name: &str, aggregates: impl IntoIterator<Item = Aggregate>) -> (Columns, Columns) {
        let columns = &self.0.columns;
        match self.0.plan::<2>(name, aggregates) {
            Some((schema, [rows, late])) => {
                (Columns::new(rows, schema), Columns::new(late, Arc::clone(columns.schema())))
            }
            None => (columns.clone(), columns.clone()),
        }
    }
}

/// What the aggregates of columns are. If they cannot be, the step is told so.
pub(super) fn plan(
    columns: &Columns,
    name: &str,
    aggregates: impl IntoIterator<Item = Aggregate>,
) -> Option<Vec<Planned>> {
    let planned: Result<Vec<Planned>, String> = aggregates.into_iter().map(|a| a.plan(columns.schema())).collect();
    let planned = planned.and_then(|planned| match planned.is_empty() {
        true => Err("there is nothing to aggregate: give at least Aggregate::count()".to_owned()),
        false => Ok(planned),
    });
    planned.map_err(|message| columns.report(name, message)).ok()
}

/// The schema of a result. If two columns have the same name, the step is told so.
pub(super) fn schema_of(columns: &Columns, name: &str, fields: impl Iterator<Item = Field>) -> Option<SchemaRef> {
    let fields: Vec<Field> = fields.collect();
    let twice = fields.iter().enumerate().find(|(i, field)| fields[..*i].iter().any(|f| f.name() == field.name()));
    if let Some((_, field)) = twice {
        let field = field.name();
        columns.report(name, format!("two columns of the result are called `{field}`: rename one by `named`"));
        return None;
    }
    Some(Arc::new(Schema::new(fields)))
}

/// A step that groups, but for its types.
struct Step<'a> {
    columns: &'a Columns,
    name: &'a str,
    schema: SchemaRef,
    detail: String,
}

impl Step<'_> {
    fn with_keys<K: KeyKind, const N: usize>(
        self,
        keys: K,
        planned: Vec<Planned>,
    ) -> [PCollection<crate::ColumnRow>; N] {
        match &planned[..] {
            [one] if one.kind == Kind::Count => self.with_cells(keys, Counting),
            [one] if matches!(one.kind, Kind::Min | Kind::Max) && one.field.data_type() != &DataType::Utf8 => {
                self.with_cells(keys, Greatest(one.clone()))
            }
            _ => self.with_cells(keys, Several(planned.into())),
        }
    }

    fn with_cells<K: KeyKind, C: Cells, const N: usize>(self, keys: K, cells: C) -> [PCollection<crate::ColumnRow>; N] {
        let (columns, windowing) = (self.columns, self.columns.windowing());
        if let Err(message) = windowing.check_grouping(columns.boundedness() == Boundedness::Unbounded) {
            columns.report(self.name, message);
        }
        let of_keys = keys.clone();
        let exchange = move |shards| ColumnExchange::boxed(of_keys.clone(), shards);
        let spec = StepSpec {
            detail: self.detail,
            routing: Routing::ByKey(Arc::new(exchange), Lifting::NotPossible("columns are dealt out as they are")),
            windowing: Some(windowing.after_grouping()),
            tags: if N == 1 { &["main"] } else { &["main", "late_data"] },
            ..StepSpec::new(self.name, "Combine.PerKey")
        };
        let by = Arc::new(Grouping { keys, cells });
        choose(&*by, &windowing, WithState { columns, spec, by: Arc::clone(&by), schema: self.schema })
    }
}

/// A step that groups, but for its state.
struct WithState<'a, K, C, const N: usize> {
    columns: &'a Columns,
    spec: StepSpec,
    by: Arc<Grouping<K, C>>,
    schema: SchemaRef,
}

impl<K: KeyKind, C: Cells, const N: usize> WithGroups<Grouping<K, C>> for WithState<'_, K, C, N> {
    type Out = [PCollection<crate::ColumnRow>; N];

    fn with<S: Groups<Grouping<K, C>>>(self, state: impl Fn() -> S + Send + Sync + 'static) -> Self::Out {
        let (by, schema) = (self.by, self.schema);
        self.columns.apply_operator::<GroupingOperator<K, C, S, N>>(self.spec, move |context| {
            let dropped = context.counter("dropped_late");
            Ok(GroupingOperator::new(Arc::clone(&by), state(), dropped, Arc::clone(&schema)))
        })
    }
}
