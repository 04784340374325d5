//! `Vec<T>` as List.

use super::{ArrowField, BadValue, FieldBuilder, FieldReader};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, LargeListArray, ListArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field};
use std::marker::PhantomData;
use std::sync::Arc;

/// A type of which a `Vec` is a list: all column types but `u8`, whose `Vec` is a byte string.
pub trait ListItem {}

macro_rules! list_items {
    ($($t:ty),*) => { $(impl ListItem for $t {})* };
}
list_items!(bool, i8, i16, i32, i64, u16, u32, u64, f32, f64, i128, String, Box<str>, dataflow_windows::Timestamp);
#[cfg(feature = "compact_str")]
list_items!(compact_str::CompactString);
#[cfg(feature = "chrono")]
list_items!(chrono::DateTime<chrono::Utc>, chrono::NaiveDate);
#[cfg(feature = "rust_decimal")]
list_items!(rust_decimal::Decimal);
list_items!(bytes::Bytes);
impl<T: ListItem> ListItem for Option<T> {}
impl<T> ListItem for Vec<T> {}
impl ListItem for Box<[u8]> {}

impl<V: ArrowField<E> + ListItem, E: 'static> ArrowField<E> for Vec<V> {
    type Builder = ListBuilder<V, E>;
    type Reader = ListReader<V, E>;

    fn data_type() -> DataType {
        DataType::List(Arc::new(item_field::<V, E>()))
    }

    fn accepts(stored: &DataType) -> bool {
        match stored {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                V::accepts(item.data_type())
            }
            _ => false,
        }
    }
}

fn item_field<V: ArrowField<E>, E>() -> Field {
    Field::new_list_field(V::data_type(), V::NULLABLE)
}

/// Builds a column of lists.
pub struct ListBuilder<V: ArrowField<E>, E> {
    items: V::Builder,
    ends: Vec<usize>,
    nulls: NullBufferBuilder,
}

impl<V: ArrowField<E>, E> Default for ListBuilder<V, E> {
    fn default() -> Self {
        ListBuilder { items: V::Builder::default(), ends: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }
}

impl<V: ArrowField<E>, E: 'static> FieldBuilder<Vec<V>> for ListBuilder<V, E> {
    #[inline]
    fn append(&mut self, value: &Vec<V>) {
        self.items.extend(value.iter());
        self.ends.push(self.ends.last().unwrap_or(&0) + value.len());
        self.nulls.append_non_null();
    }

    #[inline]
    fn append_null(&mut self) {
        self.ends.push(*self.ends.last().unwrap_or(&0));
        self.nulls.append_null();
    }

    fn bytes(&self) -> usize {
        self.items.bytes() + 8 * self.ends.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, BadValue> {
        let items = self.items.finish();
        let ends = std::mem::take(&mut self.ends);
        let nulls = self.nulls.finish();
        let items = items?;
        if i32::try_from(items.len()).is_err() {
            return Err(BadValue::new("more than 2^31 items of lists in one batch of rows"));
        }
        let offsets: Vec<i32> = std::iter::once(0).chain(ends.into_iter().map(|end| end as i32)).collect();
        let offsets = OffsetBuffer::new(offsets.into());
        let array = ListArray::try_new(Arc::new(item_field::<V, E>()), offsets, items, nulls).map_err(BadValue::new)?;
        Ok(Arc::new(array))
    }
}

/// Reads a column of lists.
pub struct ListReader<V: ArrowField<E>, E> {
    lists: Lists,
    items: V::Reader,
    item_nulls: Option<NullBuffer>,
    encoding: PhantomData<fn() -> E>,
}

enum Lists {
    List(ListArray),
    Large(LargeListArray),
    Fixed(FixedSizeListArray),
}

impl<V: ArrowField<E>, E: 'static> FieldReader<Vec<V>> for ListReader<V, E> {
    fn bind(array: &ArrayRef) -> Option<Self> {
        let (lists, items) = match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list_opt::<i32>()?.clone();
                let items = Arc::clone(lists.values());
                (Lists::List(lists), items)
            }
            DataType::LargeList(_) => {
                let lists = array.as_list_opt::<i64>()?.clone();
                let items = Arc::clone(lists.values());
                (Lists::Large(lists), items)
            }
            DataType::FixedSizeList(..) => {
                let lists = array.as_fixed_size_list_opt()?.clone();
                let items = Arc::clone(lists.values());
                (Lists::Fixed(lists), items)
            }
            _ => return None,
        };
        let item_nulls = if V::NULLABLE { None } else { items.logical_nulls() };
        Some(ListReader { lists, items: V::Reader::bind(&items)?, item_nulls, encoding: PhantomData })
    }

    #[inline]
    fn get(&self, i: usize) -> Result<Vec<V>, BadValue> {
        let range = match &self.lists {
            Lists::List(lists) => lists.value_offsets()[i] as usize..lists.value_offsets()[i + 1] as usize,
            Lists::Large(lists) => lists.value_offsets()[i] as usize..lists.value_offsets()[i + 1] as usize,
            Lists::Fixed(lists) => {
                let from = lists.value_offset(i) as usize;
                from..from + lists.value_length() as usize
            }
        };
        if let Some(nulls) = &self.item_nulls
            && range.clone().any(|j| nulls.is_null(j))
        {
            return Err(BadValue::new("an item of the list is NULL: make the field a Vec<Option<_>>"));
        }
        range.map(|j| self.items.get(j)).collect()
    }
}
