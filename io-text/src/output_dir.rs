//! A directory that files appear in whole or not at all: [`OutputDir`].

use dataflow_core::{DurableRun, Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Files in the making are in here, in the output directory, so that moving them into place is one atomic step. Readers
/// pass over names that begin with `_`.
const STAGING: &str = "_staging";
/// What their names end in, for readers that do not.
const IN_THE_MAKING: &str = ".tmp";
/// What the names of files end in that say that one is published.
const PUBLISHED: &str = ".published";
/// What the folders in [`STAGING`] begin with that have the files of runs with checkpoints.
const OF_CHECKPOINTS: &str = "checkpoints-";
/// The length of a run's name: microseconds since 1970 to base 36.
const RUN_LEN: usize = 11;

/// What to do if there is something in the output directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WriteMode {
    /// The run fails before it reads anything. Hidden files (`.name`, `_name`) do not count.
    #[default]
    FailIfNotEmpty,
    /// New files are put beside the old ones.
    Append,
    /// New files replace the old ones that a sink of the same prefix has written; other files stay. Readers see the old
    /// files until the run has ended well, then for a moment some or none, then the new ones; never a row twice.
    Overwrite,
}

/// A directory that files are written to by several writers at once, and where they appear only when all are complete.
///
/// A run goes: [`prepare`](Self::prepare) once; each writer [stages](Self::stage) files, [seals](StagedFile::seal) them
/// and hands them [in](Self::hand_in); at last [`publish`](Self::publish), or [`discard`](Self::discard). Only one run
/// at a time can write to a directory; the lock goes with the process. What a killed run has left is removed by the
/// next `prepare`.
///
/// A run with checkpoints goes: [`resume`](Self::resume) once; each writer [adopts](Self::adopt) what its checkpoint names
/// and [publishes](Self::publish_now) it, stages and seals files, and syncs them before the next checkpoint names them.
///
/// Files are called `PREFIX-RUN-SHARD-PART.EXTENSION`, where `RUN` sorts by the time at which the run began. Only files
/// with such names and its own prefix are ever removed.
///
/// ```
/// use io_text::{OutputDir, WriteMode};
/// use std::io::Write;
///
/// let dir = tempfile::tempdir()?;
/// let out = OutputDir::new(dir.path().join("out"), WriteMode::FailIfNotEmpty, "part", &[".txt"]);
/// out.prepare()?;
/// let mut file = out.stage(0, ".txt")?;
/// file.write_all(b"hello")?;
/// out.hand_in(file.seal()?);
/// out.publish()?;
/// let found: Vec<_> = std::fs::read_dir(out.path())?.map(|entry| entry.unwrap().file_name()).collect();
/// assert_eq!(found.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutputDir {
    path: PathBuf,
    mode: WriteMode,
    prefix: String,
    extensions: &'static [&'static str],
    run: Arc<Run>,
}

/// What is known of the run at hand; shared by all writers.
#[derive(Debug, Default)]
struct Run {
    name: OnceLock<String>,
    /// Holds the lock on the directory.
    lock: Mutex<Option<File>>,
    /// The next part's number, by shard.
    parts: Mutex<BTreeMap<usize, u32>>,
    /// The files to publish.
    complete: Mutex<BTreeSet<String>>,
    /// The folder in [`STAGING`] that a run with checkpoints has, rather than the whole of it: what is in there is removed
    /// by the processes of these checkpoints alone.
    durable: OnceLock<String>,
    /// What earlier processes have left there, unless a checkpoint names it.
    left: Mutex<BTreeSet<PathBuf>>,
    marks: Mutex<Marks>,
}

/// Files in the staging folder that say which files are published. Readers may take those away, and a checkpoint still
/// names them.
#[derive(Debug, Default)]
struct Marks {
    /// Of files that the last checkpoint names.
    current: BTreeSet<PathBuf>,
    /// Of files that it does not name any more.
    old: BTreeSet<PathBuf>,
}

