//! `Option<T>` as a nullable T.

use super::{ArrowField, BadValue, FieldBuilder, FieldReader};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

impl<V: ArrowField<E>, E: 'static> ArrowField<E> for Option<V> {
    const NULLABLE: bool = true;
    type Builder = OptionBuilder<V::Builder>;
    type Reader = OptionReader<V::Reader>;

    fn data_type() -> DataType {
        const { assert!(!V::NULLABLE, "an Option of an Option cannot be a column: both would be NULL") };
        V::data_type()
    }

    fn accepts(stored: &DataType) -> bool {
        V::accepts(stored)
    }
}

/// Builds a column with NULLs.
#[derive(Default)]
pub struct OptionBuilder<B>(B);

impl<V, B: FieldBuilder<V>> FieldBuilder<Option<V>> for OptionBuilder<B> {
    #[inline]
    fn append(&mut self, value: &Option<V>) {
        match value {
            Some(value) => self.0.append(value),
            None => self.0.append_null(),
        }
    }

    #[inline]
    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        self.0.finish()
    }
}

/// Reads a column with NULLs.
pub struct OptionReader<R> {
    values: R,
    nulls: Option<NullBuffer>,
}

impl<V, R: FieldReader<V>> FieldReader<Option<V>> for OptionReader<R> {
    fn bind(array: &ArrayRef) -> Option<Self> {
        Some(OptionReader { values: R::bind(array)?, nulls: array.logical_nulls() })
    }

    #[inline]
    fn get(&self, i: usize) -> Result<Option<V>, BadValue> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(i) => Ok(None),
            _ => self.values.get(i).map(Some),
        }
    }
}
