//! Columns that a folder `name=value` stands for.

use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StringArray, new_null_array};
use arrow_schema::DataType;
use dataflow_core::{Error, Result};
use std::iter::repeat_n;
use std::sync::Arc;

/// `value` in `rows` rows, as something that can be read as `data_type`.
pub(crate) fn array(data_type: &DataType, value: Option<&str>, rows: usize) -> Result<ArrayRef> {
    let Some(value) = value else { return Ok(new_null_array(data_type, rows)) };
    macro_rules! numbers {
        ($($variant:ident => $arrow:ty,)*) => {
            match data_type {
                DataType::Utf8 | DataType::Dictionary(..) => {
                    Some(Arc::new(StringArray::from_iter_values(repeat_n(value, rows))) as ArrayRef)
                }
                DataType::Boolean => value
                    .parse()
                    .ok()
                    .map(|value: bool| Arc::new(BooleanArray::from(vec![value; rows])) as ArrayRef),
                DataType::Date32 => day(value)
                    .map(|day| Arc::new(PrimitiveArray::<Date32Type>::from_value(day, rows)) as ArrayRef),
                $(DataType::$variant => value
                    .parse()
                    .ok()
                    .map(|value| Arc::new(PrimitiveArray::<$arrow>::from_value(value, rows)) as ArrayRef),)*
                _ => None,
            }
        };
    }
    let array = numbers! {
        Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
        UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type,
        Float32 => Float32Type, Float64 => Float64Type,
    };
    array.ok_or_else(|| Error::data(format!("the folder's value \"{value}\" cannot be read as {data_type}")))
}

/// `2026-01-31` as days since 1970.
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn day(text: &str) -> Option<i32> {
    let mut parts = text.rsplitn(3, '-'); // the year may be negative
    let day: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let year: i64 = parts.next()?.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = year.checked_sub(i64::from(month <= 2))?;
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era.checked_mul(146_097)? + day_of_era - 719_468).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PartitionValue;

    #[test]
    fn a_day_is_the_one_that_the_sink_wrote() {
        for days in [-719_528, -1, 0, 11_016, 20_484, 2_932_896] {
            assert_eq!(day(&PartitionValue::Date(days).to_string()), Some(days));
        }
        assert_eq!([day("2026-13-01"), day("today"), day("")], [None, None, None]);
    }
}
