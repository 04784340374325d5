//! Decimals: `i128` without the point, and `rust_decimal::Decimal`, as Decimal128.

use super::BadValue;
use super::encoding::Decimal;
use super::primitive::{Primitive, primitive_field};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::DataType;

/// Whether `stored` has the same digits after the point and no more in all.
fn accepts(stored: &DataType, precision: u8, scale: i8) -> bool {
    match stored {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            *p <= precision && *s == scale
        }
        _ => false,
    }
}

fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<Decimal128Type>> {
    match array.data_type() {
        DataType::Decimal32(..) => Some(array.as_primitive::<Decimal32Type>().unary(i128::from)),
        DataType::Decimal64(..) => Some(array.as_primitive::<Decimal64Type>().unary(i128::from)),
        _ => array.as_primitive_opt::<Decimal128Type>().cloned(),
    }
}

/// The unscaled value, if it has at most `P` digits.
#[inline]
fn checked<const P: u8, const S: i8>(unscaled: i128, shown: impl std::fmt::Display) -> Result<i128, BadValue> {
    if unscaled.unsigned_abs() < const { 10u128.pow(P as u32) } {
        Ok(unscaled)
    } else {
        Err(BadValue::new(format_args!("{shown} does not fit decimal({P}, {S}): it has more than {P} digits")))
    }
}

impl<const P: u8, const S: i8> Primitive<Decimal<P, S>> for i128 {
    type Stored = Decimal128Type;
    type Canonical = Decimal128Type;

    fn data_type() -> DataType {
        DataType::Decimal128(P, S)
    }

    fn accepts(stored: &DataType) -> bool {
        accepts(stored, P, S)
    }

    fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<Decimal128Type>> {
        canonical(array)
    }

    #[inline]
    fn to_native(&self) -> Result<i128, BadValue> {
        checked::<P, S>(*self, format_args!("the unscaled value {self}"))
    }

    #[inline]
    fn from_native(unscaled: i128) -> Result<i128, BadValue> {
        Ok(unscaled)
    }
}
primitive_field!(i128, Decimal<P, S>, for const P: u8, const S: i8);

#[cfg(feature = "rust_decimal")]
mod of_rust_decimal {
    use super::{ArrayRef, BadValue, DataType, Decimal, Decimal128Type, Primitive, PrimitiveArray, checked};
    use super::{accepts, canonical, primitive_field};
    use rust_decimal::Decimal as RustDecimal;

    impl<const P: u8, const S: i8> Primitive<Decimal<P, S>> for RustDecimal {
        type Stored = Decimal128Type;
        type Canonical = Decimal128Type;

        fn data_type() -> DataType {
            DataType::Decimal128(P, S)
        }

        fn accepts(stored: &DataType) -> bool {
            accepts(stored, P, S)
        }

        fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<Decimal128Type>> {
            canonical(array)
        }

        #[inline]
        fn to_native(&self) -> Result<i128, BadValue> {
            let missing = i64::from(S) - i64::from(self.scale());
            let shifted = match (u32::try_from(missing), u32::try_from(-missing)) {
                (Ok(up), _) => 10i128.checked_pow(up).and_then(|factor| self.mantissa().checked_mul(factor)),
                (_, Ok(down)) => {
                    let factor = 10i128.checked_pow(down).unwrap_or(i128::MAX);
                    if self.mantissa() % factor != 0 {
                        return Err(BadValue::new(format_args!(
                            "{self} does not fit decimal({P}, {S}): it has more than {S} digits after the point; \
                             round it first"
                        )));
                    }
                    Some(self.mantissa() / factor)
                }
                _ => None,
            };
            // Too large for 128 bits is too large for any precision.
            checked::<P, S>(shifted.unwrap_or(i128::MAX), self)
        }

        #[inline]
        fn from_native(unscaled: i128) -> Result<Self, BadValue> {
            u32::try_from(S)
                .ok()
                .and_then(|scale| RustDecimal::try_from_i128_with_scale(unscaled, scale).ok())
                .ok_or_else(|| {
                    let message = "is beyond the 96 bits of rust_decimal: read it as i128";
                    BadValue::new(format_args!("the decimal with unscaled value {unscaled} and scale {S} {message}"))
                })
        }
    }
    primitive_field!(RustDecimal, Decimal<P, S>, for const P: u8, const S: i8);
}
