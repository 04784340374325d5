//! What is to be known of the rows of a key and window.

use super::view::View;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use dataflow_core::Result;

/// What is to be known of the rows of a group: a column of the result.
///
/// NULLs are passed over, but for the number of rows.
///
/// ```
/// use dataflow_arrow::Aggregate;
///
/// let of_bids = [Aggregate::count(), Aggregate::max("price"), Aggregate::mean("price").named("usual_price")];
/// assert_eq!(of_bids.map(|a| a.name().to_owned()), ["count", "max_price", "usual_price"]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aggregate {
    kind: Kind,
    column: Option<String>,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Count,
    Sum,
    Min,
    Max,
    Mean,
}

impl Aggregate {
    /// The number of rows, as UInt64: `count`.
    pub fn count() -> Self {
        Aggregate { kind: Kind::Count, column: None, name: "count".to_owned() }
    }

    /// The sum of a column of numbers, as Int64, UInt64 or Float64: `sum_{column}`. Of no values it is zero.
    pub fn sum(column: &str) -> Self {
        Self::of(Kind::Sum, "sum", column)
    }

    /// The smallest value of a column of numbers, strings or timestamps: `min_{column}`. Of no values it is NULL. NaN is
    /// passed over.
    pub fn min(column: &str) -> Self {
        Self::of(Kind::Min, "min", column)
    }

    /// The largest value of a column of numbers, strings or timestamps: `max_{column}`. Of no values it is NULL. NaN is
    /// passed over.
    pub fn max(column: &str) -> Self {
        Self::of(Kind::Max, "max", column)
    }

    /// The arithmetic mean of a column of numbers, as Float64: `mean_{column}`. Of no values it is NULL.
    pub fn mean(column: &str) -> Self {
        Self::of(Kind::Mean, "mean", column)
    }

    /// With another name for the column of the result.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Aggregate { name: name.to_owned(), ..self }
    }

    /// What the column of the result is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn of(kind: Kind, what: &str, column: &str) -> Self {
        Aggregate { kind, column: Some(column.to_owned()), name: format!("{what}_{column}") }
    }

    /// What it is, of columns of this schema.
    ///
    /// # Errors
    /// Why it cannot be, and what to do.
    pub(super) fn plan(&self, schema: &Schema) -> Result<Planned, String> {
        let Some(column) = &self.column else {
            return Ok(Planned { kind: self.kind, place: 0, field: Field::new(&self.name, DataType::UInt64, false) });
        };
        let Some((place, input)) = schema.column_with_name(column) else {
            return Err(format!("there is no column `{column}`: {}", crate::columns::listed(schema)));
        };
        let is_number =
            input.data_type().is_integer() || matches!(input.data_type(), DataType::Float32 | DataType::Float64);
        let data_type = match (self.kind, input.data_type()) {
            (Kind::Sum, t) if t.is_unsigned_integer() => DataType::UInt64,
            (Kind::Sum, t) if t.is_signed_integer() => DataType::Int64,
            (Kind::Sum | Kind::Mean, _) if is_number => DataType::Float64,
            (Kind::Min | Kind::Max, t @ (DataType::Timestamp(..) | DataType::Date32 | DataType::Utf8)) => t.clone(),
            (Kind::Min | Kind::Max, t) if is_number => t.clone(),
            (_, t) => {
                let advice = if t.is_nested() { "make columns of its parts" } else { "cast it to one of these" };
                let takes = match self.kind {
                    Kind::Sum | Kind::Mean => "integers, Float32 and Float64",
                    _ => "integers, Float32, Float64, Utf8, timestamps and Date32",
                };
                return Err(format!(
                    "`{}` cannot be had of column `{column}` ({t}): it takes {takes}; {advice}",
                    self.name
                ));
            }
        };
        // A pane may have no values even if no value is NULL.
        let nullable = matches!(self.kind, Kind::Min | Kind::Max | Kind::Mean);
        Ok(Planned { kind: self.kind, place, field: Field::new(&self.name, data_type, nullable) })
    }
}

/// An aggregate of columns that are known.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) kind: Kind,
    /// The number of the column.
    pub(super) place: usize,
    /// The column of the result.
    pub(super) field: Field,
}

impl Planned {
    /// What is to be added of a batch.
    pub(super) fn view<'a>(&self, rows: &'a RecordBatch) -> Result<View<'a>> {
        View::of(self.kind, self.field.data_type(), rows, self.place)
    }
}
