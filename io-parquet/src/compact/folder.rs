//! Compacts one folder.

use super::merge::{Merge, Merged};
use super::plan::FolderPlan;
use super::swap::{exchange, names};
use crate::file_options::FileOptions;
use crate::lock::Lock;
use crate::target::RunId;
use crate::target::folder::{self, LOCK, STAGING};
use dataflow_core::{Error, Result};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Does what the plan says. Gives the reason if the folder has to be left as it is.
pub(crate) fn compact(
    root: &Path,
    plan: &FolderPlan,
    files: &FileOptions,
    id: &RunId,
    lock: &Lock,
) -> Result<Result<Vec<Merged>, String>> {
    let old = root.join(&plan.folder);
    let known = names(&old)?;
    let mut merges = Vec::new();
    for merge in &plan.merges {
        let paths: Vec<PathBuf> = merge.files.iter().map(|name| old.join(name)).collect();
        match Merge::open(&paths)? {
            Ok(merge) => merges.push(merge),
            Err(reason) => return Ok(Err(reason)),
        }
    }
    let new = build_folder(root, plan, id)?;
    let built = build(&old, &new, plan, &merges, files, id);
    let built = built.and_then(|merged| {
        if plan.folder.is_empty() {
            lock.also_at(&new.join(LOCK)).map_err(|e| failed(&new, e))?;
        }
        folder::sync(&new)?;
        exchange(&old, &new, &known)?;
        Ok(merged)
    });
    // The new folder if it failed, the old one if it did not. Else left for the next run to remove.
    _ = fs::remove_dir_all(&new);
    built.map(Ok)
}

/// Makes the folder in which the new one is built: on the same file system, but where no reader looks. It must be new:
/// whatever is in it becomes part of the table.
fn build_folder(root: &Path, plan: &FolderPlan, id: &RunId) -> Result<PathBuf> {
    let new = if plan.folder.is_empty() {
        // A folder cannot be exchanged for one inside of it.
        folder::beside(root, &id.to_string())
            .ok_or_else(|| Error::options(format!("{} cannot be compacted: it has no parent folder", root.display())))?
    } else {
        let name = plan.folder.replace('%', "%25").replace('/', "%2F");
        folder::create(root, &format!("{STAGING}/compact-{id}"))?.join(name)
    };
    fs::create_dir(&new).map_err(|e| {
        let message = "cannot be made, in which the merged files are to be written";
        Error::io(format!("the folder {} {message}", new.display()), e)
    })?;
    Ok(new)
}

fn build(
    old: &Path,
    new: &Path,
    plan: &FolderPlan,
    merges: &[Merge],
    files: &FileOptions,
    id: &RunId,
) -> Result<Vec<Merged>> {
    let meta = fs::metadata(old).map_err(|e| failed(old, e))?;
    fs::set_permissions(new, meta.permissions()).map_err(|e| failed(new, e))?;
    _ = chown(new, Some(meta.uid()), Some(meta.gid())); // only root may, and for others it is theirs already
    let mut merged = Vec::with_capacity(merges.len());
    for (n, merge) in merges.iter().enumerate() {
        // A name that no file had: a reader that has listed the old folder must not find another file by an old name.
        merged.push(merge.write(&new.join(format!("part-{id}-merged-{n:05}.parquet")), files.properties()?)?);
    }
    let is_merged = |name: &str| plan.merges.iter().any(|merge| merge.files.iter().any(|file| file == name));
    for name in names(old)? {
        let is_gone = name.to_str().is_some_and(|name| is_merged(name) || name == LOCK || name == STAGING);
        if !is_gone {
            fs::hard_link(old.join(&name), new.join(&name)).map_err(|e| failed(&old.join(&name), e))?;
        }
    }
    Ok(merged)
}

fn failed(path: &Path, e: std::io::Error) -> Error {
    Error::io(format!("{} cannot be prepared for the exchange", path.display()), e)
}
