//! The element of text sources: a line and where it was.

use bytes::Bytes;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

/// A line of text as it was read: bytes, without the line end (`\n` or `\r\n`). Whether they are UTF-8 is for the
/// reader to decide.
///
/// The bytes are a slice of the chunk of the file that was read at once, so making, cloning and dropping a line touches
/// no heap. A line that is kept for long keeps its whole chunk (512 KiB): keep [`detached`](Line::detached) lines.
///
/// ```
/// use io_text::Line;
/// let line = Line::new("{\"id\":7}", "events.ndjson", 4096);
/// assert_eq!(line.as_bytes(), b"{\"id\":7}");
/// assert_eq!(line.position.to_string(), "events.ndjson:byte 4096");
/// assert!(line.cut().is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// What the line holds.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub bytes: Bytes,
    /// Where it was.
    pub position: Position,
    /// Nothing for a whole line; its length if it was too long; `FILE_ENDS` if the file is cut off within it.
    #[serde(default)]
    cut: Option<NonZero<u64>>,
}

const FILE_ENDS: NonZero<u64> = NonZero::<u64>::MAX;

/// Why a [`Line`] has not all of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// It is longer than the source takes; only its beginning was kept.
    TooLong {
        /// Its length in bytes, without the line end.
        length: u64,
    },
    /// The compressed file is truncated within this line, or right before it. Only sources that were told
    /// [`OnTruncated::EndFile`](crate::OnTruncated) give out such lines.
    FileTruncated,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::TooLong { length } => write!(f, "the line is too long: {length} bytes, of which the first are kept"),
            Cut::FileTruncated => f.write_str("the file is truncated within this line"),
        }
    }
}

impl Line {
    /// A whole line, for tests and for sources of one's own.
    pub fn new(bytes: impl Into<Bytes>, file: &str, offset: u64) -> Self {
        Self::whole(bytes.into(), &file.into(), offset)
    }

    #[inline]
    pub(crate) fn whole(bytes: Bytes, file: &Arc<str>, offset: u64) -> Self {
        Line { bytes, position: Position { file: file.clone(), offset }, cut: None }
    }

    /// The beginning of a line, with the reason why there is not more.
    pub(crate) fn cut_off(beginning: &[u8], cut: Cut, file: &Arc<str>, offset: u64) -> Self {
        let cut = match cut {
            Cut::TooLong { length } => NonZero::new(length.min(FILE_ENDS.get() - 1)),
            Cut::FileTruncated => Some(FILE_ENDS),
        };
        Line { cut, ..Self::whole(Bytes::copy_from_slice(beginning), file, offset) }
    }

    /// What the line holds; only its beginning if it is [cut](Self::cut).
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Why the line has not all of its bytes; `None` for a whole line. Such a line is best rejected.
    #[inline]
    pub fn cut(&self) -> Option<Cut> {
        match self.cut {
            None => None,
            Some(FILE_ENDS) => Some(Cut::FileTruncated),
            Some(length) => Some(Cut::TooLong { length: length.get() }),
        }
    }

    /// The same line with memory of its own.
    #[must_use]
    pub fn detached(&self) -> Line {
        Line { bytes: Bytes::copy_from_slice(&self.bytes), ..self.clone() }
    }
}

impl AsRef<[u8]> for Line {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where a line was: the file, and the offset of the line's first byte in it (in the uncompressed content, if the file
/// is compressed).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Position {
    /// The file's path as it was given or found; `standard input` for that.
    pub file: Arc<str>,
    /// Bytes before the line.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:byte {}", self.file, self.offset)
    }
}

/// In formats for people text is text, as long as it is UTF-8; in others, such as the one of checkpoints, it is bytes.
fn write_text<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) if to.is_human_readable() => to.serialize_str(text),
        _ => to.serialize_bytes(bytes),
    }
}

fn read_text<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Bytes;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text or bytes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
            Ok(Bytes::copy_from_slice(text.as_bytes()))
        }

        fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
            Ok(Bytes::copy_from_slice(bytes))
        }

        fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
            Ok(bytes.into())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
            let mut bytes = Vec::new();
            while let Some(number) = numbers.next_element::<u8>().map_err(A::Error::custom)? {
                bytes.push(number);
            }
            Ok(bytes.into())
        }
    }

    if from.is_human_readable() { from.deserialize_any(Text) } else { from.deserialize_byte_buf(Text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_core::coder;

    fn lines() -> Vec<Line> {
        let file: Arc<str> = "a.txt".into();
        vec![
            Line::new("plain", "a.txt", 0),
            Line::new(&b"\xff\x00"[..], "a.txt", 6),
            Line::cut_off(b"long", Cut::TooLong { length: 5_000 }, &file, 9),
            Line::cut_off(b"", Cut::FileTruncated, &file, 5_010),
        ]
    }

    #[test]
    fn lines_survive_a_checkpoint() {
        let mut bytes = Vec::new();
        coder::encode(&lines(), &mut bytes).unwrap();
        assert_eq!(coder::decode::<Vec<Line>>(&mut &bytes[..]).unwrap(), lines());
    }

    #[test]
    fn lines_survive_json_and_are_readable_there() {
        let json = serde_json::to_string(&lines()).unwrap();
        assert!(json.starts_with(r#"[{"bytes":"plain","position":{"file":"a.txt","offset":0}"#), "{json}");
        assert_eq!(serde_json::from_str::<Vec<Line>>(&json).unwrap(), lines());
    }

    #[test]
    fn a_line_takes_one_cache_line() {
        assert_eq!(size_of::<Line>(), 64);
    }
}
