//! Enums without fields as a dictionary of their names.

use super::text::TextReader;
use super::{BadValue, FieldBuilder, FieldReader};
use arrow_array::builder::NullBufferBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::DataType;
use std::marker::PhantomData;
use std::sync::Arc;

/// An enum without fields that is stored as one of a few names: derive it.
pub trait ArrowEnum: Copy + Send + Sized + 'static {
    /// The names of the variants.
    const NAMES: &'static [&'static str];
    /// The variants.
    const ALL: &'static [Self];

    /// The variant's number: its place in `NAMES` and `ALL`.
    fn number(&self) -> usize;
}

/// As what dictionaries of strings are stored.
pub fn enum_data_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// What is read as an enum.
pub fn enum_accepts(stored: &DataType) -> bool {
    TextReader::accepts(stored)
}

/// Builds a column of an enum.
pub struct EnumBuilder<V> {
    numbers: Vec<i32>,
    nulls: NullBufferBuilder,
    names: Option<ArrayRef>,
    variant: PhantomData<fn() -> V>,
}

impl<V> Default for EnumBuilder<V> {
    fn default() -> Self {
        EnumBuilder { numbers: Vec::new(), nulls: NullBufferBuilder::new(0), names: None, variant: PhantomData }
    }
}

impl<V: ArrowEnum> FieldBuilder<V> for EnumBuilder<V> {
    #[inline]
    fn append(&mut self, value: &V) {
        self.numbers.push(value.number() as i32);
        self.nulls.append_non_null();
    }

    #[inline]
    fn append_null(&mut self) {
        self.numbers.push(0);
        self.nulls.append_null();
    }

    #[inline]
    fn extend<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a V>)
    where
        V: 'a,
    {
        self.nulls.append_n_non_nulls(values.len());
        self.numbers.extend(values.map(|value| value.number() as i32));
    }

    fn bytes(&self) -> usize {
        4 * self.numbers.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        let numbers = Int32Array::new(std::mem::take(&mut self.numbers).into(), self.nulls.finish());
        let names = self.names.get_or_insert_with(|| Arc::new(StringArray::from_iter_values(V::NAMES)));
        let array = DictionaryArray::<Int32Type>::try_new(numbers, Arc::clone(names)).map_err(BadValue::new)?;
        Ok(Arc::new(array))
    }
}

/// Reads a column of an enum.
pub struct EnumReader<V> {
    text: TextReader,
    variant: PhantomData<fn() -> V>,
}

impl<V: ArrowEnum> FieldReader<V> for EnumReader<V> {
    fn bind(array: &ArrayRef) -> Option<Self> {
        TextReader::of(array).map(|text| EnumReader { text, variant: PhantomData })
    }

    #[inline]
    fn get(&self, i: usize) -> Result<V, BadValue> {
        let name = self.text.text(i);
        V::NAMES.iter().zip(V::ALL).find_map(|(n, v)| (*n == name).then_some(*v)).ok_or_else(|| {
            BadValue::new(format_args!(
                "{name:?} is none of the names of {}: {}",
                std::any::type_name::<V>(),
                list::<V>()
            ))
        })
    }
}

fn list<V: ArrowEnum>() -> String {
    V::NAMES.join(", ")
}
