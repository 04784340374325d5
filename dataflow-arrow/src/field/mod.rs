//! Which Rust types can be columns, and as what they are stored: [`ArrowField`].
//!
//! A field type has a [builder](FieldBuilder), which makes an Arrow array of its values, and a [reader](FieldReader),
//! which makes values of an array. Both are plain structs, known when the program is compiled: nothing dynamic happens
//! per value. A type that can be stored in more than one way has one implementation for each [encoding].

mod binary;
mod boolean;
#[cfg(feature = "chrono")]
mod calendar;
mod decimal;
mod dictionary;
pub mod encoding;
mod enumeration;
mod list;
mod option;
mod primitive;
mod text;
mod time;

pub use enumeration::{ArrowEnum, EnumBuilder, EnumReader};
pub use enumeration::{enum_accepts, enum_data_type};
pub use list::ListItem;
pub use text::TextReader;
pub use time::in_micros;

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use encoding::Plain;
use std::fmt;

/// A Rust type that can be a column, stored with encoding `E`.
///
/// Implemented for
///
/// | Rust | Arrow |
/// |---|---|
/// | `bool` | Boolean |
/// | `i8` to `i64`, `u8` to `u64` | Int8 to Int64, UInt8 to UInt64 |
/// | `f32`, `f64` | Float32, Float64 |
/// | `String`, `Box<str>`, `CompactString` | Utf8, or Dictionary of it with `#[arrow(dictionary)]` |
/// | `Vec<u8>`, `Box<[u8]>`, `bytes::Bytes` | Binary |
/// | `Timestamp`, `chrono::DateTime<Utc>`, `i64` with `#[arrow(timestamp = "us")]` | Timestamp(microseconds, UTC) |
/// | `chrono::NaiveDate` | Date32 |
/// | `rust_decimal::Decimal`, or `i128` without the point, with `#[arrow(decimal(p, s))]` | Decimal128(p, s) |
/// | enums with `#[derive(ArrowEnum)]` | Dictionary of Utf8 |
/// | `Vec<T>` | List of T |
/// | `Option<T>` | T, nullable |
///
/// When reading, narrower integers and floats, all units of timestamps, and all of Arrow's string and binary types are
/// accepted as well.
#[diagnostic::on_unimplemented(
    message = "the trait `ArrowField` is not implemented for `{Self}`: it cannot be a column",
    label = "cannot be a column (as `{E}`)",
    note = "columns are bool, integers, f32, f64, strings, Vec<u8>, Timestamp, chrono::DateTime<Utc>, \
            chrono::NaiveDate, and Vec and Option of them",
    note = "decimals need `#[arrow(decimal(precision, scale))]` on the field, enums `#[derive(ArrowEnum)]`; a field \
            that is not to be stored can have `#[arrow(skip)]`"
)]
pub trait ArrowField<E = Plain>: Sized + Send + 'static {
    /// Whether a column of this type can have NULLs.
    const NULLABLE: bool = false;
    /// Makes an array of values.
    type Builder: FieldBuilder<Self>;
    /// Makes values of an array.
    type Reader: FieldReader<Self>;

    /// As what it is stored.
    fn data_type() -> DataType;

    /// Whether values stored as `stored` can be read.
    fn accepts(stored: &DataType) -> bool;
}

/// Makes an Arrow array of values. A value that cannot be stored is remembered and is an error of `finish`.
pub trait FieldBuilder<V>: Default + Send + 'static {
    /// Adds a value.
    fn append(&mut self, value: &V);

    /// Adds a NULL.
    fn append_null(&mut self);

    /// Adds values: faster than one by one where the type allows.
    #[inline]
    fn extend<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a V>)
    where
        V: 'a,
    {
        for value in values {
            self.append(value);
        }
    }

    /// About how many bytes are held.
    fn bytes(&self) -> usize;

    /// The array of all that was added; the builder is then empty.
    ///
    /// # Errors
    /// If a value was added that cannot be stored.
    fn finish(&mut self) -> Result<ArrayRef, BadValue>;
}

/// Makes values of an Arrow array.
pub trait FieldReader<V>: Sized + Send + 'static {
    /// A reader of `array`, or nothing if its type is not [accepted](ArrowField::accepts).
    fn bind(array: &ArrayRef) -> Option<Self>;

    /// The value of row `i`, which is not NULL unless the type is nullable.
    ///
    /// # Errors
    /// If what is stored is no value of the type, such as a name that the enum does not have.
    fn get(&self, i: usize) -> Result<V, BadValue>;
}

/// Says why a value cannot be stored or read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadValue(Box<str>);

impl BadValue {
    /// With that reason.
    #[cold]
    pub fn new(reason: impl fmt::Display) -> Self {
        BadValue(reason.to_string().into())
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first of the values that could not be stored.
#[derive(Default)]
pub(crate) struct FirstError(Option<BadValue>);

impl FirstError {
    #[cold]
    pub(crate) fn set(&mut self, error: BadValue) {
        self.0.get_or_insert(error);
    }

    pub(crate) fn take(&mut self) -> Result<(), BadValue> {
        self.0.take().map_or(Ok(()), Err)
    }
}
