//! Merges small files of the lake.

use anyhow::{Result, bail};

use super::options::CompactOptions;

/// Merges small files of `events/` and `metrics/`, or says what would be merged.
///
/// # Errors
///
/// If the files cannot be read or written, or somebody else writes to the lake.
pub fn compact(_: &CompactOptions) -> Result<()> {
    bail!("compaction is not there yet")
}