impl OutputDir {
    /// The directory at `path`, for files whose names begin with `prefix` and end in one of `extensions`.
    pub fn new(path: impl Into<PathBuf>, mode: WriteMode, prefix: &str, extensions: &'static [&'static str]) -> Self {
        OutputDir { path: path.into(), mode, prefix: prefix.to_owned(), extensions, run: Arc::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn set_mode(&mut self, mode: WriteMode) {
        self.mode = mode;
    }

    pub(crate) fn set_prefix(&mut self, prefix: &str) {
        self.prefix = prefix.to_owned();
    }

    fn staging(&self) -> PathBuf {
        let staging = self.path.join(STAGING);
        self.run.durable.get().map_or(staging.clone(), |folder| staging.join(folder))
    }

    fn staged(&self, name: &str) -> PathBuf {
        self.staging().join(format!("{name}{IN_THE_MAKING}"))
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.staging().join(format!("{name}{PUBLISHED}"))
    }

    /// Whether a file has been published in a run with checkpoints, wherever it is now.
    fn is_marked(&self, name: &str) -> bool {
        self.run.durable.get().is_some() && self.mark(name).exists()
    }

    /// Creates the directory if there is none, makes sure that this run alone writes to it and that it may, and removes
    /// what a killed run has left.
    ///
    /// # Errors
    /// If it is no directory, may not be written to, is being written to, or holds files and the mode is
    /// [`FailIfNotEmpty`](WriteMode::FailIfNotEmpty).
    pub fn prepare(&self) -> Result<()> {
        self.create()?;
        self.lock(false)?;
        self.check_mode()?;
        self.clean();
        fs::create_dir_all(self.staging()).map_err(|e| cannot("write to", &self.path, e))
    }

    /// As [`prepare`](Self::prepare) in a run with checkpoints. What is there is accepted if the run goes on from a
    /// checkpoint, and what an earlier process has left waits to be [adopted](Self::adopt). Processes of checkpoints share
    /// the lock: who of them may publish, their checkpoints decide.
    ///
    /// # Errors
    /// As `prepare`, or if the mode is [`Overwrite`](WriteMode::Overwrite), which shows files at the end of a run alone.
    pub fn resume(&self, run: &DurableRun) -> Result<()> {
        if self.mode == WriteMode::Overwrite {
            return Err(Error::options(format!(
                "--overwrite replaces what is in {} when the run has ended, and runs with checkpoints show files all the \
                 time: say --append, or choose another output directory",
                self.path.display()
            )));
        }
        self.create()?;
        self.lock(true)?;
        if !run.resumed {
            self.check_mode()?;
        }
        _ = self.run.durable.set(format!("{OF_CHECKPOINTS}{}", run.checkpoints));
        fs::create_dir_all(self.staging()).map_err(|e| cannot("write to", &self.path, e))?;
        let entries = fs::read_dir(self.staging()).map_err(|e| cannot("list", &self.staging(), e))?;
        *guard(&self.run.left) = entries.flatten().map(|entry| entry.path()).collect();
        Ok(())
    }

    fn create(&self) -> Result<()> {
        let shown = self.path.display();
        if self.path.metadata().is_ok_and(|meta| !meta.is_dir()) {
            return Err(Error::options(format!("{shown} is a file, not a directory: choose another output directory")));
        }
        fs::create_dir_all(&self.path).map_err(|e| cannot("create the directory", &self.path, e))
    }

    fn check_mode(&self) -> Result<()> {
        let shown = self.path.display();
        if self.mode == WriteMode::FailIfNotEmpty
            && let Some(name) = self.entries()?.iter().find(|name| !name.starts_with(['.', '_']))
        {
            return Err(Error::options(format!(
                "{shown} is not empty (there is {name:?}): choose another output directory, or say --append to add to \
                 what is there, --overwrite to replace it"
            )));
        }
        Ok(())
    }

    /// Holds the directory for this run. The lock is on the directory itself, so that nothing stays behind.
    fn lock(&self, shared: bool) -> Result<()> {
        let mut lock = guard(&self.run.lock);
        if lock.is_some() {
            return Ok(());
        }
        let directory = File::open(&self.path).map_err(|e| cannot("open the directory", &self.path, e))?;
        match if shared { directory.try_lock_shared() } else { directory.try_lock() } {
            Ok(()) => *lock = Some(directory),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::options(format!(
                    "another run or step is writing to {}: wait until it has ended, or choose another output directory",
                    self.path.display()
                )));
            }
            Err(TryLockError::Error(_)) => {} // some network file systems have no locks
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.path).map_err(|e| cannot("list", &self.path, e))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| cannot("list", &self.path, e))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    /// Removes what is in the making, as far as it is ours.
    fn clean(&self) {
        for entry in fs::read_dir(self.staging()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(|name| name.strip_suffix(IN_THE_MAKING)).is_some_and(|name| self.is_own(name)) {
                let _ = fs::remove_file(entry.path()); // what stays does no harm
            }
        }
        let _ = fs::remove_dir(self.staging()); // fails, as it should, while somebody else's files are in there
    }

    /// Whether a file is called as those of this sink are.
    fn is_own(&self, name: &str) -> bool {
        let digits = |part: &str| part.len() >= 5 && part.bytes().all(|b| b.is_ascii_digit());
        let Some(rest) = name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('-')) else { return false };
        let Some(rest) = self.extensions.iter().find_map(|extension| rest.strip_suffix(extension)) else {
            return false;
        };
        match rest.split('-').collect::<Vec<_>>()[..] {
            [run, shard, part] => {
                let base_36 = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
                run.len() == RUN_LEN && run.bytes().all(base_36) && digits(shard) && digits(part)
            }
            _ => false,
        }
    }

    /// Begins a file, which nobody sees yet, for a shard. The extension must be one of those given at first.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn stage(&self, shard: usize, extension: &str) -> Result<StagedFile> {
        let run = self.run.name.get_or_init(run_name);
        let part = {
            let mut parts = guard(&self.run.parts);
            let next = parts.entry(shard).or_default();
            *next += 1;
            *next - 1
        };
        let name = format!("{}-{run}-{shard:05}-{part:05}{extension}", self.prefix);
        let path = self.staged(&name);
        let create = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match create() {
            // A run that goes on from a checkpoint is not prepared.
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(self.staging()).and_then(|()| create()),
            created => created,
        };
        let file = file.map_err(|e| cannot("create", &path, e))?;
        Ok(StagedFile { file, name, path, bytes: 0, sealed: false })
    }

    /// Makes sure that sealed files outlive a loss of power, before a checkpoint names them.
    ///
    /// # Errors
    /// If the directory cannot be synchronised.
    pub fn sync_staging(&self) -> Result<()> {
        sync_directory(&self.staging())
    }

    /// Takes over a sealed file that a checkpoint names.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn adopt(&self, name: &str) -> Result<SealedFile> {
        let meta = match self.is_own(name) {
            // A run that ended while it published has moved it already.
            true => {
                let published = self.staged(name).metadata().or_else(|_| self.path.join(name).metadata());
                published.or_else(|e| if self.is_marked(name) { self.mark(name).metadata() } else { Err(e) })
            }
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not called as files of this sink are")),
        };
        let meta = meta.map_err(|e| {
            let file = self.staged(name);
            Error::io(
                format!(
                    "{} is needed to go on from the checkpoint, but is not there: begin the run anew",
                    file.display()
                ),
                e,
            )
        })?;
        let mut left = guard(&self.run.left);
        left.remove(&self.staged(name));
        left.remove(&self.mark(name));
        Ok(SealedFile { name: name.to_owned(), bytes: meta.len() })
    }

    /// Says that the next checkpoint begins: all writers have adopted and published what the last one names. Removes what
    /// earlier processes of the same checkpoints have left and nobody has [adopted](Self::adopt).
    pub fn begin_checkpoint(&self) {
        remove_all(&mut guard(&self.run.left));
        let mut marks = guard(&self.run.marks);
        let current = std::mem::take(&mut marks.current);
        marks.old.extend(current);
    }

    /// Makes files visible, durably, and goes on. A file that is visible stays as it is.
    ///
    /// # Errors
    /// If a file cannot be moved. Those moved before are visible then, each of them whole.
    pub fn publish_now(&self, files: impl IntoIterator<Item = SealedFile>) -> Result<()> {
        remove_all(&mut guard(&self.run.marks).old);
        let mut some = false;
        for file in files {
            self.publish_file(&file.name)?;
            some = true;
        }
        if some { sync_directory(&self.path) } else { Ok(()) }
    }

    fn publish_file(&self, name: &str) -> Result<()> {
        let (from, to) = (self.staged(name), self.path.join(name));
        if self.run.durable.get().is_some() {
            // Before it is moved: with the mark it is published as soon as it is not staged any more.
            let mark = self.mark(name);
            File::create(&mark).map_err(|e| cannot("create", &mark, e))?;
            guard(&self.run.marks).current.insert(mark);
        }
        match fs::rename(&from, &to) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && (to.exists() || self.is_marked(name)) => {} // moved before
            moved => moved.map_err(|e| cannot("publish", &to, e))?,
        }
        Ok(())
    }

    /// Has a file published with all others.
    pub fn hand_in(&self, file: SealedFile) {
        guard(&self.run.complete).insert(file.name);
    }

    /// Makes all files visible that were handed in, durably, and ends the run.
    ///
    /// # Errors
    /// If a file cannot be moved. Those moved before are visible then, each of them whole.
    pub fn publish(&self) -> Result<()> {
        let complete = std::mem::take(&mut *guard(&self.run.complete));
        if self.mode == WriteMode::Overwrite {
            for old in self.entries()?.iter().filter(|name| self.is_own(name) && !complete.contains(*name)) {
                let path = self.path.join(old);
                fs::remove_file(&path).map_err(|e| cannot("remove the old file", &path, e))?;
            }
        }
        for name in &complete {
            self.publish_file(name)?;
        }
        sync_directory(&self.path)?;
        if self.run.durable.get().is_some() {
            // No checkpoint needs it any more, whoever has left it.
            let _ = fs::remove_dir_all(self.staging());
            let _ = fs::remove_dir(self.path.join(STAGING));
        } else {
            self.clean();
        }
        *guard(&self.run.lock) = None;
        Ok(())
    }

    /// Removes all that is not published, unless a checkpoint may name it, and ends the run.
    pub fn discard(&self) {
        guard(&self.run.complete).clear();
        let mut lock = guard(&self.run.lock);
        // Without the lock (as when `prepare` has failed) what is there is somebody else's; with checkpoints one of them may
        // name it, or the next process use it.
        if lock.take().is_some() && self.run.durable.get().is_none() {
            self.clean();
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_all(paths: &mut BTreeSet<PathBuf>) {
    for path in std::mem::take(paths) {
        let _ = fs::remove_file(path); // the next process tries again
    }
}

/// The name of a run: no other one of this process has it.
fn run_name() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
    let later = |last: u64| Some(now.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    let mut micros = now.max(last.map_or(0, |last| last + 1));
    let mut digits = [b'0'; RUN_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(micros % 36) as usize];
        micros /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|e| cannot("synchronise", path, e))
}

/// The error for what cannot be done to `path`.
fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": the disk is full; free some space, or choose another output directory"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ": this user may not write there; change the permissions, or choose another output directory"
        }
        io::ErrorKind::NotADirectory => ": a part of the path is a file; choose another output directory",
        _ => "",
    };
    Error::io(format!("cannot {what} {}{advice}", path.display()), error)
}

