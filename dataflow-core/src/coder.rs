//! How elements and state become bytes: serde with bincode's legacy layout (fixed-size little-endian integers).
//!
//! ```
//! use dataflow_core::coder;
//! let mut bytes = Vec::new();
//! coder::encode(&(7u32, "seven".to_owned()), &mut bytes).unwrap();
//! coder::encode(&(8u32, "eight".to_owned()), &mut bytes).unwrap();
//! let mut rest = &bytes[..];
//! assert_eq!(coder::decode::<(u32, String)>(&mut rest).unwrap().0, 7);
//! assert_eq!(coder::decode::<(u32, String)>(&mut rest).unwrap().1, "eight");
//! assert!(rest.is_empty());
//! ```

use crate::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

// A length that is read from damaged bytes must not make the decoder allocate more than this at once.
const LIMIT: usize = 1 << 30;

/// Appends the encoding of `value` to `to`. Encodings are self-delimiting, so values can follow each other.
///
/// # Errors
/// If the type's `Serialize` gives up, or asks for what the layout cannot do (a sequence of unknown length).
pub fn encode<T: Serialize + ?Sized>(value: &T, to: &mut Vec<u8>) -> Result<()> {
    bincode::serde::encode_into_std_write(value, to, bincode::config::legacy())
        .map(|_| ())
        .map_err(|e| Error::data(format!("a value of type {} cannot be encoded: {e}", std::any::type_name::<T>())))
}

/// Takes one value off the front of `from`.
///
/// # Errors
/// If the bytes are no encoding of a `T`.
pub fn decode<T: DeserializeOwned>(from: &mut &[u8]) -> Result<T> {
    let config = bincode::config::legacy().with_limit::<LIMIT>();
    let (value, used) = bincode::serde::decode_from_slice(from, config)
        .map_err(|e| Error::data(format!("these bytes are no value of type {}: {e}", std::any::type_name::<T>())))?;
    *from = from.get(used..).unwrap_or_default();
    Ok(value)
}
