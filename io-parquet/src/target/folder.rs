//! A folder that is written to: what is in it, its lock, and what killed runs have left.

use super::{OF_CHECKPOINTS, RunId, WriteMode, not_empty};
use crate::lock::{Attempt, Hold, Lock};
use dataflow_core::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The lock of who writes to a folder, in the folder.
pub(crate) const LOCK: &str = "_writer.lock";

/// Where files wait to be published, in the folder.
pub(crate) const STAGING: &str = "_staging";

/// Whether readers skip a file or folder of this name.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// The entries of `folder` that readers see, by name.
pub(crate) fn visible(folder: &Path) -> Result<Vec<DirEntry>> {
    let failed = |e| Error::io(format!("the folder {} cannot be listed", folder.display()), e);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !is_hidden(&entry.file_name().to_string_lossy()) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// Makes the folder's entries durable.
pub(crate) fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|e| Error::io(format!("the folder {} cannot be synced", folder.display()), e))
}

/// Makes the folder `root`/`below` and all above it that are missing, durably.
pub(crate) fn create(root: &Path, below: &str) -> Result<PathBuf> {
    let mut folder = root.to_owned();
    for name in below.split('/').filter(|name| !name.is_empty()) {
        let parent = folder.clone();
        folder.push(name);
        match fs::create_dir(&folder) {
            Ok(()) => sync(&parent)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(e) => return Err(Error::io(format!("the folder {} cannot be made", folder.display()), e)),
        }
    }
    Ok(folder)
}

/// Makes `target` ready to be written to: it exists, its lock is held, what killed runs have left is gone, and it is
/// empty or may have what it has.
pub(crate) fn prepare(target: &Path, mode: WriteMode, id: &RunId) -> Result<Lock> {
    create_target(target)?;
    let check = || match mode {
        WriteMode::FailIfNotEmpty => check_empty(target),
        WriteMode::Append => Ok(()),
        WriteMode::Overwrite => check_own(target),
    };
    check()?; // before the lock file is made in what may be nobody's target
    let (hold, what) = match mode {
        WriteMode::Append => (Hold::Shared, "appends to it"),
        WriteMode::FailIfNotEmpty => (Hold::Exclusive, "writes to it"),
        WriteMode::Overwrite => (Hold::Exclusive, "overwrites it"),
    };
    let who = format!("process {}, which {what} (run {id})", std::process::id());
    let lock = lock(target, hold, &who)?;
    check()?; // again: another run may have been faster
    remove_leftovers(target);
    Ok(lock)
}

/// As [`prepare`] for a run with checkpoints, which shares the lock with others of its kind: with the next process of the
/// same checkpoints above all. What is there is accepted if the run has been `resumed`.
pub(crate) fn resume(target: &Path, mode: WriteMode, id: &RunId, resumed: bool) -> Result<Lock> {
    create_target(target)?;
    let check = || if resumed || mode == WriteMode::Append { Ok(()) } else { check_empty(target) };
    check()?;
    let who = format!("process {}, which writes to it with checkpoints (run {id})", std::process::id());
    let lock = lock(target, Hold::Shared, &who)?;
    check()?;
    remove_leftovers(target);
    Ok(lock)
}

fn create_target(target: &Path) -> Result<()> {
    let shown = target.display();
    match fs::metadata(target) {
        Ok(there) if !there.is_dir() => {
            let message = "is a file, but a folder is needed: give another path, or remove the file";
            return Err(Error::options(format!("the target {shown} {message}")));
        }
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(Error::io(format!("the target {shown} cannot be looked at"), e)),
    }
    fs::create_dir_all(target).map_err(|e| {
        Error::io(format!("the target folder {shown} cannot be made: check the path and who may write there"), e)
    })?;
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => Ok(()),
    }
}

/// Takes the lock of a target.
pub(crate) fn lock(target: &Path, hold: Hold, who: &str) -> Result<Lock> {
    match Lock::take(&target.join(LOCK), hold, who)? {
        Attempt::Held(lock) => Ok(lock),
        Attempt::Refused(holder) => Err(Error::options(format!(
            "the target {} is in use by {holder}: wait until it has ended, or give another path",
            target.display()
        ))),
    }
}

fn check_empty(target: &Path) -> Result<()> {
    match visible(target)?.first() {
        None => Ok(()),
        Some(found) => Err(not_empty(&target.display().to_string(), &found.file_name().to_string_lossy())),
    }
}

