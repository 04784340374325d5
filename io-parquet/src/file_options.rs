//! How Parquet files are written: codec, row groups, dictionaries, statistics.

use dataflow_core::{Error, Result};
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// The codec of the pages of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// None.
    None,
    /// Snappy: fast, larger files.
    Snappy,
    /// Gzip at level 6: slow, read by everything.
    Gzip,
    /// Zstandard at a level from 1 (the default: about as fast as Snappy, smaller files) to 22.
    Zstd(i32),
}

impl Default for Compression {
    fn default() -> Self {
        Compression::Zstd(1)
    }
}

/// What is known of the values in a file without reading them: readers use it to skip parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Statistics {
    /// Nothing.
    None,
    /// Minimum, maximum and the number of NULLs for each column of a row group.
    RowGroup,
    /// The same, and for each page.
    #[default]
    Page,
}

/// How files are written.
#[derive(Clone, Debug)]
pub(crate) struct FileOptions {
    pub(crate) compression: Compression,
    pub(crate) dictionary: bool,
    pub(crate) statistics: Statistics,
    pub(crate) row_group_rows: usize,
    pub(crate) row_group_bytes: usize,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions {
            compression: Compression::default(),
            dictionary: true,
            statistics: Statistics::default(),
            row_group_rows: 1 << 20,
            row_group_bytes: 64 << 20,
        }
    }
}

impl FileOptions {
    /// The settings for the Parquet writer.
    ///
    /// # Errors
    /// If one is out of range.
    pub(crate) fn properties(&self) -> Result<WriterProperties> {
        if self.row_group_rows == 0 || self.row_group_bytes == 0 {
            return Err(Error::options("a row group needs at least one row and one byte"));
        }
        let codec = match self.compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Gzip => Codec::GZIP(GzipLevel::default()),
            Compression::Zstd(level) => Codec::ZSTD(
                ZstdLevel::try_new(level)
                    .map_err(|_| Error::options(format!("zstd has the levels 1 to 22, not {level}")))?,
            ),
        };
        let statistics = match self.statistics {
            Statistics::None => EnabledStatistics::None,
            Statistics::RowGroup => EnabledStatistics::Chunk,
            Statistics::Page => EnabledStatistics::Page,
        };
        Ok(WriterProperties::builder()
            .set_created_by(concat!("dataflow ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(codec)
            .set_dictionary_enabled(self.dictionary)
            .set_statistics_enabled(statistics)
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .set_max_row_group_bytes(Some(self.row_group_bytes))
            .build())
    }
}
