//! In which of several ways a field is stored: the type parameter of [`ArrowField`](crate::ArrowField).
//!
//! The attributes of `#[derive(ArrowRow)]` choose: `dictionary`, `decimal(p, s)`, `timestamp = "us"` or `"ms"`.

/// The type's own way.
pub enum Plain {}

/// Strings as a dictionary: each different string once, and its number in each row.
pub enum Dictionary {}

/// Decimals with `P` digits, `S` of them after the point.
pub enum Decimal<const P: u8, const S: i8> {}

/// Points in time as microseconds since 1970, UTC.
pub enum Micros {}

/// Points in time as milliseconds since 1970, UTC, rounded down.
pub enum Millis {}
