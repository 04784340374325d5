//! Merges small files of the lake.

use anyhow::{Result, ensure};
use dataflow::parquet;

use super::options::CompactOptions;
use super::output;
use super::pipeline::{EVENTS, METRICS};

/// Merges small files of `events/` and `metrics/`, or says what would be merged.
///
/// # Errors
///
/// If there is no lake, files cannot be read or written, or somebody else writes to the lake.
pub fn compact(options: &CompactOptions) -> Result<()> {
    for table in [EVENTS, METRICS] {
        let folder = options.lake.out_dir.join(table);
        ensure!(folder.is_dir(), "there is no table {}: run `lake` first, or name another --out-dir", folder.display());
        let compaction =
            parquet::CompactOptions::new(&folder).target_bytes(options.target_size.0).dry_run(options.dry_run);
        let report = parquet::compact(&compaction)?;
        output::print(format!("{}:\n{report}", folder.display()).as_bytes())?;
    }
    Ok(())
}
