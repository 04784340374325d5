//! Conditions on columns, by which row groups are skipped.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::DataType;
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;
use std::cmp::Ordering;
use std::fmt;

/// The column called `name`, to compare with a value.
///
/// ```
/// use io_parquet::column;
/// assert_eq!(column("id").between(5, 9).to_string(), "id >= 5 and id <= 9");
/// assert_eq!(column("region").eq("north").to_string(), "region = \"north\"");
/// ```
pub fn column(name: impl Into<String>) -> ColumnRef {
    ColumnRef(name.into())
}

/// A column of the files, by name; made by [`column()`]. It need not be one of the row type.
#[derive(Clone, Debug)]
pub struct ColumnRef(String);

impl ColumnRef {
    /// Is the value.
    // The names are those of comparisons in query languages; a `ColumnRef` itself is never compared.
    #[allow(clippy::should_implement_trait)]
    pub fn eq(self, value: impl Into<Scalar>) -> Predicate {
        let value = value.into();
        self.range(Some((value.clone(), true)), Some((value, true)))
    }

    /// Is less than the value.
    pub fn lt(self, value: impl Into<Scalar>) -> Predicate {
        self.range(None, Some((value.into(), false)))
    }

    /// Is the value or less.
    pub fn le(self, value: impl Into<Scalar>) -> Predicate {
        self.range(None, Some((value.into(), true)))
    }

    /// Is greater than the value.
    pub fn gt(self, value: impl Into<Scalar>) -> Predicate {
        self.range(Some((value.into(), false)), None)
    }

    /// Is the value or greater.
    pub fn ge(self, value: impl Into<Scalar>) -> Predicate {
        self.range(Some((value.into(), true)), None)
    }

    /// Is one of the two values or between them.
    pub fn between(self, low: impl Into<Scalar>, high: impl Into<Scalar>) -> Predicate {
        self.range(Some((low.into(), true)), Some((high.into(), true)))
    }

    fn range(self, low: Option<(Scalar, bool)>, high: Option<(Scalar, bool)>) -> Predicate {
        Predicate { column: self.0, low, high }
    }
}

/// A condition on one column: a range, whose ends belong to it or not. NULL and NaN are in no range.
#[derive(Clone, PartialEq, Debug)]
pub struct Predicate {
    column: String,
    low: Option<(Scalar, bool)>,
    high: Option<(Scalar, bool)>,
}

/// A value to compare a column with.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Scalar {
    /// With columns of bool.
    Bool(bool),
    /// With columns of integers, days (counted from 1970) and, without the point, decimals.
    Int(i128),
    /// With columns of floats.
    Float(f64),
    /// With columns of strings and enums.
    Str(String),
    /// With columns of timestamps.
    Timestamp(Timestamp),
}

macro_rules! scalars {
    ($($t:ty => $variant:ident;)*) => {$(
        impl From<$t> for Scalar {
            fn from(value: $t) -> Self {
                Scalar::$variant(value.into())
            }
        }
    )*};
}
scalars! {
    bool => Bool; i8 => Int; i16 => Int; i32 => Int; i64 => Int; i128 => Int; u8 => Int; u16 => Int; u32 => Int;
    u64 => Int; f32 => Float; f64 => Float; &str => Str; String => Str; Timestamp => Timestamp;
}

#[cfg(feature = "chrono")]
impl From<chrono::NaiveDate> for Scalar {
    fn from(day: chrono::NaiveDate) -> Self {
        Scalar::Int(day.to_epoch_days().into())
    }
}

#[cfg(feature = "chrono")]
impl From<chrono::DateTime<chrono::Utc>> for Scalar {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Scalar::Timestamp(Timestamp::from_micros(at.timestamp_micros()))
    }
}

/// How a value compares with the low and the high end of a predicate's range; nothing if it cannot be told.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Compared {
    low: Option<Ordering>,
    high: Option<Ordering>,
}

impl Predicate {
    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// Whether a value is in the range.
    pub(crate) fn is_met(&self, value: Compared) -> bool {
        let above = self.low.as_ref().is_none_or(|(_, own)| value.low.is_some_and(|o| is_inside(o.reverse(), *own)));
        let below = self.high.as_ref().is_none_or(|(_, own)| value.high.is_some_and(|o| is_inside(o, *own)));
        above && below
    }

    /// Whether any of the values from `min` to `max` can be in the range.
    pub(crate) fn range_may_meet(&self, min: Compared, max: Compared) -> bool {
        let above = self.low.as_ref().is_none_or(|(_, own)| max.low.is_none_or(|o| is_inside(o.reverse(), *own)));
        let below = self.high.as_ref().is_none_or(|(_, own)| min.high.is_none_or(|o| is_inside(o, *own)));
        above && below
    }
}

/// Whether what compares so with the upper end of a range is in it.
fn is_inside(with_end: Ordering, end_belongs: bool) -> bool {
    with_end == Ordering::Less || (end_belongs && with_end == Ordering::Equal)
}

/// Compares all values of a column with the ends of the predicate's range.
///
/// # Errors
/// If the types cannot be compared.
pub(crate) fn compare(array: &ArrayRef, predicate: &Predicate) -> Result<Vec<Compared>> {
    let mut compared = vec![Compared::default(); array.len()];
    if let Some((low, _)) = &predicate.low {
        let all = compare_with(array, low).ok_or_else(|| mismatch(array, predicate, low))?;
        compared.iter_mut().zip(all).for_each(|(c, o)| c.low = o);
    }
    if let Some((high, _)) = &predicate.high {
        let all = compare_with(array, high).ok_or_else(|| mismatch(array, predicate, high))?;
        compared.iter_mut().zip(all).for_each(|(c, o)| c.high = o);
    }
    Ok(compared)
}

