//! Strings as a dictionary: each different one of a batch once, and its number in each row.

use super::text::{MAX_BYTES, Text};
use super::{BadValue, FieldBuilder, FirstError};
use arrow_array::ArrayRef;
use arrow_array::builder::{ArrayBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use std::sync::Arc;

/// Builds a column of strings that repeat.
#[derive(Default)]
pub struct DictionaryBuilder {
    array: StringDictionaryBuilder<Int32Type>,
    // Of all rows: more than the dictionary holds, so surely enough to say when it must be written.
    bytes: usize,
    error: FirstError,
}

impl<V: Text> FieldBuilder<V> for DictionaryBuilder {
    #[inline]
    fn append(&mut self, value: &V) {
        let text = value.text();
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            self.error.set(BadValue::new("more than 2 GiB of strings in one batch of rows"));
            return;
        }
        if let Err(e) = self.array.append(text) {
            self.error.set(BadValue::new(e));
        }
    }

    #[inline]
    fn append_null(&mut self) {
        self.array.append_null();
    }

    fn bytes(&self) -> usize {
        self.bytes + 4 * ArrayBuilder::len(&self.array)
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        self.bytes = 0;
        let array = self.array.finish();
        self.error.take()?;
        Ok(Arc::new(array))
    }
}
