//! Points in time: Timestamp(microseconds or milliseconds, UTC).

use super::BadValue;
use super::encoding::{Micros, Millis, Plain};
use super::primitive::{Primitive, primitive_field};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use dataflow_windows::Timestamp;

/// A type that counts microseconds since 1970.
pub(super) trait Instant: Sized + Send + 'static {
    fn to_micros(&self) -> i64;
    fn from_micros(us: i64) -> Result<Self, BadValue>;
}

impl Instant for Timestamp {
    #[inline]
    fn to_micros(&self) -> i64 {
        self.as_micros()
    }

    #[inline]
    fn from_micros(us: i64) -> Result<Self, BadValue> {
        Ok(Timestamp::from_micros(us))
    }
}

impl Instant for i64 {
    #[inline]
    fn to_micros(&self) -> i64 {
        *self
    }

    #[inline]
    fn from_micros(us: i64) -> Result<Self, BadValue> {
        Ok(us)
    }
}

fn accepts(stored: &DataType) -> bool {
    matches!(stored, DataType::Timestamp(..))
}

/// A timestamp of any unit in microseconds. One without a time zone is taken for UTC; nanoseconds are rounded down.
pub fn in_micros(array: &ArrayRef) -> Option<PrimitiveArray<TimestampMicrosecondType>> {
    Some(match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().unary(|s| s.saturating_mul(1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().unary(|ms| ms.saturating_mul(1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive().clone(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|ns| ns.div_euclid(1_000))
        }
        _ => return None,
    })
}

/// `ArrowField` of an [`Instant`] with an encoding: which Arrow type, which unit, and how many microseconds it has.
macro_rules! instant_field {
    ($($t:ty, $encoding:ty, $stored:ty, $unit:ident, $micros:literal;)*) => {$(
        impl Primitive<$encoding> for $t {
            type Stored = $stored;
            type Canonical = ::arrow_array::types::TimestampMicrosecondType;
            fn data_type() -> ::arrow_schema::DataType {
                ::arrow_schema::DataType::Timestamp(::arrow_schema::TimeUnit::$unit, Some("UTC".into()))
            }
            fn accepts(stored: &::arrow_schema::DataType) -> bool {
                $crate::field::time::accepts(stored)
            }
            fn canonical(array: &::arrow_array::ArrayRef) -> Option<::arrow_array::PrimitiveArray<Self::Canonical>> {
                $crate::field::time::in_micros(array)
            }
            #[inline]
            fn to_native(&self) -> Result<i64, BadValue> {
                Ok($crate::field::time::Instant::to_micros(self).div_euclid($micros))
            }
            #[inline]
            fn from_native(us: i64) -> Result<$t, BadValue> {
                <$t as $crate::field::time::Instant>::from_micros(us)
            }
        }
        primitive_field!($t, $encoding);
    )*};
}
instant_field! {
    Timestamp, Plain, TimestampMicrosecondType, Microsecond, 1;
    Timestamp, Micros, TimestampMicrosecondType, Microsecond, 1;
    Timestamp, Millis, TimestampMillisecondType, Millisecond, 1_000;
    i64, Micros, TimestampMicrosecondType, Microsecond, 1;
    i64, Millis, TimestampMillisecondType, Millisecond, 1_000;
}

#[cfg(feature = "chrono")]
mod of_chrono {
    use super::{BadValue, Instant, Micros, Millis, Plain, Primitive, primitive_field};
    use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
    use chrono::{DateTime, Utc};

    impl Instant for DateTime<Utc> {
        #[inline]
        fn to_micros(&self) -> i64 {
            self.timestamp_micros()
        }

        #[inline]
        fn from_micros(us: i64) -> Result<Self, BadValue> {
            DateTime::from_timestamp_micros(us)
                .ok_or_else(|| BadValue::new(format_args!("{us} us since 1970 is beyond chrono's range of years")))
        }
    }

    instant_field! {
        DateTime<Utc>, Plain, TimestampMicrosecondType, Microsecond, 1;
        DateTime<Utc>, Micros, TimestampMicrosecondType, Microsecond, 1;
        DateTime<Utc>, Millis, TimestampMillisecondType, Millisecond, 1_000;
    }
}
