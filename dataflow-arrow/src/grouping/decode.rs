//! Columns of encoded keys.

use super::key::changed;
use arrow_array::builder::{ArrayBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder, make_builder};
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, Field};
use dataflow_core::{Error, Result};

/// Makes a column of one part of encoded keys.
pub(super) struct Decoder {
    nullable: bool,
    data_type: DataType,
    builder: Box<dyn ArrayBuilder>,
}

impl Decoder {
    pub(super) fn of(field: &Field, len: usize) -> Self {
        let data_type = field.data_type().clone();
        Decoder { nullable: field.is_nullable(), builder: make_builder(&data_type, len), data_type }
    }

    /// Takes one value off the front of a key.
    pub(super) fn read(&mut self, key: &mut &[u8]) -> Result<()> {
        let valid = !self.nullable || take::<1>(key)? == [1];
        match self.data_type {
            DataType::Utf8 => {
                let text = if valid { Some(take_text(key)?) } else { None };
                self.builder::<StringBuilder>()?.append_option(text);
            }
            DataType::Boolean => {
                let value = if valid { Some(take::<1>(key)? == [1]) } else { None };
                self.builder::<BooleanBuilder>()?.append_option(value);
            }
            DataType::Int8 => self.native::<Int8Type, 1>(valid, key, |b| i8::from_be_bytes(b) ^ i8::MIN)?,
            DataType::Int16 => self.native::<Int16Type, 2>(valid, key, |b| i16::from_be_bytes(b) ^ i16::MIN)?,
            DataType::Int32 => self.native::<Int32Type, 4>(valid, key, |b| i32::from_be_bytes(b) ^ i32::MIN)?,
            DataType::Int64 => self.native::<Int64Type, 8>(valid, key, |b| i64::from_be_bytes(b) ^ i64::MIN)?,
            DataType::UInt8 => self.native::<UInt8Type, 1>(valid, key, u8::from_be_bytes)?,
            DataType::UInt16 => self.native::<UInt16Type, 2>(valid, key, u16::from_be_bytes)?,
            DataType::UInt32 => self.native::<UInt32Type, 4>(valid, key, u32::from_be_bytes)?,
            DataType::UInt64 => self.native::<UInt64Type, 8>(valid, key, u64::from_be_bytes)?,
            DataType::Timestamp(..) => {
                self.native::<TimestampMicrosecondType, 8>(valid, key, |b| i64::from_be_bytes(b) ^ i64::MIN)?;
            }
            _ => return Err(changed()),
        }
        Ok(())
    }

    fn native<T: ArrowPrimitiveType, const N: usize>(
        &mut self,
        valid: bool,
        key: &mut &[u8],
        value: fn([u8; N]) -> T::Native,
    ) -> Result<()> {
        let value = if valid { Some(value(take::<N>(key)?)) } else { None };
        self.builder::<PrimitiveBuilder<T>>()?.append_option(value);
        Ok(())
    }

    fn builder<B: ArrayBuilder>(&mut self) -> Result<&mut B> {
        self.builder.as_any_mut().downcast_mut().ok_or_else(changed)
    }

    pub(super) fn finish(mut self) -> Result<ArrayRef> {
        Ok(self.builder.finish())
    }
}

#[cold]
fn broken() -> Error {
    Error::internal("an encoded key is not one of its columns")
}

fn take<const N: usize>(key: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = key.split_first_chunk::<N>().ok_or_else(broken)?;
    *key = rest;
    Ok(*first)
}

/// A string up to its terminator `00 00`, in which `00 FF` is a zero.
fn take_text(key: &mut &[u8]) -> Result<String> {
    let mut bytes = Vec::new();
    loop {
        let zero = key.iter().position(|b| *b == 0).ok_or_else(broken)?;
        bytes.extend_from_slice(&key[..zero]);
        *key = &key[zero + 1..];
        match take::<1>(key)? {
            [0xFF] => bytes.push(0),
            _ => return String::from_utf8(bytes).map_err(|_| broken()),
        }
    }
}