/// A file in the making. It is removed if it is dropped before it is [sealed](Self::seal).
#[derive(Debug)]
pub struct StagedFile {
    file: File,
    name: String,
    path: PathBuf,
    bytes: u64,
    sealed: bool,
}

/// A file that is complete and durable, but not visible yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedFile {
    /// Its name when it is published.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

impl StagedFile {
    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The error for what went wrong while it was written.
    pub fn error(&self, error: io::Error) -> Error {
        cannot("write", &self.path, error)
    }

    /// Makes the file durable. It is complete.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn seal(mut self) -> Result<SealedFile> {
        self.file.sync_all().map_err(|e| self.error(e))?;
        self.sealed = true;
        Ok(SealedFile { name: self.name.clone(), bytes: self.bytes })
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.sealed {
            let _ = fs::remove_file(&self.path); // the next run removes it else
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_its_own_pattern_are_own() {
        let dir = OutputDir::new("out", WriteMode::Append, "part", &[".txt", ".txt.gz"]);
        for own in ["part-0123456789a-00000-00012.txt", "part-0123456789a-00000-123456.txt.gz"] {
            assert!(dir.is_own(own), "{own}");
        }
        for foreign in [
            "part-0.txt",
            "part-0123456789a-00000-00012.csv",
            "other-0123456789a-00000-00012.txt",
            "part-0123456789A-00000-00012.txt",
            "part-0123456789a-00000.txt",
            "part-0123456789a-00000-x0012.txt",
            "../part-0123456789a-00000-00012.txt",
        ] {
            assert!(!dir.is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn runs_are_named_in_the_order_of_time() {
        let first = run_name();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(first < run_name());
        assert_eq!(first.len(), RUN_LEN);
    }
}
