//! A folder of the local file system as a target.
//!
//! Files are written in `_staging/{run}/`, synced, and renamed to their place when they are complete: readers, who skip
//! names that begin with `_`, see whole files or none.

use super::folder::{self, STAGING};
use super::{Run, RunId, Sealed, Target, TargetFile, WriteMode};
use crate::lock::Lock;
use dataflow_core::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A run that writes to a folder.
pub(crate) struct LocalTarget {
    root: PathBuf,
    id: String,
    run: Run,
    // Dropped last to first: the target stays locked until nothing of the run is left.
    locks: Mutex<Option<(Lock, Lock)>>,
}

impl LocalTarget {
    pub(crate) fn prepare(root: &Path, mode: WriteMode) -> Result<Self> {
        let id = RunId::new();
        let target_lock = folder::prepare(root, mode, &id)?;
        let name = id.to_string();
        let staging_lock = folder::begin_staging(root, &name, &format!("run {id}"))?;
        let locks = Mutex::new(Some((staging_lock, target_lock)));
        Ok(LocalTarget { root: root.to_owned(), id: name, run: Run::new(id), locks })
    }

    fn end(&self) {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (staging_lock, target_lock) = locks.unzip();
        folder::end_staging(&self.root, &self.id, staging_lock);
        if let Some(lock) = target_lock {
            lock.remove();
        }
    }
}

impl Target for LocalTarget {
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn TargetFile>> {
        let staged = format!("{STAGING}/{}/{name}", self.id);
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let absolute = self.root.join(&staged);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&absolute)
            .map_err(|e| Error::io(format!("the file {} cannot be made", absolute.display()), e))?;
        Ok(Box::new(LocalFile { file, absolute, staged, path, bytes: 0, sealed: false }))
    }

    fn publish(&self, file: &Sealed) -> Result<()> {
        let (from, to) = (self.root.join(&file.staged), self.root.join(&file.path));
        let parent = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let parent = folder::create(&self.root, parent)?;
        match rename(&from, &to) {
            Ok(()) => folder::sync(&parent),
            // Published before: by the run that wrote it, or by one that took it over.
            Err(e) if e.kind() == ErrorKind::NotFound && to.exists() => Ok(()),
            Err(e) => Err(Error::io(format!("{} cannot be renamed to {}", from.display(), to.display()), e)),
        }
    }

    fn has(&self, file: &Sealed) -> Result<bool> {
        Ok(self.root.join(&file.staged).exists() || self.root.join(&file.path).exists())
    }

    fn show(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    fn finish(&self) -> Result<()> {
        self.end();
        Ok(())
    }

    fn abort(&self) {
        self.end();
    }

    fn run(&self) -> &Run {
        &self.run
    }
}

/// Renames without replacing what is there, where the file system can tell.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(from, to), // the name is unique anyway
        other => other.map_err(io::Error::from),
    }
}

struct LocalFile {
    file: File,
    absolute: PathBuf,
    staged: String,
    path: String,
    bytes: u64,
    sealed: bool,
}

impl Write for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TargetFile for LocalFile {
    fn seal(&mut self) -> Result<Sealed> {
        self.file
            .sync_all()
            .map_err(|e| Error::io(format!("the file {} cannot be synced", self.absolute.display()), e))?;
        self.sealed = true;
        Ok(Sealed { staged: self.staged.clone(), path: self.path.clone(), rows: 0, bytes: self.bytes })
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if !self.sealed {
            _ = fs::remove_file(&self.absolute); // else it goes with the staging folder
        }
    }
}
