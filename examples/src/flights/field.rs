//! How fields of a CSV file are read that are more than text or a number: for serde's `deserialize_with`.

use compact_str::CompactString;
use dataflow_windows::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::str::FromStr;

use crate::lake::rfc3339;

/// A value, or nothing where the file says `NA`.
///
/// # Errors
///
/// If it is neither.
pub fn or_na<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    match CompactString::deserialize(from)?.as_str() {
        "NA" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|e| D::Error::custom(format_args!("\"{text}\" is neither NA nor a value: {e}"))),
    }
}

/// A point in time, in RFC 3339.
///
/// # Errors
///
/// If it is none.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = CompactString::deserialize(from)?;
    rfc3339::parse(text.as_bytes()).map(Timestamp::from_micros).ok_or_else(|| {
        D::Error::custom(format_args!("\"{text}\" is no time; expected is one such as 2013-02-08T10:00:00Z"))
    })
}
