//! `bool` as Boolean.

use super::{ArrowField, BadValue, FieldBuilder, FieldReader, encoding::Plain};
use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::DataType;
use std::sync::Arc;

impl ArrowField<Plain> for bool {
    type Builder = BooleanBuilder;
    type Reader = BooleanArray;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn accepts(stored: &DataType) -> bool {
        *stored == DataType::Boolean
    }
}

impl FieldBuilder<bool> for BooleanBuilder {
    #[inline]
    fn append(&mut self, value: &bool) {
        self.append_value(*value);
    }

    #[inline]
    fn append_null(&mut self) {
        BooleanBuilder::append_null(self);
    }

    fn bytes(&self) -> usize {
        arrow_array::builder::ArrayBuilder::len(self) / 8
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        Ok(Arc::new(BooleanBuilder::finish(self)))
    }
}

impl FieldReader<bool> for BooleanArray {
    fn bind(array: &ArrayRef) -> Option<Self> {
        array.as_boolean_opt().cloned()
    }

    #[inline]
    fn get(&self, i: usize) -> Result<bool, BadValue> {
        Ok(self.value(i))
    }
}
