//! Which files become one.

use crate::target::folder::{is_hidden, visible};
use dataflow_core::{Error, Result};
use std::fmt;
use std::path::Path;

/// What a compaction is to do. It prints as what a dry run shows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompactPlan {
    /// Folders with files to merge.
    pub folders: Vec<FolderPlan>,
    /// Folders that have small files but are left as they are, and why.
    pub skipped: Vec<(String, String)>,
}

/// What is to be done in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FolderPlan {
    /// The folder, relative to the table; empty for the table's own.
    pub folder: String,
    /// Which files become one, in the order of their names.
    pub merges: Vec<MergePlan>,
    /// How many files stay as they are.
    pub kept: usize,
}

/// Files that become one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergePlan {
    /// Their names.
    pub files: Vec<String>,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Logs of table formats, which name the files of a table: others must not change these.
const TABLE_LOGS: [(&str, &str); 3] =
    [("_delta_log", "Delta Lake"), (".hoodie", "Apache Hudi"), ("metadata", "Apache Iceberg")];

/// Looks at the table in `root` and decides.
pub(crate) fn plan(root: &Path, target_bytes: u64, min_files: usize) -> Result<CompactPlan> {
    for (log, format) in TABLE_LOGS {
        if root.join(log).is_dir() {
            return Err(Error::options(format!(
                "{} belongs to {format} (it has the folder {log}), whose log names the files: compact it with that",
                root.display()
            )));
        }
    }
    let mut plan = CompactPlan::default();
    add_folder(root, "", target_bytes, min_files, &mut plan)?;
    Ok(plan)
}

fn add_folder(root: &Path, folder: &str, target_bytes: u64, min_files: usize, plan: &mut CompactPlan) -> Result<()> {
    let path = root.join(folder);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in visible(&path)? {
        let failed = |e| Error::io(format!("{} cannot be looked at", entry.path().display()), e);
        let name = entry.file_name().into_string().map_err(|name| {
            Error::options(format!("the name {} in {} is not UTF-8: rename it", name.display(), path.display()))
        })?;
        let kind = entry.file_type().map_err(failed)?; // links are not followed: what is behind them is another's
        if kind.is_dir() {
            folders.push(name);
        } else if kind.is_file() && name.ends_with(".parquet") {
            files.push((name, entry.metadata().map_err(failed)?.len()));
        }
    }
    let merges = merges(&files, target_bytes, min_files);
    if !merges.is_empty() {
        match obstacle(&path, &folders)? {
            Some(reason) => plan.skipped.push((folder.to_owned(), reason)),
            None => {
                let merged: usize = merges.iter().map(|merge| merge.files.len()).sum();
                plan.folders.push(FolderPlan { folder: folder.to_owned(), merges, kept: files.len() - merged });
            }
        }
    }
    for name in folders {
        let below = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        add_folder(root, &below, target_bytes, min_files, plan)?;
    }
    Ok(())
}

/// Why a folder cannot be exchanged for another one, if so.
fn obstacle(path: &Path, folders: &[String]) -> Result<Option<String>> {
    if let Some(folder) = folders.first() {
        return Ok(Some(format!("it has files and the folder {folder}, which would have to move with them")));
    }
    let entries = std::fs::read_dir(path).map_err(|e| crate::source::unreadable(path, e))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_hidden(&name) && is_folder && name != crate::target::folder::STAGING {
            return Ok(Some(format!("it has the folder {name}, of another program")));
        }
        if matches!(&name[..], "_metadata" | "_common_metadata") {
            return Ok(Some(format!("{name} names its files: remove that first")));
        }
    }
    Ok(None)
}

/// Puts files that are small together, in the order of their names, up to the target size.
fn merges(files: &[(String, u64)], target_bytes: u64, min_files: usize) -> Vec<MergePlan> {
    let mut merges: Vec<MergePlan> = Vec::new();
    for (name, bytes) in files.iter().filter(|(_, bytes)| *bytes < target_bytes / 4 * 3) {
        match merges.last_mut() {
            Some(last) if last.bytes + bytes <= target_bytes => {
                last.files.push(name.clone());
                last.bytes += bytes;
            }
            _ => merges.push(MergePlan { files: vec![name.clone()], bytes: *bytes }),
        }
    }
    merges.retain(|merge| merge.files.len() >= min_files);
    merges
}

pub(crate) fn shown(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

/// Bytes in a unit that suits a person.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

impl fmt::Display for CompactPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut files, mut merged) = (0, 0);
        for folder in &self.folders {
            writeln!(f, "{}:", shown(&folder.folder))?;
            for merge in &folder.merges {
                files += merge.files.len();
                merged += 1;
                let (first, last) = (merge.files.first(), merge.files.last());
                let (first, last) = (first.map_or("", String::as_str), last.map_or("", String::as_str));
                writeln!(f, "  {} files, {}: {first} to {last} -> 1 file", merge.files.len(), size(merge.bytes))?;
            }
            if folder.kept > 0 {
                writeln!(f, "  {} files stay as they are", folder.kept)?;
            }
        }
        for (folder, reason) in &self.skipped {
            writeln!(f, "{}: left as it is: {reason}", shown(folder))?;
        }
        if files == 0 { f.write_str("nothing to merge\n") } else { writeln!(f, "{files} files -> {merged} files") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_put_together_in_order_up_to_the_target() {
        let sizes = [10, 20, 80, 30, 50, 5, 74, 60];
        let files: Vec<_> = sizes.iter().zip('a'..).map(|(bytes, name)| (name.to_string(), *bytes)).collect();
        let merges = merges(&files, 100, 2);
        let names: Vec<_> = merges.iter().map(|merge| merge.files.concat()).collect();
        assert_eq!(names, ["abd", "ef"], "c is large enough; g and h find no partner");
        assert_eq!(merges[0].bytes, 60);
    }

    #[test]
    fn a_plan_prints_what_would_be_done() {
        let merge = MergePlan { files: vec!["a.parquet".to_owned(), "b.parquet".to_owned()], bytes: 3 << 20 };
        let plan = CompactPlan {
            folders: vec![FolderPlan { folder: "date=2026-01-31".to_owned(), merges: vec![merge], kept: 1 }],
            skipped: vec![(String::new(), "reason".to_owned())],
        };
        let expected = "date=2026-01-31:\n  2 files, 3.0 MiB: a.parquet to b.parquet -> 1 file\n  1 files stay as they \
                        are\n.: left as it is: reason\n2 files -> 1 files\n";
        assert_eq!(plan.to_string(), expected);
    }
}
