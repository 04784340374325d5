//! A folder of the local file system.
//!
//! A file is written under a name of its own in `tmp`, synced, and then renamed without replacing, or linked where the
//! file system cannot do that: whoever is second learns it, and readers see whole files or none. Then its folder is
//! synced. Others than the owner can read nothing: state and outputs are the users' data.

use super::{Created, Listed, Store, check_name};
use dataflow_core::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const TMP: &str = "tmp";

/// A folder. It must not be on a file system that forgets what was synced.
///
/// ```
/// use dataflow_checkpoint::{Created, LocalStore, Store};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let folder = dir.path().join("checkpoints");
/// let store = LocalStore::open(&folder)?;
/// assert_eq!(store.create("manifests/1", b"mine")?, Created::Written);
/// assert_eq!(store.create("manifests/1", b"yours")?, Created::Exists);
/// assert_eq!(store.read("manifests/1", 100)?.as_deref(), Some(&b"mine"[..]));
/// # Ok::<(), dataflow_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    /// What the names of files are told apart by while they are written.
    attempt: crate::AttemptId,
    next: AtomicU64,
}

impl LocalStore {
    /// The folder `root`, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root: PathBuf = root.into();
        // Absolute: above a relative path of one name there would be a folder without a name.
        let root = std::path::absolute(&root)
            .map_err(|e| Error::io(format!("the folder {} cannot be found", root.display()), e))?;
        let mut missing: Vec<&Path> = root.ancestors().take_while(|folder| !folder.exists()).collect();
        while let Some(folder) = missing.pop() {
            make_folder(folder)?;
        }
        make_folder(&root.join(TMP))?;
        Ok(LocalStore { root, attempt: crate::AttemptId::random(), next: AtomicU64::new(0) })
    }

    fn at(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.root.join(name))
    }

    fn write_temporary(&self, bytes: &[u8]) -> Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(TMP).join(format!("{}-{number}", self.attempt));
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match options.open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                make_folder(&self.root.join(TMP))?;
                options.open(&path)
            }
            opened => opened,
        }
        .map_err(|e| Error::io(format!("the file {} cannot be made", path.display()), e))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|e| {
            _ = fs::remove_file(&path); // there is an error already
            Error::io(format!("the file {} cannot be written: is the disk full?", path.display()), e)
        })?;
        Ok(path)
    }

    fn walk(&self, folder: &Path, name: &str, found: &mut Vec<Listed>) -> Result<()> {
        let failed = |e| Error::io(format!("the folder {} cannot be listed", folder.display()), e);
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(below) = entry.file_name().into_string() else { continue };
            let name = format!("{name}/{below}");
            let metadata = match entry.metadata() {
                Err(e) if e.kind() == ErrorKind::NotFound => continue, // removed meanwhile
                metadata => metadata.map_err(failed)?,
            };
            if metadata.is_dir() {
                self.walk(&entry.path(), &name, found)?;
            } else if check_name(&name).is_ok() {
                let modified = metadata.modified().map_err(failed)?;
                found.push(Listed { name, bytes: metadata.len(), modified });
            }
        }
        Ok(())
    }
}

impl Store for LocalStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        let path = self.at(name)?;
        let folder = path.parent().unwrap_or(&self.root);
        let temporary = self.write_temporary(bytes)?;
        make_folders(&self.root, folder)?;
        let published = publish(&temporary, &path);
        if !matches!(published, Ok(true)) {
            _ = fs::remove_file(&temporary); // else it goes with the remains
        }
        let published = published.map_err(|e| {
            let message = "cannot be made: the file system must be able to rename without replacing, or to link";
            Error::io(format!("the file {} {message}", path.display()), e)
        })?;
        // Also if it was there: who wrote it may not have come to this, and it is relied upon from now on.
        sync(folder)?;
        Ok(if published { Created::Written } else { Created::Exists })
    }

    fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let path = self.at(name)?;
        let failed = |e| Error::io(format!("{} cannot be read", path.display()), e);
        let file = match File::open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let length = file.metadata().map_err(failed)?.len();
        if length > max_bytes {
            return Err(too_long(&self.path(name), length, max_bytes));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(max_bytes).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut found = Vec::new();
        self.walk(&self.at(folder)?, folder, &mut found)?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.at(name)?;
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Error::io(format!("{} cannot be removed", path.display()), e));
            }
            _ => {}
        }
        // The folder of an attempt goes with its last file; one that is not empty stays.
        if let Some(folder) = path.parent().filter(|folder| folder.parent() != Some(&self.root)) {
            _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    fn delete_remains(&self, before: SystemTime) -> Result<usize> {
        let remains = self.list(TMP)?.into_iter().filter(|file| file.modified < before);
        remains.map(|file| self.delete(&file.name)).try_fold(0, |n, deleted| deleted.map(|()| n + 1))
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }
}

pub(super) fn too_long(path: &str, length: u64, max_bytes: u64) -> Error {
    Error::data(format!("{path} is corrupt: it has {length} bytes, and {max_bytes} are the most it may have"))
}

/// Gives a file its name. False if another one has it.
fn publish(from: &Path, to: &Path) -> io::Result<bool> {
    let rename = || renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    let renamed = match rename() {
        // The folder was empty and somebody swept it away.
        Err(Errno::NOENT) => {
            to.parent().map_or(Ok(()), |folder| DirBuilder::new().recursive(true).mode(0o700).create(folder))?;
            rename()
        }
        renamed => renamed,
    };
    match renamed {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from).map(|()| true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e),
        },
        Err(e) => Err(e.into()),
    }
}

/// Makes the folders below `root` down to `folder`, durably.
fn make_folders(root: &Path, folder: &Path) -> Result<()> {
    if folder.is_dir() || folder == root {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folders(root, parent)?;
    }
    make_folder(folder)
}

fn make_folder(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) => Err(Error::io(
            format!("the folder {} cannot be made: check the path and who may write there", folder.display()),
            e,
        )),
        Ok(()) => match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
            _ => sync(Path::new(".")),
        },
    }
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::io(format!("the folder {} cannot be synced", folder.display()), e))
}
