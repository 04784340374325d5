//! The values of a batch, in the form in which they are aggregated.

use super::aggregate::Kind;
use super::key::changed;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use dataflow_core::Result;
use std::borrow::Cow;

/// The values of a batch for one aggregate.
pub(super) struct View<'a> {
    pub(super) values: Values<'a>,
    /// Which of them there are.
    pub(super) nulls: Option<NullBuffer>,
}

/// Values in the form in which they are aggregated.
pub(super) enum Values<'a> {
    /// None are needed.
    Rows,
    Ints(Cow<'a, [i64]>),
    UInts(Cow<'a, [u64]>),
    Floats(Cow<'a, [f64]>),
    /// As numbers of which the greatest is wanted: see [`rank`].
    Ranks(Cow<'a, [i64]>),
    Means(Cow<'a, [f64]>),
    /// Strings of which the greatest is wanted, or the smallest.
    Texts(&'a StringArray, Kind),
}

impl<'a> View<'a> {
    /// Of column `place`, for a result of type `result`.
    pub(super) fn of(kind: Kind, result: &DataType, rows: &'a RecordBatch, place: usize) -> Result<Self> {
        if kind == Kind::Count {
            return Ok(View { values: Values::Rows, nulls: None });
        }
        let array = rows.column(place);
        let mut nulls = array.nulls().cloned();
        let values = match (kind, result) {
            (Kind::Sum, DataType::Int64) => ints(array).map(Values::Ints),
            (Kind::Sum, DataType::UInt64) => uints(array).map(Values::UInts),
            (Kind::Sum, _) => floats(array).map(Values::Floats),
            (Kind::Mean, _) => floats(array).map(Values::Means),
            (_, DataType::Utf8) => array.as_string_opt().map(|strings| Values::Texts(strings, kind)),
            (_, DataType::Float32 | DataType::Float64) => floats(array).map(|floats| {
                if floats.iter().any(|f| f.is_nan()) {
                    let numbers = NullBuffer::new(BooleanBuffer::collect_bool(floats.len(), |i| !floats[i].is_nan()));
                    nulls = NullBuffer::union(nulls.as_ref(), Some(&numbers));
                }
                Values::Ranks(ranks(kind, floats.iter().map(|f| float_rank(*f))))
            }),
            (_, t) if t.is_unsigned_integer() => {
                uints(array).map(|uints| Values::Ranks(ranks(kind, uints.iter().map(|u| (*u ^ 1 << 63) as i64))))
            }
            (Kind::Min, _) => ints(array).map(|ints| Values::Ranks(ranks(kind, ints.iter().copied()))),
            _ => ints(array).map(Values::Ranks),
        };
        Ok(View { values: values.ok_or_else(changed)?, nulls })
    }

    /// Whether there is a value in row `i`.
    #[inline]
    pub(super) fn is_valid(&self, i: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(i))
    }
}

/// Numbers in the order of the values, or against it: the greatest is the one that is wanted.
fn ranks<'a>(kind: Kind, ordered: impl Iterator<Item = i64>) -> Cow<'a, [i64]> {
    match kind {
        Kind::Min => ordered.map(|o| !o).collect(),
        _ => ordered.collect(),
    }
}

/// A number in the order of floats (IEEE 754's total order). It is its own inverse.
fn order_of_bits(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn float_rank(float: f64) -> i64 {
    order_of_bits(float.to_bits() as i64)
}

/// The value that has this rank.
pub(super) enum Ranked {
    Int(i64),
    UInt(u64),
    Float(f64),
}

impl Ranked {
    pub(super) fn of(kind: Kind, result: &DataType, rank: i64) -> Self {
        let ordered = if kind == Kind::Min { !rank } else { rank };
        match result {
            DataType::Float32 | DataType::Float64 => Ranked::Float(f64::from_bits(order_of_bits(ordered) as u64)),
            t if t.is_unsigned_integer() => Ranked::UInt(ordered as u64 ^ 1 << 63),
            _ => Ranked::Int(ordered),
        }
    }
}

fn widened<T: ArrowPrimitiveType, W: Clone + From<T::Native>>(array: &ArrayRef) -> Option<Cow<'static, [W]>> {
    Some(array.as_primitive_opt::<T>()?.values().iter().map(|value| W::from(*value)).collect())
}

fn ints(array: &ArrayRef) -> Option<Cow<'_, [i64]>> {
    match array.data_type() {
        DataType::Int8 => widened::<Int8Type, _>(array),
        DataType::Int16 => widened::<Int16Type, _>(array),
        DataType::Int32 => widened::<Int32Type, _>(array),
        DataType::Int64 => Some(Cow::Borrowed(array.as_primitive_opt::<Int64Type>()?.values())),
        DataType::Date32 => widened::<Date32Type, _>(array),
        DataType::Timestamp(..) => timestamps(array),
        _ => None,
    }
}

fn timestamps(array: &ArrayRef) -> Option<Cow<'_, [i64]>> {
    use arrow_array::types::{
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    };
    use arrow_schema::TimeUnit;
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    Some(Cow::Borrowed(match unit {
        TimeUnit::Second => array.as_primitive_opt::<TimestampSecondType>()?.values(),
        TimeUnit::Millisecond => array.as_primitive_opt::<TimestampMillisecondType>()?.values(),
        TimeUnit::Microsecond => array.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
        TimeUnit::Nanosecond => array.as_primitive_opt::<TimestampNanosecondType>()?.values(),
    }))
}

fn uints(array: &ArrayRef) -> Option<Cow<'_, [u64]>> {
    match array.data_type() {
        DataType::UInt8 => widened::<UInt8Type, _>(array),
        DataType::UInt16 => widened::<UInt16Type, _>(array),
        DataType::UInt32 => widened::<UInt32Type, _>(array),
        DataType::UInt64 => Some(Cow::Borrowed(array.as_primitive_opt::<UInt64Type>()?.values())),
        _ => None,
    }
}

fn floats(array: &ArrayRef) -> Option<Cow<'_, [f64]>> {
    match array.data_type() {
        DataType::Float32 => widened::<Float32Type, _>(array),
        DataType::Float64 => Some(Cow::Borrowed(array.as_primitive_opt::<Float64Type>()?.values())),
        t if t.is_unsigned_integer() => Some(uints(array)?.iter().map(|u| *u as f64).collect()),
        _ => Some(ints(array)?.iter().map(|i| *i as f64).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_the_values_and_lead_back_to_them() {
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.5, f64::INFINITY];
        assert!(floats.windows(2).all(|pair| float_rank(pair[0]) < float_rank(pair[1])));
        for (kind, float) in floats.iter().flat_map(|f| [(Kind::Min, f), (Kind::Max, f)]) {
            let rank = ranks(kind, std::iter::once(float_rank(*float)))[0];
            let Ranked::Float(found) = Ranked::of(kind, &DataType::Float64, rank) else { panic!("it is a float") };
            assert_eq!(found.to_bits(), float.to_bits());
        }
    }
}
