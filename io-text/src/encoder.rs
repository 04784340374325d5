//! Compresses what is written to a file.

use crate::compression::Compression;
use crate::output_dir::{SealedFile, StagedFile};
use dataflow_core::Result;
use flate2::write::GzEncoder;
use std::io::{self, Write};

// So much is collected before it is written at once.
const BUFFER: usize = 256 * 1024;

/// A file that is written in a compression.
pub(crate) struct Encoder {
    /// What is not yet written, uncompressed.
    pub(crate) buffer: Vec<u8>,
    to: Codec,
}

// One per thread: what the largest kind costs does not matter.
#[allow(clippy::large_enum_variant)]
enum Codec {
    Plain(StagedFile),
    Gzip(GzEncoder<StagedFile>),
    Zstd(zstd::Encoder<'static, StagedFile>),
}

impl Codec {
    fn file(&self) -> &StagedFile {
        match self {
            Codec::Plain(file) => file,
            Codec::Gzip(encoder) => encoder.get_ref(),
            Codec::Zstd(encoder) => encoder.get_ref(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Codec::Plain(file) => file.write_all(bytes),
            Codec::Gzip(encoder) => encoder.write_all(bytes),
            Codec::Zstd(encoder) => encoder.write_all(bytes),
        }
    }
}

impl Encoder {
    /// `buffer` is empty; it brings its memory.
    pub(crate) fn new(file: StagedFile, compression: Compression, buffer: Vec<u8>) -> Result<Self> {
        let to = match compression {
            Compression::Auto | Compression::None => Codec::Plain(file),
            Compression::Gzip => Codec::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Compression::Zstd => {
                let encoder = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL);
                Codec::Zstd(encoder.map_err(|e| dataflow_core::Error::io("zstd cannot be started", e))?)
            }
        };
        Ok(Encoder { buffer, to })
    }

    /// The size of the file, as far as it is known.
    pub(crate) fn bytes(&self) -> u64 {
        let not_yet = if matches!(self.to, Codec::Plain(_)) { self.buffer.len() } else { 0 };
        self.to.file().bytes() + not_yet as u64
    }

    /// Writes what is in the buffer, if that is worth it.
    pub(crate) fn relieve(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.to.write_all(&self.buffer).map_err(|e| self.to.file().error(e))?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the file; returns the buffer's memory, too.
    pub(crate) fn seal(mut self) -> Result<(SealedFile, Vec<u8>)> {
        self.flush()?;
        let file = match self.to {
            Codec::Plain(file) => file,
            Codec::Gzip(mut encoder) => match encoder.try_finish() {
                Ok(()) => encoder.finish().map_err(|e| dataflow_core::Error::io("gzip cannot be ended", e))?,
                Err(e) => return Err(encoder.get_ref().error(e)),
            },
            Codec::Zstd(encoder) => encoder.try_finish().map_err(|(encoder, e)| encoder.get_ref().error(e))?,
        };
        Ok((file.seal()?, self.buffer))
    }
}
