//! What becomes of a record that is to be a value: the value, or a reject.

use crate::line::Line;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An element of a typed source: a value, or the record that is none. A bad record must neither end the run nor get
/// lost, so it is an element, too.
///
/// ```
/// use io_text::{BadRecord, Line, Parsed};
///
/// let good = Parsed::Good(7);
/// let record = BadRecord { line: Line::new("x", "n.json", 12), error: "no number".into() };
/// let bad: Parsed<i32> = Parsed::Bad(Box::new(record));
/// assert_eq!(good.into_result(), Ok(7));
/// assert_eq!(bad.as_good(), None);
/// assert_eq!(bad.into_result().unwrap_err().to_string(), "n.json:byte 12: no number");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Parsed<T> {
    /// The value.
    Good(T),
    /// A record that is no value, with the reason.
    Bad(Box<BadRecord>),
}

/// A record that could not be read as a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BadRecord {
    /// The record as it was read.
    pub line: Line,
    /// What is wrong with it.
    pub error: String,
}

impl<T> Parsed<T> {
    /// The value or the bad record.
    ///
    /// # Errors
    /// The bad record.
    pub fn into_result(self) -> Result<T, BadRecord> {
        match self {
            Parsed::Good(value) => Ok(value),
            Parsed::Bad(record) => Err(*record),
        }
    }

    /// The value, if it is one: made for `flat_map`, where rejects are not wanted.
    pub fn good(self) -> Option<T> {
        match self {
            Parsed::Good(value) => Some(value),
            Parsed::Bad(_) => None,
        }
    }

    /// A look at the value, if it is one.
    pub fn as_good(&self) -> Option<&T> {
        match self {
            Parsed::Good(value) => Some(value),
            Parsed::Bad(_) => None,
        }
    }

    pub(crate) fn bad(line: Line, error: impl fmt::Display) -> Self {
        Parsed::Bad(Box::new(BadRecord { line, error: error.to_string() }))
    }

    /// A record of which not all bytes are there.
    pub(crate) fn cut(line: Line) -> Self {
        let error = line.cut().map_or_else(String::new, |cut| cut.to_string());
        Self::bad(line, error)
    }
}

impl<T> From<Parsed<T>> for Result<T, BadRecord> {
    fn from(parsed: Parsed<T>) -> Self {
        parsed.into_result()
    }
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line.position, self.error)
    }
}

impl std::error::Error for BadRecord {}
