//! An event as the pipeline gets it: a line of bytes, and where it was.

use bytes::Bytes;
use dataflow::text::{Cut, Line};
use std::fmt;

use super::event::Event;
use super::reason::{Reason, Rejection};
use super::validate;

/// A line that may hold an event. Its bytes are a slice of a chunk that many lines share, so that none of them is
/// allocated by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum RawLine {
    /// Made by a simulation.
    Simulated {
        /// What the line holds.
        bytes: Bytes,
        /// The event's number in the simulation.
        number: u64,
    },
    /// Read from a file or from standard input.
    Read(Line),
}

impl From<Line> for RawLine {
    fn from(line: Line) -> Self {
        RawLine::Read(line)
    }
}

impl RawLine {
    /// What the line holds; only its beginning where it is [cut](RawLine::cut).
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            RawLine::Simulated { bytes, .. } => bytes,
            RawLine::Read(line) => line.as_bytes(),
        }
    }

    /// Why the line has not all of its bytes, if it has not.
    #[inline]
    pub fn cut(&self) -> Option<Cut> {
        match self {
            RawLine::Simulated { .. } => None,
            RawLine::Read(line) => line.cut(),
        }
    }

    /// The event that the line holds.
    ///
    /// # Errors
    ///
    /// Every rule that it violates; see [`validate::parse`].
    #[inline]
    pub fn parse(&self) -> Result<Event, Rejection> {
        match self.cut() {
            None => validate::parse(self.as_bytes()),
            Some(Cut::TooLong { .. }) => Err(Reason::LineTooLong.into()),
            Some(Cut::FileTruncated) => Err(Reason::FileTruncated.into()),
        }
    }

    /// Whether there is nothing but white space in it.
    pub fn is_blank(&self) -> bool {
        self.cut().is_none() && self.as_bytes().iter().all(u8::is_ascii_whitespace)
    }

    /// Where the line was, for people.
    pub fn position(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            RawLine::Simulated { number, .. } => write!(f, "simulate:event {number}"),
            RawLine::Read(line) => write!(f, "{}", line.position),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_where_they_were() {
        let simulated = RawLine::Simulated { bytes: Bytes::from_static(b" \t"), number: 17 };
        assert_eq!(simulated.position().to_string(), "simulate:event 17");
        assert!(simulated.is_blank());
        let read = RawLine::from(Line::new("{}", "in.ndjson", 8));
        assert_eq!(read.position().to_string(), "in.ndjson:byte 8");
        assert!(!read.is_blank());
        assert!(read.parse().is_err());
        assert_eq!(size_of::<RawLine>(), 64, "a cache line");
    }
}
