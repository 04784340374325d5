//! Exchanges a folder for another one in one step.

use crate::target::folder::sync;
use dataflow_core::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let failed = |e| Error::io(format!("the folder {} cannot be listed", folder.display()), e);
    fs::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.file_name())).collect()
}

/// Exchanges `old`, which has the entries `known`, for `new`, durably; `new` is then the path of what was old.
pub(crate) fn exchange(old: &Path, new: &Path, known: &BTreeSet<OsString>) -> Result<()> {
    renameat_with(CWD, old, CWD, new, RenameFlags::EXCHANGE).map_err(|e| {
        let message = "cannot be exchanged for its merged one: the file system must know renameat2 with \
                       RENAME_EXCHANGE (ext4, xfs, btrfs and tmpfs do), and the folder must be no mount point";
        Error::io(format!("the folder {} {message}", old.display()), std::io::Error::from(e))
    })?;
    for folder in [old.parent(), new.parent()].into_iter().flatten() {
        sync(folder)?;
    }
    // What somebody without the lock has put into the old folder since it was listed.
    let (old, new) = (new, old);
    for name in names(old)?.difference(known) {
        fs::rename(old.join(name), new.join(name))
            .map_err(|e| Error::io(format!("{} cannot be moved to {}", old.join(name).display(), new.display()), e))?;
    }
    Ok(())
}
