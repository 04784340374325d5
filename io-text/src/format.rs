//! How elements become text.

use dataflow_core::{Error, Result};
use serde::Serialize;
use std::sync::Arc;

/// Appends elements to a buffer. The flag says that they are the first of a file. One dynamic call per batch.
type Encode<T> = Arc<dyn Fn(&[T], bool, &mut Vec<u8>) -> Result<()> + Send + Sync>;

/// A text format for elements of type `T`.
pub(crate) struct Format<T> {
    pub(crate) name: &'static str,
    pub(crate) extension: &'static str,
    pub(crate) encode: Encode<T>,
}

impl<T> Clone for Format<T> {
    fn clone(&self) -> Self {
        Format { encode: self.encode.clone(), ..*self }
    }
}

/// What files of all formats end in.
pub(crate) const EXTENSIONS: &[&str] =
    &[".txt", ".txt.gz", ".txt.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst", ".csv", ".csv.gz", ".csv.zst"];

pub(crate) fn lines<T: AsRef<[u8]>>() -> Format<T> {
    let encode = |elements: &[T], _: bool, to: &mut Vec<u8>| {
        for element in elements {
            to.extend_from_slice(element.as_ref());
            to.push(b'\n');
        }
        Ok(())
    };
    Format { name: "lines", extension: ".txt", encode: Arc::new(encode) }
}

pub(crate) fn json<T: Serialize>() -> Format<T> {
    let encode = |elements: &[T], _: bool, to: &mut Vec<u8>| {
        for (i, element) in elements.iter().enumerate() {
            serde_json::to_writer(&mut *to, element).map_err(|e| unfit::<T>("JSON", i, e))?;
            to.push(b'\n');
        }
        Ok(())
    };
    Format { name: "newline-delimited JSON", extension: ".ndjson", encode: Arc::new(encode) }
}

pub(crate) fn csv<T: Serialize>() -> Format<T> {
    let encode = |elements: &[T], first: bool, to: &mut Vec<u8>| {
        let mut writer = csv::WriterBuilder::new().has_headers(first).from_writer(std::mem::take(to));
        for (i, element) in elements.iter().enumerate() {
            writer.serialize(element).map_err(|e| unfit::<T>("CSV", i, e))?;
        }
        *to = writer.into_inner().map_err(|e| Error::internal(format!("CSV cannot be written to memory: {e}")))?;
        Ok(())
    };
    Format { name: "CSV", extension: ".csv", encode: Arc::new(encode) }
}

fn unfit<T>(format: &str, i: usize, error: impl std::fmt::Display) -> Error {
    let what = std::any::type_name::<T>();
    Error::data(format!("a {what} cannot be written as {format}: {error}"))
        .at_position(format!("element {i} of a batch"))
}