/// What a table has in its folder and in those of its partitions.
#[derive(Default)]
pub(crate) struct Table {
    /// The data files.
    pub(crate) files: Vec<PathBuf>,
    /// The folders of partitions.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Folders that are none of the table's. Nothing in them is: a path may be mistyped.
    foreign: Vec<PathBuf>,
}

impl Table {
    pub(crate) fn scan(root: &Path) -> Result<Self> {
        let mut table = Table::default();
        table.add(root)?;
        Ok(table)
    }

    fn add(&mut self, folder: &Path) -> Result<()> {
        for entry in visible(folder)? {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_folder = entry
                .file_type()
                .map_err(|e| Error::io(format!("{} cannot be looked at", path.display()), e))?
                .is_dir();
            if is_folder && crate::hive::parse(&name).is_some() {
                self.folders.insert(path.clone());
                self.add(&path)?;
            } else if is_folder {
                self.foreign.push(path);
            } else if name.ends_with(".parquet") {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

/// Refuses a folder with more in it than a table.
fn check_own(target: &Path) -> Result<()> {
    match Table::scan(target)?.foreign.first() {
        None => Ok(()),
        Some(folder) => Err(Error::options(format!(
            "{} is no partition of a table, so it is not removed, nor is anything else: remove it yourself, or give \
             another path",
            folder.display()
        ))),
    }
}

/// Removes those of the folders that are empty. No other run must write to them.
pub(crate) fn remove_empty(folders: &BTreeSet<PathBuf>) {
    for folder in folders.iter().rev() {
        _ = fs::remove_dir(folder); // which fails for those that are not
    }
}

/// Begins the staging folder of a run; its lock says that the run is alive.
pub(crate) fn begin_staging(target: &Path, id: &str, who: &str) -> Result<Lock> {
    let lock = loop {
        let staging = create(target, STAGING)?;
        match Lock::take(&staging.join(format!("{id}.lock")), Hold::Exclusive, who) {
            Err(_) if !staging.exists() => {} // another run has ended right now and removed it, empty as it was
            other => break other?,
        }
    };
    match lock {
        Attempt::Held(lock) => {
            create(&target.join(STAGING), id)?;
            Ok(lock)
        }
        Attempt::Refused(holder) => Err(Error::internal(format!("run {id} exists twice: {holder}"))),
    }
}

/// Ends what [`begin_staging`] began.
pub(crate) fn end_staging(target: &Path, id: &str, lock: Lock) {
    let staging = target.join(STAGING);
    // What cannot be removed now is removed when the next run begins.
    _ = fs::remove_dir_all(staging.join(id));
    lock.remove();
    _ = fs::remove_dir(staging); // unless another run uses it
}

/// Ends the staging folder of checkpoints that have come to their end: nobody needs it any more.
pub(crate) fn end_durable_staging(target: &Path, id: &str) {
    let staging = target.join(STAGING);
    _ = fs::remove_dir_all(staging.join(id));
    _ = fs::remove_dir(staging);
}

/// Removes what runs have left that are no longer alive, unless their checkpoints may name it. A lock of the target must be held.
pub(crate) fn remove_leftovers(target: &Path) {
    remove_built_beside(target);
    let staging = target.join(STAGING);
    let Ok(entries) = fs::read_dir(&staging) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.strip_suffix(".lock").unwrap_or(&name);
        if id.starts_with(OF_CHECKPOINTS) {
            continue;
        }
        // A folder is made after its lock file and removed before it, so the lock tells whether its run is alive.
        if let Ok(Attempt::Held(lock)) = Lock::take(&staging.join(format!("{id}.lock")), Hold::Exclusive, "a clean-up")
        {
            _ = fs::remove_dir_all(staging.join(id));
            lock.remove();
        }
    }
    _ = fs::remove_dir(staging);
}

/// Where a folder is built that is to take the place of `target` itself.
pub(crate) fn beside(target: &Path, id: &str) -> Option<PathBuf> {
    let name = target.file_name()?.to_str()?;
    Some(target.parent()?.join(format!("_{name}.compact-{id}")))
}

/// Removes what killed compactions have left beside the target. They hold its lock alone, so none is alive.
fn remove_built_beside(target: &Path) {
    let Ok(target) = target.canonicalize() else { return };
    let Some(pattern) = beside(&target, "") else { return };
    let (Some(parent), Some(prefix)) = (pattern.parent(), pattern.file_name()) else { return };
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
}