fn mismatch(array: &ArrayRef, predicate: &Predicate, with: &Scalar) -> Error {
    let (column, stored) = (&predicate.column, array.data_type());
    Error::options(format!("the filter `{predicate}` cannot be applied: column `{column}` is {stored}, not {with:?}"))
}

type Orderings = Vec<Option<Ordering>>;

fn compare_with(array: &ArrayRef, scalar: &Scalar) -> Option<Orderings> {
    match (array.data_type(), scalar) {
        (DataType::Boolean, Scalar::Bool(value)) => {
            Some(array.as_boolean().iter().map(|v| v.map(|v| v.cmp(value))).collect())
        }
        (DataType::Float32, _) => compare_floats(array.as_primitive::<Float32Type>(), f64::from, scalar),
        (DataType::Float64, _) => compare_floats(array.as_primitive::<Float64Type>(), |v| v, scalar),
        (DataType::Timestamp(..), Scalar::Timestamp(value)) => {
            let micros = dataflow_arrow::in_micros(array)?;
            Some(micros.iter().map(|v| v.map(|v| v.cmp(&value.as_micros()))).collect())
        }
        (_, Scalar::Int(value)) => compare_integers(array, *value),
        (_, Scalar::Str(value)) => compare_strings(array, value),
        _ => None,
    }
}

fn compare_floats<A: arrow_array::ArrowPrimitiveType>(
    array: &PrimitiveArray<A>,
    widen: impl Fn(A::Native) -> f64,
    scalar: &Scalar,
) -> Option<Orderings> {
    let value = match scalar {
        Scalar::Float(value) => *value,
        Scalar::Int(value) => *value as f64,
        _ => return None,
    };
    Some(array.iter().map(|v| v.and_then(|v| widen(v).partial_cmp(&value))).collect())
}

fn compare_integers(array: &ArrayRef, value: i128) -> Option<Orderings> {
    macro_rules! by_type {
        ($($arrow:ty),*) => {
            $(if let Some(array) = array.as_primitive_opt::<$arrow>() {
                return Some(array.iter().map(|v| v.map(|v| i128::from(v).cmp(&value))).collect());
            })*
        };
    }
    by_type!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type);
    by_type!(Date32Type, Decimal128Type);
    None
}

fn compare_strings(array: &ArrayRef, value: &str) -> Option<Orderings> {
    let strings = dataflow_arrow::TextReader::of(array)?;
    let nulls = array.logical_nulls();
    let is_null = |i| nulls.as_ref().is_some_and(|nulls| nulls.is_null(i));
    Some((0..array.len()).map(|i| (!is_null(i)).then(|| strings.text(i).cmp(value))).collect())
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = &self.column;
        match (&self.low, &self.high) {
            (Some((low, true)), Some((high, true))) if low == high => write!(f, "{column} = {low}"),
            (low, high) => {
                if let Some((low, own)) = low {
                    write!(f, "{column} {} {low}", if *own { ">=" } else { ">" })?;
                }
                if low.is_some() && high.is_some() {
                    f.write_str(" and ")?;
                }
                if let Some((high, own)) = high {
                    write!(f, "{column} {} {high}", if *own { "<=" } else { "<" })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Int(value) => value.fmt(f),
            Scalar::Float(value) => value.fmt(f),
            Scalar::Str(value) => write!(f, "{value:?}"),
            Scalar::Timestamp(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int32Array, StringArray, UInt64Array};
    use std::sync::Arc;

    fn met(array: ArrayRef, predicate: &Predicate) -> Vec<bool> {
        compare(&array, predicate).unwrap().into_iter().map(|c| predicate.is_met(c)).collect()
    }

    #[test]
    fn ends_belong_to_the_range_or_not() {
        let numbers = || Arc::new(Int32Array::from(vec![Some(4), Some(5), Some(6), None])) as ArrayRef;
        assert_eq!(met(numbers(), &column("n").lt(5)), [true, false, false, false]);
        assert_eq!(met(numbers(), &column("n").le(5)), [true, true, false, false]);
        assert_eq!(met(numbers(), &column("n").gt(5)), [false, false, true, false]);
        assert_eq!(met(numbers(), &column("n").ge(5)), [false, true, true, false]);
        assert_eq!(met(numbers(), &column("n").eq(5)), [false, true, false, false]);
        assert_eq!(met(numbers(), &column("n").between(5, 9)), [false, true, true, false]);
    }

    #[test]
    fn large_numbers_nan_and_strings_compare_as_they_should() {
        assert_eq!(met(Arc::new(UInt64Array::from(vec![u64::MAX])), &column("n").gt(i64::MAX)), [true]);
        assert_eq!(met(Arc::new(Float64Array::from(vec![f64::NAN, -0.0])), &column("n").ge(0.0)), [false, true]);
        assert_eq!(met(Arc::new(StringArray::from(vec!["b", "bc"])), &column("s").le("b")), [true, false]);
    }

    #[test]
    fn types_that_do_not_compare_are_an_error() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let error = compare(&array, &column("s").eq(1)).unwrap_err().to_string();
        assert_eq!(error, "the filter `s = 1` cannot be applied: column `s` is Utf8, not Int(1)");
    }
}
