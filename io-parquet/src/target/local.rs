//! A folder of the local file system as a target.
//!
//! Files are written in `_staging/{run}/`, synced, and renamed to their place when they are complete: readers, who skip
//! names that begin with `_`, see whole files or none. When the target is overwritten, that waits for the end of the run.
//! A run with checkpoints stages in `_staging/checkpoints-{name}/`, and renames when a checkpoint has the file.

use super::folder::{self, STAGING, Table};
use super::{Run, RunId, Sealed, Target, TargetFile, WriteMode, cannot_overwrite, durable_folder};
use crate::lock::Lock;
use dataflow_core::{DurableRun, Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A run that writes to a folder.
pub(crate) struct LocalTarget {
    root: PathBuf,
    id: String,
    mode: WriteMode,
    run: Run,
    files: Mutex<Files>,
    // Dropped last to first: the target stays locked until nothing of the run is left. A run with checkpoints has no lock of
    // its staging folder: its next process must not wait for it.
    locks: Mutex<Option<(Option<Lock>, Lock)>>,
    /// The run has checkpoints.
    durable: bool,
}

/// The files of a run.
#[derive(Default)]
struct Files {
    /// Those that wait for the end of the run, by path: where they are staged.
    waiting: BTreeMap<String, String>,
    /// Those that are seen, by path.
    seen: BTreeSet<String>,
    /// Folders with names that are not durable yet.
    unsynced: BTreeSet<PathBuf>,
    /// What earlier processes of the same checkpoints have left: where it is staged.
    left: BTreeSet<PathBuf>,
    /// Files in the staging folder that say which files that the last checkpoint names are published: readers and
    /// compactions may take those away.
    marks: BTreeSet<PathBuf>,
    /// The same of files that it does not name any more.
    old_marks: BTreeSet<PathBuf>,
}

impl LocalTarget {
    pub(crate) fn prepare(root: &Path, mode: WriteMode) -> Result<Self> {
        let id = RunId::new();
        let target_lock = folder::prepare(root, mode, &id)?;
        let name = id.to_string();
        let staging_lock = folder::begin_staging(root, &name, &format!("run {id}"))?;
        let locks = Mutex::new(Some((Some(staging_lock), target_lock)));
        Ok(LocalTarget {
            root: root.to_owned(),
            id: name,
            mode,
            run: Run::new(id, mode),
            files: Mutex::default(),
            locks,
            durable: false,
        })
    }

    /// A run with checkpoints. Its processes share the lock of the target: which of them may publish, their checkpoints
    /// decide.
    pub(crate) fn resume(root: &Path, mode: WriteMode, run: &DurableRun) -> Result<Self> {
        if mode == WriteMode::Overwrite {
            return Err(cannot_overwrite(&root.display().to_string()));
        }
        let id = RunId::new();
        let target_lock = folder::resume(root, mode, &id, run.resumed)?;
        let name = durable_folder(run);
        let folder = folder::create(root, &format!("{STAGING}/{name}"))?;
        let failed = |e| Error::io(format!("the folder {} cannot be listed", folder.display()), e);
        let mut left = BTreeSet::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            left.insert(entry.map_err(failed)?.path());
        }
        Ok(LocalTarget {
            root: root.to_owned(),
            id: name,
            mode,
            run: Run::new(id, mode).durable(),
            files: Mutex::new(Files { left, ..Files::default() }),
            locks: Mutex::new(Some((None, target_lock))),
            durable: true,
        })
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staging(&self) -> PathBuf {
        self.root.join(STAGING).join(&self.id)
    }

    /// The file that says that one has been published in a run with checkpoints.
    fn mark(&self, staged: &str) -> PathBuf {
        self.root.join(format!("{staged}.published"))
    }

    /// Moves a file to its place. False if it is there already.
    fn show_file(&self, staged: &str, path: &str) -> Result<bool> {
        let (from, to) = (self.root.join(staged), self.root.join(path));
        folder::create(&self.root, parent(path))?;
        match rename(&from, &to) {
            Ok(()) => Ok(true),
            // Published before: by the run that wrote it, or by one that took it over.
            Err(e) if e.kind() == ErrorKind::NotFound && (to.exists() || self.mark(staged).exists()) => Ok(false),
            Err(e) => Err(cannot_rename(&from, &to, e)),
        }
    }

    /// Puts what has waited in the place of what is there.
    fn replace(&self) -> Result<()> {
        let waiting = std::mem::take(&mut self.files().waiting);
        let table = Table::scan(&self.root)?;
        let mut moved = Vec::new();
        let replaced = self.move_all(&waiting, &table, &mut moved);
        let Err(error) = replaced else {
            folder::remove_empty(&table.folders);
            return Ok(());
        };
        for (from, to) in moved.iter().rev() {
            if let Err(e) = rename(to, from) {
                // Without its locks: so that what is there can be saved by hand.
                *self.locks.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let message = format!(
                    "{error}; and old files cannot be put back: {e}. Save what is in {} before anything is written here",
                    self.staging().display()
                );
                return Err(Error::new(error.kind(), message).caused_by(error));
            }
        }
        folder::remove_empty(&(&self.parents(waiting.keys()) - &table.folders));
        Err(Error::new(error.kind(), format!("{error}; the old data is left as it was")).caused_by(error))
    }

    /// Moves the old files away and then the new ones to their places, and says what it has moved.
    fn move_all(
        &self,
        waiting: &BTreeMap<String, String>,
        table: &Table,
        moved: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<()> {
        // What can fail for want of room or rights comes first.
        for path in waiting.keys() {
            folder::create(&self.root, parent(path))?;
        }
        let mut folders = BTreeSet::new();
        // One that is waited for has been published before.
        let new: BTreeSet<PathBuf> = waiting.keys().map(|path| self.root.join(path)).collect();
        for (n, from) in table.files.iter().filter(|path| !new.contains(*path)).enumerate() {
            // Moved, not removed, as long as it may have to be put back.
            let to = self.staging().join(format!("old-{n}"));
            rename(from, &to).map_err(|e| cannot_rename(from, &to, e))?;
            moved.push((from.clone(), to));
            folders.extend(from.parent().map(Path::to_owned));
        }
        // So that old and new files are not there together when the power fails, either.
        sync_all(std::mem::take(&mut folders))?;
        for (path, staged) in waiting {
            if self.show_file(staged, path)? {
                moved.push((self.root.join(staged), self.root.join(path)));
            }
            folders.insert(self.root.join(parent(path)));
        }
        sync_all(folders)
    }

    /// Removes what was seen before the run failed.
    fn take_back(&self) {
        if self.durable {
            return; // a checkpoint has it
        }
        let seen = std::mem::take(&mut self.files().seen);
        for path in &seen {
            _ = fs::remove_file(self.root.join(path)); // there is an error already
        }
        // Others that append may be about to use a folder.
        if self.mode != WriteMode::Append {
            folder::remove_empty(&self.parents(seen.iter()));
        }
    }

    /// All folders that the files are in, below the target.
    fn parents<'a>(&self, files: impl Iterator<Item = &'a String>) -> BTreeSet<PathBuf> {
        files.flat_map(|path| path.match_indices('/').map(|(end, _)| self.root.join(&path[..end]))).collect()
    }

    /// Removes what was needed beside the files, unless a checkpoint may name it or another process use it.
    fn end(&self, well: bool) {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((staging_lock, target_lock)) = locks else { return };
        match staging_lock {
            Some(lock) => folder::end_staging(&self.root, &self.id, lock),
            None if well => folder::end_durable_staging(&self.root, &self.id),
            None => {}
        }
        target_lock.remove();
    }
}

impl Target for LocalTarget {
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn TargetFile>> {
        let staged = format!("{STAGING}/{}/{name}", self.id);
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let absolute = self.root.join(&staged);
        let open = || File::options().write(true).create_new(true).open(&absolute);
        let file = match open() {
            // An earlier process of the same checkpoints has ended right now and removed it, empty as it was.
            Err(e) if e.kind() == ErrorKind::NotFound && self.durable => {
                folder::create(&self.root, parent(&staged))?;
                open()
            }
            opened => opened,
        };
        let file = file.map_err(|e| Error::io(format!("the file {} cannot be made", absolute.display()), e))?;
        Ok(Box::new(LocalFile { file, absolute, staged, path, bytes: 0, sealed: false }))
    }

    fn waits(&self) -> bool {
        self.durable || self.mode == WriteMode::Overwrite
    }

    fn publish(&self, file: &Sealed) -> Result<()> {
        if self.mode == WriteMode::Overwrite {
            self.files().waiting.insert(file.path.clone(), file.staged.clone());
            return Ok(());
        }
        remove_all(&mut self.files().old_marks);
        if self.durable {
            // Before it is moved: with the mark it is published as soon as it is not staged any more.
            let mark = self.mark(&file.staged);
            File::create(&mark).map_err(|e| Error::io(format!("the file {} cannot be made", mark.display()), e))?;
            self.files().marks.insert(mark);
        }
        let is_new = self.show_file(&file.staged, &file.path)?;
        let mut files = self.files();
        if is_new {
            files.seen.insert(file.path.clone());
        }
        files.unsynced.insert(self.root.join(parent(&file.path)));
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        // That of a run with checkpoints is removed by an earlier process while nothing is in there.
        if !self.durable || self.staging().exists() {
            folder::sync(&self.staging())?;
        }
        let folders = std::mem::take(&mut self.files().unsynced);
        sync_all(folders)
    }

    fn has(&self, file: &Sealed) -> Result<bool> {
        let (staged, path, mark) = (self.root.join(&file.staged), self.root.join(&file.path), self.mark(&file.staged));
        let mut files = self.files();
        files.left.remove(&staged);
        files.left.remove(&mark);
        Ok(staged.exists() || path.exists() || mark.exists())
    }

    fn begin_checkpoint(&self) {
        let mut files = self.files();
        remove_all(&mut files.left);
        let marks = std::mem::take(&mut files.marks);
        files.old_marks.extend(marks);
    }

    fn show(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    fn finish(&self) -> Result<()> {
        let done = if self.mode == WriteMode::Overwrite { self.replace() } else { self.sync() };
        if done.is_err() {
            self.take_back();
        }
        self.end(done.is_ok());
        done
    }

    fn abort(&self) {
        self.take_back();
        self.end(false);
    }

    fn run(&self) -> &Run {
        &self.run
    }
}

/// The folder of a file, relative to the target.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn remove_all(paths: &mut BTreeSet<PathBuf>) {
    for path in std::mem::take(paths) {
        _ = fs::remove_file(path); // the next process tries again
    }
}

fn sync_all(folders: BTreeSet<PathBuf>) -> Result<()> {
    folders.iter().try_for_each(|folder| folder::sync(folder))
}

fn cannot_rename(from: &Path, to: &Path, e: io::Error) -> Error {
    Error::io(format!("{} cannot be renamed to {}", from.display(), to.display()), e)
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
