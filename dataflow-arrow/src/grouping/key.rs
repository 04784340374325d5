//! Keys in columns.
//!
//! A key of columns has the canonical encoding of the same key of rows: an integer, a string, or a tuple of them, a nullable
//! column being an `Option`. So it is in the same key group, whichever way its elements come.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Field, TimeUnit};
use dataflow_core::{Error, Key, Result};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// Why columns of this type are no keys, if so.
pub(super) fn check(field: &Field) -> Result<(), String> {
    use DataType::{Boolean, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8};
    let (name, data_type) = (field.name(), field.data_type());
    let advice = match data_type {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Boolean | Utf8 => return Ok(()),
        Timestamp(TimeUnit::Microsecond, _) => return Ok(()),
        Timestamp(..) => "cast it to microseconds",
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => "cast it to Utf8",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            "floating-point numbers have no canonical bytes: make an integer of it"
        }
        other if other.is_nested() => "it is nested: make columns of its parts",
        _ => "make an integer or a string of it",
    };
    Err(format!(
        "column `{name}` ({data_type}) cannot be a key: {advice}; keys are integers, Boolean, Utf8, timestamps"
    ))
}

/// A way to find keys in columns: the loop over the rows is compiled for each.
pub(super) trait KeyKind: Clone + Send + Sync + 'static {
    /// The key.
    type Key: Key;
    /// The keys of a batch.
    type Keys<'a>: Keys<Self::Key>;

    /// The keys of a batch.
    fn keys<'a>(&self, rows: &'a RecordBatch) -> Result<Self::Keys<'a>>;

    /// The columns of these keys.
    fn arrays<'k>(&self, keys: impl ExactSizeIterator<Item = &'k Self::Key>) -> Result<Vec<ArrayRef>>;
}

/// The keys of a batch.
pub(super) trait Keys<K: Key> {
    /// The key of row `i`.
    fn key(&mut self, i: usize) -> Cow<'_, K>;
}

/// A column of integers without NULLs, or of points in time.
pub(super) struct Native<T> {
    place: usize,
    data_type: DataType,
    values: PhantomData<fn() -> T>,
}

impl<T> Clone for Native<T> {
    fn clone(&self) -> Self {
        Native { place: self.place, data_type: self.data_type.clone(), values: PhantomData }
    }
}

impl<T> Native<T> {
    pub(super) fn new(place: usize, data_type: DataType) -> Self {
        Native { place, data_type, values: PhantomData }
    }
}

impl<T: ArrowPrimitiveType<Native: Key>> KeyKind for Native<T> {
    type Key = T::Native;
    type Keys<'a> = &'a [T::Native];

    fn keys<'a>(&self, rows: &'a RecordBatch) -> Result<&'a [T::Native]> {
        let array = rows.column(self.place).as_primitive_opt::<T>();
        array.map(|array| &array.values()[..]).ok_or_else(changed)
    }

    fn arrays<'k>(&self, keys: impl ExactSizeIterator<Item = &'k T::Native>) -> Result<Vec<ArrayRef>> {
        let array = PrimitiveArray::<T>::from_iter_values(keys.copied());
        Ok(vec![Arc::new(array.with_data_type(self.data_type.clone()))])
    }
}

impl<K: Key + Copy> Keys<K> for &[K] {
    #[inline]
    fn key(&mut self, i: usize) -> Cow<'_, K> {
        Cow::Owned(self[i])
    }
}

#[cold]
pub(super) fn changed() -> Error {
    Error::internal("the columns of a batch are not those of the collection")
}

/// A key of any columns, by its canonical encoding.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct EncodedKey(Vec<u8>);

impl Key for EncodedKey {
    fn encode_key(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
    }

    #[inline]
    fn stable_hash(&self) -> u64 {
        dataflow_core::stable_hash_of(&self.0)
    }
}

/// Columns of any types that are keys.
#[derive(Clone)]
pub(super) struct Encoded(pub(super) Vec<(usize, Field)>);

impl KeyKind for Encoded {
    type Key = EncodedKey;
    type Keys<'a> = EncodedKeys<'a>;

    fn keys<'a>(&self, rows: &'a RecordBatch) -> Result<EncodedKeys<'a>> {
        let columns =
            self.0.iter().map(|(place, field)| KeyColumn::of(rows.column(*place), field)).collect::<Option<_>>();
        Ok(EncodedKeys { columns: columns.ok_or_else(changed)?, key: EncodedKey::default() })
    }

    fn arrays<'k>(&self, keys: impl ExactSizeIterator<Item = &'k EncodedKey>) -> Result<Vec<ArrayRef>> {
        let mut columns: Vec<_> =
            self.0.iter().map(|(_, field)| super::decode::Decoder::of(field, keys.len())).collect();
        for key in keys {
            let mut rest = &key.0[..];
            for column in &mut columns {
                column.read(&mut rest)?;
            }
        }
        columns.into_iter().map(super::decode::Decoder::finish).collect()
    }
}

/// The keys of a batch.
pub(super) struct EncodedKeys<'a> {
    columns: Vec<KeyColumn<'a>>,
    key: EncodedKey,
}

