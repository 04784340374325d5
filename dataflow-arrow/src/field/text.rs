//! Strings as Utf8, read from any of Arrow's string types.

use super::encoding::{Dictionary, Plain};
use super::{ArrowField, BadValue, FieldBuilder, FieldReader, FirstError, dictionary::DictionaryBuilder};
use arrow_array::builder::{ArrayBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::DataType;
use std::sync::Arc;

/// A type that owns a string.
pub trait Text: Send + 'static {
    /// The string.
    fn text(&self) -> &str;
    /// The same, owned.
    fn of(text: &str) -> Self;
}

/// Arrow's 32-bit offsets end here; the sink writes a batch long before.
pub(super) const MAX_BYTES: usize = i32::MAX as usize;

/// Builds a column of strings.
#[derive(Default)]
pub struct TextBuilder {
    array: StringBuilder,
    /// How many strings and bytes the last array had: the next one will have about as many.
    expected: (usize, usize),
    error: FirstError,
}

impl<V: Text> FieldBuilder<V> for TextBuilder {
    #[inline]
    fn append(&mut self, value: &V) {
        let text = value.text();
        if self.array.values_slice().len() + text.len() > MAX_BYTES {
            self.error.set(BadValue::new("more than 2 GiB of strings in one batch of rows"));
            return;
        }
        self.array.append_value(text);
    }

    #[inline]
    fn append_null(&mut self) {
        self.array.append_null();
    }

    #[inline]
    fn extend<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a V>)
    where
        V: 'a,
    {
        if ArrayBuilder::is_empty(&self.array) {
            self.array = StringBuilder::with_capacity(self.expected.0, self.expected.1);
        }
        for value in values {
            self.append(value);
        }
    }

    fn bytes(&self) -> usize {
        self.array.values_slice().len() + 4 * ArrayBuilder::len(&self.array)
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        self.expected = (ArrayBuilder::len(&self.array), self.array.values_slice().len());
        let array = self.array.finish();
        self.error.take()?;
        Ok(Arc::new(array))
    }
}

/// Reads a column of strings.
pub enum TextReader {
    /// With 32-bit offsets.
    Utf8(StringArray),
    /// With 64-bit offsets.
    LargeUtf8(LargeStringArray),
    /// As views.
    Utf8View(StringViewArray),
    /// As a dictionary.
    Dictionary {
        /// For each row the number of its string.
        numbers: Vec<usize>,
        /// The strings.
        strings: Box<TextReader>,
    },
}

impl TextReader {
    pub(super) fn accepts(stored: &DataType) -> bool {
        match stored {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
            DataType::Dictionary(_, strings) => {
                matches!(**strings, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            }
            _ => false,
        }
    }

    /// A reader of `array`, or nothing if it is not one of strings.
    pub fn of(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => TextReader::Utf8(array.as_string_opt()?.clone()),
            DataType::LargeUtf8 => TextReader::LargeUtf8(array.as_string_opt()?.clone()),
            DataType::Utf8View => TextReader::Utf8View(array.as_string_view_opt()?.clone()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary_opt()?;
                let strings = Box::new(TextReader::of(dictionary.values())?);
                // Without a string all rows are NULL, and none is asked for.
                let numbers = if strings.len() == 0 { Vec::new() } else { dictionary.normalized_keys() };
                TextReader::Dictionary { numbers, strings }
            }
            _ => return None,
        })
    }

    /// How many strings there are; of a dictionary, how many rows.
    pub(super) fn len(&self) -> usize {
        match self {
            TextReader::Utf8(array) => array.len(),
            TextReader::LargeUtf8(array) => array.len(),
            TextReader::Utf8View(array) => array.len(),
            TextReader::Dictionary { numbers, .. } => numbers.len(),
        }
    }

    /// The string of row `i`, which must not be NULL.
    #[inline]
    pub fn text(&self, i: usize) -> &str {
        match self {
            TextReader::Utf8(array) => array.value(i),
            TextReader::LargeUtf8(array) => array.value(i),
            TextReader::Utf8View(array) => array.value(i),
            TextReader::Dictionary { numbers, strings } => strings.text(numbers[i]),
        }
    }
}

impl<V: Text> FieldReader<V> for TextReader {
    fn bind(array: &ArrayRef) -> Option<Self> {
        TextReader::of(array)
    }

    #[inline]
    fn get(&self, i: usize) -> Result<V, BadValue> {
        Ok(V::of(self.text(i)))
    }
}

macro_rules! text_fields {
    ($($t:ty;)*) => {$(
        impl Text for $t {
            #[inline]
            fn text(&self) -> &str {
                self
            }
            #[inline]
            fn of(text: &str) -> Self {
                text.into()
            }
        }

        impl ArrowField<Plain> for $t {
            type Builder = TextBuilder;
            type Reader = TextReader;
            fn data_type() -> DataType {
                DataType::Utf8
            }
            fn accepts(stored: &DataType) -> bool {
                TextReader::accepts(stored)
            }
        }

        impl ArrowField<Dictionary> for $t {
            type Builder = DictionaryBuilder;
            type Reader = TextReader;
            fn data_type() -> DataType {
                super::enum_data_type()
            }
            fn accepts(stored: &DataType) -> bool {
                TextReader::accepts(stored)
            }
        }
    )*};
}
text_fields! { String; Box<str>; }
#[cfg(feature = "compact_str")]
text_fields! { compact_str::CompactString; }
