//! The bytes of a split, a chunk at a time.

use crate::files;
use crate::split::TextSplit;
use crate::stream::{Piece, Stream};
use dataflow_core::Result;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where bytes come from.
pub(crate) enum Input {
    /// A regular file, seekable.
    File(File),
    /// A compressed file. It can only be read from its beginning.
    Decoder {
        /// Gives the uncompressed bytes.
        reader: Box<dyn Read + Send>,
        /// Bytes to drop before the split begins.
        skip: u64,
        /// Bytes of the file that are read.
        consumed: Arc<AtomicU64>,
        /// The size of the file.
        size: u64,
    },
    /// Standard input or a pipe.
    Stream(Stream),
    /// Nothing any more.
    Closed,
}

/// What came of reading.
pub(crate) enum Got {
    /// Bytes, maybe none.
    Bytes,
    /// The last bytes.
    End,
    /// An error after, maybe, some bytes.
    Failed(io::Error),
}

struct Counting {
    file: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(to)?;
        self.consumed.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Input {
    /// Opens the file of `split`, which is no stream, at the offset `at`.
    pub(crate) fn open(split: &TextSplit, at: u64) -> Result<Input> {
        let path = split.path();
        let mut file = files::open(path)?;
        if split.is_plain_file() {
            file.seek(SeekFrom::Start(at)).map_err(|e| files::unreadable(path, e))?;
            return Ok(Input::File(file));
        }
        let size = file.metadata().map_err(|e| files::unreadable(path, e))?.len();
        let consumed = Arc::new(AtomicU64::new(0));
        let counting = Counting { file, consumed: consumed.clone() };
        let reader = split.compression.decode(counting).map_err(|e| files::unreadable(path, e))?;
        Ok(Input::Decoder { reader, skip: at, consumed, size })
    }

    /// About `want` bytes after a copy of `rest`; `None` if there are none yet.
    pub(crate) fn read_after(&mut self, rest: &[u8], want: usize) -> Option<(Vec<u8>, Got)> {
        if let Input::Stream(stream) = self {
            return read_stream(stream, rest);
        }
        let mut bytes = Vec::with_capacity(rest.len() + want);
        bytes.extend_from_slice(rest);
        let got = match self {
            Input::File(file) => read(file, &mut bytes, want),
            Input::Decoder { reader, skip, .. } => {
                let got = read(reader, &mut bytes, want);
                let fresh = bytes.len() - rest.len();
                let drop = usize::try_from(*skip).map_or(fresh, |skip| skip.min(fresh));
                bytes.drain(rest.len()..rest.len() + drop);
                *skip -= drop as u64;
                got
            }
            Input::Stream(_) | Input::Closed => Got::End,
        };
        Some((bytes, got))
    }
}

fn read_stream(stream: &mut Stream, rest: &[u8]) -> Option<(Vec<u8>, Got)> {
    let mut bytes = Vec::new();
    loop {
        let got = match stream.next() {
            Piece::Nothing if bytes.is_empty() => return None,
            Piece::Nothing => Got::Bytes,
            Piece::End => Got::End,
            Piece::Failed(e) => Got::Failed(e),
            Piece::Bytes(piece) if bytes.is_empty() && rest.is_empty() => return Some((piece, Got::Bytes)),
            Piece::Bytes(piece) => {
                if bytes.is_empty() {
                    bytes.extend_from_slice(rest);
                }
                bytes.extend_from_slice(&piece);
                // While a long line comes in, each copy of it should be worth it.
                if bytes.len() < 2 * rest.len() {
                    continue;
                }
                Got::Bytes
            }
        };
        if bytes.is_empty() {
            bytes.extend_from_slice(rest);
        }
        return Some((bytes, got));
    }
}

/// `read_to_end` writes into memory that nobody has to fill with zeros first.
fn read(from: &mut impl Read, to: &mut Vec<u8>, want: usize) -> Got {
    match from.take(want as u64).read_to_end(to) {
        Ok(n) if n < want => Got::End,
        Ok(_) => Got::Bytes,
        Err(e) => Got::Failed(e),
    }
}
