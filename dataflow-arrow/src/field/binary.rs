//! Bytes as Binary, read from any of Arrow's binary types.

use super::text::MAX_BYTES;
use super::{ArrowField, BadValue, FieldBuilder, FieldReader, FirstError, encoding::Plain};
use arrow_array::builder::{ArrayBuilder, BinaryBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray};
use arrow_schema::DataType;
use std::sync::Arc;

/// Builds a column of byte strings.
#[derive(Default)]
pub struct BytesBuilder {
    array: BinaryBuilder,
    error: FirstError,
}

impl<V: AsRef<[u8]>> FieldBuilder<V> for BytesBuilder {
    #[inline]
    fn append(&mut self, value: &V) {
        let bytes = value.as_ref();
        if self.array.values_slice().len() + bytes.len() > MAX_BYTES {
            self.error.set(BadValue::new("more than 2 GiB of bytes in one batch of rows"));
            return;
        }
        self.array.append_value(bytes);
    }

    #[inline]
    fn append_null(&mut self) {
        self.array.append_null();
    }

    fn bytes(&self) -> usize {
        self.array.values_slice().len() + 4 * ArrayBuilder::len(&self.array)
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        let array = self.array.finish();
        self.error.take()?;
        Ok(Arc::new(array))
    }
}

/// Reads a column of byte strings.
pub enum BytesReader {
    /// With 32-bit offsets.
    Binary(BinaryArray),
    /// With 64-bit offsets.
    LargeBinary(LargeBinaryArray),
    /// As views.
    BinaryView(BinaryViewArray),
    /// All of the same length.
    FixedSizeBinary(FixedSizeBinaryArray),
}

impl BytesReader {
    fn accepts(stored: &DataType) -> bool {
        use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
        matches!(stored, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
    }
}

impl<V: for<'a> From<&'a [u8]>> FieldReader<V> for BytesReader {
    fn bind(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Binary => BytesReader::Binary(array.as_binary_opt()?.clone()),
            DataType::LargeBinary => BytesReader::LargeBinary(array.as_binary_opt()?.clone()),
            DataType::BinaryView => BytesReader::BinaryView(array.as_binary_view_opt()?.clone()),
            DataType::FixedSizeBinary(_) => BytesReader::FixedSizeBinary(array.as_fixed_size_binary_opt()?.clone()),
            _ => return None,
        })
    }

    #[inline]
    fn get(&self, i: usize) -> Result<V, BadValue> {
        Ok(V::from(match self {
            BytesReader::Binary(array) => array.value(i),
            BytesReader::LargeBinary(array) => array.value(i),
            BytesReader::BinaryView(array) => array.value(i),
            BytesReader::FixedSizeBinary(array) => array.value(i),
        }))
    }
}

macro_rules! binary_fields {
    ($($t:ty, $builder:ty, $reader:ty;)*) => {$(
        impl ArrowField<Plain> for $t {
            type Builder = $builder;
            type Reader = $reader;
            fn data_type() -> DataType {
                DataType::Binary
            }
            fn accepts(stored: &DataType) -> bool {
                BytesReader::accepts(stored)
            }
        }
    )*};
}
binary_fields! { Vec<u8>, BytesBuilder, BytesReader; Box<[u8]>, BytesBuilder, BytesReader; }

mod of_bytes {
    use super::{ArrayRef, ArrowField, BadValue, BytesBuilder, BytesReader, DataType, FieldReader, Plain};
    use bytes::Bytes;

    binary_fields! { Bytes, BytesBuilder, SharedBytesReader; }

    /// Reads a column of `Bytes`, which own their memory: they would else keep the whole batch alive.
    pub struct SharedBytesReader(BytesReader);

    impl FieldReader<Bytes> for SharedBytesReader {
        fn bind(array: &ArrayRef) -> Option<Self> {
            <BytesReader as FieldReader<Vec<u8>>>::bind(array).map(SharedBytesReader)
        }

        #[inline]
        fn get(&self, i: usize) -> Result<Bytes, BadValue> {
            FieldReader::<Vec<u8>>::get(&self.0, i).map(Bytes::from)
        }
    }
}