impl Keys<EncodedKey> for EncodedKeys<'_> {
    #[inline]
    fn key(&mut self, i: usize) -> Cow<'_, EncodedKey> {
        let to = &mut self.key.0;
        to.clear();
        for column in &self.columns {
            column.encode(i, to);
        }
        Cow::Borrowed(&self.key)
    }
}

/// A column that is a part of the key.
struct KeyColumn<'a> {
    nullable: bool,
    nulls: Option<&'a arrow_buffer::NullBuffer>,
    values: KeyValues<'a>,
}

enum KeyValues<'a> {
    /// The encodings of the values, so many bytes each.
    Fixed(usize, Vec<u8>),
    Text(&'a arrow_array::StringArray),
}

impl<'a> KeyColumn<'a> {
    fn of(array: &'a ArrayRef, field: &Field) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Utf8 => KeyValues::Text(array.as_string_opt()?),
            DataType::Boolean => KeyValues::Fixed(1, array.as_boolean_opt()?.values().iter().map(u8::from).collect()),
            DataType::Int8 => fixed::<Int8Type>(array)?,
            DataType::Int16 => fixed::<Int16Type>(array)?,
            DataType::Int32 => fixed::<Int32Type>(array)?,
            DataType::Int64 => fixed::<Int64Type>(array)?,
            DataType::UInt8 => fixed::<UInt8Type>(array)?,
            DataType::UInt16 => fixed::<UInt16Type>(array)?,
            DataType::UInt32 => fixed::<UInt32Type>(array)?,
            DataType::UInt64 => fixed::<UInt64Type>(array)?,
            DataType::Timestamp(TimeUnit::Microsecond, _) => fixed::<TimestampMicrosecondType>(array)?,
            _ => return None,
        };
        Some(KeyColumn { nullable: field.is_nullable(), nulls: array.nulls(), values })
    }

    #[inline]
    fn encode(&self, i: usize, to: &mut Vec<u8>) {
        if self.nullable {
            let valid = self.nulls.is_none_or(|nulls| nulls.is_valid(i));
            to.push(u8::from(valid));
            if !valid {
                return;
            }
        }
        match &self.values {
            KeyValues::Fixed(width, bytes) => to.extend_from_slice(&bytes[i * width..(i + 1) * width]),
            KeyValues::Text(strings) => dataflow_core::encode_bytes(strings.value(i).as_bytes(), to),
        }
    }
}

/// The encodings of a column of integers.
fn fixed<T: ArrowPrimitiveType<Native: Key>>(array: &ArrayRef) -> Option<KeyValues<'static>> {
    let values = array.as_primitive_opt::<T>()?.values();
    let mut bytes = Vec::with_capacity(size_of::<T::Native>() * values.len());
    values.iter().for_each(|value| value.encode_key(&mut bytes));
    Some(KeyValues::Fixed(size_of::<T::Native>(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, BooleanArray, Int16Array, StringArray, TimestampMicrosecondArray, UInt64Array};
    use dataflow_windows::Timestamp;

    #[test]
    fn keys_of_columns_are_in_the_groups_of_the_same_keys_of_rows() {
        let rows: Vec<(Option<String>, i16, bool, Timestamp)> = (0..200i16)
            .map(|i| {
                let text = (i % 3 > 0).then(|| format!("{}\0{i}\0\0", i % 7));
                (text, i - 100, i % 2 == 0, Timestamp::from_micros(i64::from(i) - 50))
            })
            .collect();
        let columns: [(ArrayRef, bool); 4] = [
            (Arc::new(rows.iter().map(|r| r.0.clone()).collect::<StringArray>()), true),
            (Arc::new(Int16Array::from_iter_values(rows.iter().map(|r| r.1))), false),
            (Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.2)))), false),
            (Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.3.as_micros()))), false),
        ];
        let names = ["a", "b", "c", "d"];
        let named = names.iter().zip(columns).map(|(name, (array, nullable))| (*name, array, nullable));
        let batch = RecordBatch::try_from_iter_with_nullable(named).unwrap();
        let fields = batch.schema_ref().fields().iter().map(|field| (**field).clone());
        let encoded = Encoded(fields.enumerate().collect());
        let mut keys = encoded.keys(&batch).unwrap();
        let found: Vec<EncodedKey> = (0..rows.len()).map(|i| keys.key(i).into_owned()).collect();
        for (key, row) in found.iter().zip(&rows) {
            let mut bytes = Vec::new();
            row.encode_key(&mut bytes);
            assert_eq!(key.0, bytes);
            assert_eq!((key.stable_hash(), key.key_group()), (row.stable_hash(), row.key_group()));
        }
        let back = encoded.arrays(found.iter()).unwrap();
        assert!(back.iter().zip(batch.columns()).all(|(a, b)| a.to_data() == b.to_data()));

        let numbers: ArrayRef = Arc::new(UInt64Array::from(vec![7]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let native = Native::<arrow_array::types::UInt64Type>::new(0, DataType::UInt64);
        assert_eq!(native.keys(&batch).unwrap().key(0).key_group(), 7u64.key_group());
    }
}
