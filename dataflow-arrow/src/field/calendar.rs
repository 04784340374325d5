//! Days: `chrono::NaiveDate` as Date32.

use super::BadValue;
use super::encoding::Plain;
use super::primitive::{Primitive, primitive_field};
use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::DataType;
use chrono::NaiveDate;

impl Primitive<Plain> for NaiveDate {
    type Stored = Date32Type;
    type Canonical = Date32Type;

    fn data_type() -> DataType {
        DataType::Date32
    }

    fn accepts(stored: &DataType) -> bool {
        *stored == DataType::Date32
    }

    fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<Date32Type>> {
        array.as_primitive_opt().cloned()
    }

    #[inline]
    fn to_native(&self) -> Result<i32, BadValue> {
        Ok(self.to_epoch_days())
    }

    #[inline]
    fn from_native(days: i32) -> Result<Self, BadValue> {
        NaiveDate::from_epoch_days(days)
            .ok_or_else(|| BadValue::new(format_args!("day {days} since 1970 is beyond chrono's range of years")))
    }
}
primitive_field!(NaiveDate, Plain);
