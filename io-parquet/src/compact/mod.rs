//! Merges small files.
//!
//! Each partition's small files become few large ones, in a new folder beside the old one; then the two folders are
//! exchanged in one step of the file system (`renameat2` with `RENAME_EXCHANGE`). So a reader that lists the folder
//! once sees each row once, before or after. One that has listed before the exchange and opens a file after it is told
//! that the file is not there; it never gets wrong rows.

mod folder;
mod merge;
mod plan;
mod swap;

pub use plan::{CompactPlan, FolderPlan, MergePlan};

use crate::Compression;
use crate::file_options::FileOptions;
use crate::lock::Hold;
use crate::target::{RunId, folder as target_folder};
use dataflow_core::{Error, Result};
use std::fmt;
use std::path::{Path, PathBuf};

/// What [`compact`] is to do.
#[derive(Clone, Debug)]
pub struct CompactOptions {
    path: PathBuf,
    target_bytes: u64,
    min_files: usize,
    dry_run: bool,
    files: FileOptions,
}

impl CompactOptions {
    /// Merges the small files of the table in the folder `path` and in its partitions.
    pub fn new(path: impl AsRef<Path>) -> Self {
        CompactOptions {
            path: path.as_ref().to_owned(),
            target_bytes: 128 << 20,
            min_files: 2,
            dry_run: false,
            files: FileOptions::default(),
        }
    }

    /// How large, in bytes, merged files are to be; 128 MiB by default. Files of three quarters of that stay as they
    /// are.
    #[must_use]
    pub fn target_bytes(mut self, bytes: u64) -> Self {
        self.target_bytes = bytes.max(1);
        self
    }

    /// How many files there must be at least to become one; 2 by default.
    #[must_use]
    pub fn min_files(mut self, files: usize) -> Self {
        self.min_files = files.max(2);
        self
    }

    /// Whether only to say what would be done; no by default.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// The codec of merged files; [`Compression::Zstd`] at level 1 by default.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.files.compression = compression;
        self
    }
}

/// What [`compact`] has done.
#[derive(Clone, Debug)]
pub struct CompactReport {
    /// What was to be done.
    pub plan: CompactPlan,
    /// Whether that is all: nothing was done.
    pub dry_run: bool,
    /// How many files were merged.
    pub files_before: usize,
    /// How many files they became.
    pub files_after: usize,
    /// The size of the files that were merged, in bytes.
    pub bytes_before: u64,
    /// The size of what they became, in bytes.
    pub bytes_after: u64,
    /// How many rows were moved.
    pub rows: u64,
    /// Folders that were left as they are after all, and why.
    pub skipped: Vec<(String, String)>,
}

/// Merges the small files of a table on a local path, partition by partition, and removes what an earlier compaction
/// that was killed has left.
///
/// Rows keep their order within a folder's merged files. Columns that some files of a folder lack are NULL in the rows
/// of these. Memory is bounded: about a row group and its encoded form.
///
/// ```
/// use io_parquet::{CompactOptions, compact};
/// # let dir = tempfile::tempdir().unwrap();
/// # let lake = dir.path();
/// let report = compact(&CompactOptions::new(lake).dry_run(true))?;
/// assert_eq!(report.plan.to_string(), "nothing to merge\n");
/// # Ok::<(), dataflow_core::Error>(())
/// ```
///
/// # Errors
/// - The folder is being written to, by a sink or another compaction: the message says by whom.
/// - It is in an object store: objects cannot be exchanged for others in one step, so a reader that lists while they
///   are replaced would see rows twice or not at all.
/// - It belongs to a table format with a log of its own (Delta Lake, Hudi, Iceberg).
/// - Files cannot be read or written. What is done by then stays done, and each folder is either done or untouched.
pub fn compact(options: &CompactOptions) -> Result<CompactReport> {
    refuse_object_store(&options.path)?;
    options.files.properties()?;
    let root = options
        .path
        .canonicalize()
        .map_err(|e| crate::source::unreadable(&options.path, e))
        .and_then(|root| if root.is_dir() { Ok(root) } else { Err(not_a_folder(&root)) })?;
    if options.dry_run {
        let plan = plan::plan(&root, options.target_bytes, options.min_files)?;
        return Ok(CompactReport::of(plan, true));
    }
    let id = RunId::new();
    let who = format!("process {}, which compacts it (run {id})", std::process::id());
    let lock = target_folder::lock(&root, Hold::Exclusive, &who)?;
    target_folder::remove_leftovers(&root);
    let plan = plan::plan(&root, options.target_bytes, options.min_files)?;
    let mut report = CompactReport::of(plan, false);
    for folder in &report.plan.folders {
        let before = &folder.merges;
        match folder::compact(&root, folder, &options.files, &id, &lock)? {
            Ok(merged) => {
                report.files_before += before.iter().map(|merge| merge.files.len()).sum::<usize>();
                report.bytes_before += before.iter().map(|merge| merge.bytes).sum::<u64>();
                report.files_after += merged.len();
                report.bytes_after += merged.iter().map(|file| file.bytes).sum::<u64>();
                report.rows += merged.iter().map(|file| file.rows).sum::<u64>();
            }
            Err(reason) => report.skipped.push((folder.folder.clone(), reason)),
        }
    }
    target_folder::remove_leftovers(&root);
    lock.remove();
    Ok(report)
}

fn refuse_object_store(path: &Path) -> Result<()> {
    match path.to_str() {
        Some(url) if url.contains("://") => Err(Error::options(format!(
            "{url} cannot be compacted: in an object store, files cannot be exchanged for others in one step, so a \
             reader that lists them meanwhile would see rows twice or not at all. Write larger files instead \
             (roll_bytes, roll_age), or compact a local copy"
        ))),
        _ => Ok(()),
    }
}

fn not_a_folder(path: &Path) -> Error {
    Error::options(format!("{} is a file: give the folder of a table", path.display()))
}

impl CompactReport {
    fn of(plan: CompactPlan, dry_run: bool) -> Self {
        CompactReport {
            plan,
            dry_run,
            files_before: 0,
            files_after: 0,
            bytes_before: 0,
            bytes_after: 0,
            rows: 0,
            skipped: Vec::new(),
        }
    }
}

impl fmt::Display for CompactReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            write!(f, "{}", self.plan)?;
            return f.write_str("dry run: nothing was changed\n");
        }
        for (folder, reason) in self.plan.skipped.iter().chain(&self.skipped) {
            writeln!(f, "{}: left as it is: {reason}", plan::shown(folder))?;
        }
        writeln!(
            f,
            "{} files ({}) became {} ({}), {} rows",
            self.files_before,
            plan::size(self.bytes_before),
            self.files_after,
            plan::size(self.bytes_after),
            self.rows
        )
    }
}
