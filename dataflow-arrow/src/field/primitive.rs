//! Columns of fixed-size values: integers and floats, and what [time](super::time) and decimals are made of.

use super::{BadValue, FieldBuilder, FieldReader, FirstError, encoding::Plain};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::DataType;
use std::marker::PhantomData;
use std::sync::Arc;

/// A type that is a native value of Arrow, or maps to one.
pub trait Primitive<E>: Sized + Send + 'static {
    /// As what it is stored.
    type Stored: ArrowPrimitiveType;
    /// As what it is read: all accepted types are first made this one, a batch at a time.
    type Canonical: ArrowPrimitiveType;

    /// As what it is stored, with time zone, precision and the like.
    fn data_type() -> DataType;
    /// Whether [`canonical`](Self::canonical) has a way from `stored`.
    fn accepts(stored: &DataType) -> bool;
    /// The array as one of the type that is read.
    fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<Self::Canonical>>;
    /// The value to store.
    fn to_native(&self) -> Result<<Self::Stored as ArrowPrimitiveType>::Native, BadValue>;
    /// The value that was read.
    fn from_native(native: <Self::Canonical as ArrowPrimitiveType>::Native) -> Result<Self, BadValue>;
}

/// Builds a column of `V`.
pub struct PrimitiveBuilder<V: Primitive<E>, E> {
    values: Vec<<V::Stored as ArrowPrimitiveType>::Native>,
    nulls: NullBufferBuilder,
    /// How many values the last array had: the next one will have as many. Taken only when the first one comes, as a
    /// partition that is open but idle must not keep memory.
    expected: usize,
    error: FirstError,
    encoding: PhantomData<fn() -> (V, E)>,
}

impl<V: Primitive<E>, E> Default for PrimitiveBuilder<V, E> {
    fn default() -> Self {
        PrimitiveBuilder {
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            expected: 0,
            error: FirstError::default(),
            encoding: PhantomData,
        }
    }
}

impl<V: Primitive<E>, E: 'static> FieldBuilder<V> for PrimitiveBuilder<V, E> {
    #[inline]
    fn append(&mut self, value: &V) {
        let native = value.to_native().unwrap_or_else(|e| {
            self.error.set(e);
            Default::default()
        });
        self.values.push(native);
        self.nulls.append_non_null();
    }

    #[inline]
    fn append_null(&mut self) {
        self.values.push(Default::default());
        self.nulls.append_null();
    }

    #[inline]
    fn extend<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a V>)
    where
        V: 'a,
    {
        let before = self.values.len();
        if before == 0 {
            self.values.reserve(self.expected);
        }
        let error = &mut self.error;
        self.values.extend(values.map(|value| {
            value.to_native().unwrap_or_else(|e| {
                error.set(e);
                Default::default()
            })
        }));
        self.nulls.append_n_non_nulls(self.values.len() - before);
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        self.expected = self.values.len();
        let values = std::mem::take(&mut self.values);
        let array = PrimitiveArray::<V::Stored>::new(values.into(), self.nulls.finish());
        self.error.take()?;
        Ok(Arc::new(array.with_data_type(V::data_type())))
    }
}

/// Reads a column of `V`.
pub struct PrimitiveReader<V: Primitive<E>, E>(PrimitiveArray<V::Canonical>, PhantomData<fn() -> (V, E)>);

impl<V: Primitive<E>, E: 'static> FieldReader<V> for PrimitiveReader<V, E> {
    fn bind(array: &ArrayRef) -> Option<Self> {
        V::canonical(array).map(|array| PrimitiveReader(array, PhantomData))
    }

    #[inline]
    fn get(&self, i: usize) -> Result<V, BadValue> {
        V::from_native(self.0.value(i))
    }
}

/// Implements `ArrowField` for types that are `Primitive`. A blanket implementation would forbid all others.
macro_rules! primitive_field {
    ($t:ty, $encoding:ty $(, for $($generics:tt)*)?) => {
        impl$(<$($generics)*>)? $crate::ArrowField<$encoding> for $t {
            type Builder = $crate::field::primitive::PrimitiveBuilder<$t, $encoding>;
            type Reader = $crate::field::primitive::PrimitiveReader<$t, $encoding>;
            fn data_type() -> ::arrow_schema::DataType {
                <$t as $crate::field::primitive::Primitive<$encoding>>::data_type()
            }
            fn accepts(stored: &::arrow_schema::DataType) -> bool {
                <$t as $crate::field::primitive::Primitive<$encoding>>::accepts(stored)
            }
        }
    };
}
pub(super) use primitive_field;

/// Numbers, with the Arrow types that hold only values which the number can have as well.
macro_rules! numbers {
    ($($t:ty, $arrow:ty, [$($narrower:ty),*];)*) => {$(
        impl Primitive<Plain> for $t {
            type Stored = $arrow;
            type Canonical = $arrow;
            fn data_type() -> DataType {
                <$arrow>::DATA_TYPE
            }
            fn accepts(stored: &DataType) -> bool {
                *stored == <$arrow>::DATA_TYPE $(|| *stored == <$narrower>::DATA_TYPE)*
            }
            fn canonical(array: &ArrayRef) -> Option<PrimitiveArray<$arrow>> {
                if let Some(own) = array.as_primitive_opt::<$arrow>() {
                    return Some(own.clone());
                }
                $(if let Some(narrower) = array.as_primitive_opt::<$narrower>() {
                    return Some(narrower.unary(<$t>::from));
                })*
                None
            }
            #[inline]
            fn to_native(&self) -> Result<$t, BadValue> {
                Ok(*self)
            }
            #[inline]
            fn from_native(native: $t) -> Result<$t, BadValue> {
                Ok(native)
            }
        }
        primitive_field!($t, Plain);
    )*};
}
numbers! {
    i8, Int8Type, [];
    i16, Int16Type, [Int8Type, UInt8Type];
    i32, Int32Type, [Int8Type, Int16Type, UInt8Type, UInt16Type];
    i64, Int64Type, [Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type];
    u8, UInt8Type, [];
    u16, UInt16Type, [UInt8Type];
    u32, UInt32Type, [UInt8Type, UInt16Type];
    u64, UInt64Type, [UInt8Type, UInt16Type, UInt32Type];
    f32, Float32Type, [Int8Type, Int16Type, UInt8Type, UInt16Type];
    f64, Float64Type, [Float32Type, Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type];
}
