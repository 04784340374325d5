//! Compressed files: which format, and the streams that read and write it.

use dataflow_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::Path;

/// How files are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Compression {
    /// Reading: as the first bytes of each file say. Writing: not at all.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// Gzip (RFC 1952), also of several members.
    Gzip,
    /// Zstandard (RFC 8878), also of several frames.
    Zstd,
}

/// What to do where a compressed file is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnTruncated {
    /// The run fails, after everything before the damage has been given out.
    #[default]
    Fail,
    /// The file ends there. Its last line is marked as [`Cut::FileTruncated`](crate::Cut), so that it can be counted;
    /// it is empty if the cut is between two lines.
    EndFile,
}

impl Compression {
    /// What file names end in, including the dot; nothing for uncompressed files.
    pub fn extension(self) -> &'static str {
        match self {
            Compression::Auto | Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }

    /// What is meant for a file that begins with `magic` (up to four bytes): never `Auto`.
    pub(crate) fn resolve(self, path: &Path, magic: &[u8]) -> Result<Compression> {
        let found = match magic {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            // A skippable frame, which some writers put in front.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
            _ => Compression::None,
        };
        if self != Compression::Auto {
            return Ok(self);
        }
        let named = match path.extension().and_then(|e| e.to_str()) {
            Some("gz" | "gzip") => Compression::Gzip,
            Some("zst" | "zstd") => Compression::Zstd,
            _ => return Ok(found),
        };
        if found == Compression::None && !magic.is_empty() {
            return Err(Error::data(format!(
                "{} is named like a {} file but is none: if it is not compressed, read it with Compression::None",
                path.display(),
                named.name()
            )));
        }
        Ok(found)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Compression::Auto => "automatically recognised",
            Compression::None => "uncompressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// Reads what `from` holds in this compression.
    pub(crate) fn decode(self, from: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Compression::Auto | Compression::None => Box::new(from),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(from)),
            Compression::Zstd => Box::new(zstd::Decoder::new(from)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str, magic: &[u8]) -> Result<Compression> {
        Compression::Auto.resolve(Path::new(name), magic)
    }

    #[test]
    fn the_content_decides_not_the_name() {
        assert_eq!(resolve("a.txt", b"\x1f\x8b\x08\x00").unwrap(), Compression::Gzip);
        assert_eq!(resolve("a", b"\x28\xb5\x2f\xfd").unwrap(), Compression::Zstd);
        assert_eq!(resolve("a.gz", b"").unwrap(), Compression::None);
        assert_eq!(resolve("a.json", b"{\"a\"").unwrap(), Compression::None);
    }

    #[test]
    fn a_misnamed_file_is_an_error_that_names_the_way_out() {
        let error = resolve("a.gz", b"{\"a\"").unwrap_err().to_string();
        assert!(error.contains("a.gz") && error.contains("Compression::None"), "{error}");
    }
}
