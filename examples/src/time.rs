//! Points in time as RFC 3339 text, for serde: `#[serde(with = "crate::time")]`.
//!
//! Only where people read it: in the state of a step, a time stays a number.

use crate::flights::field;
use dataflow_windows::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a time.
///
/// # Errors
///
/// If the serializer fails.
pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() { to.collect_str(time) } else { time.serialize(to) }
}

/// Reads a time.
///
/// # Errors
///
/// If it is none.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    if from.is_human_readable() { field::time(from) } else { Timestamp::deserialize(from) }
}
