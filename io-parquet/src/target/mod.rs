//! Where the files of a sink go: a folder, or a prefix of an object store.

pub(crate) mod folder;
pub(crate) mod local;
#[cfg(feature = "object-store")]
pub(crate) mod object;
mod run_id;

pub(crate) use run_id::RunId;

use dataflow_core::{DurableRun, Error, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What to do with what is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WriteMode {
    /// Refuse to write if the target is not empty.
    #[default]
    FailIfNotEmpty,
    /// Add files to those that are there.
    Append,
    /// Replace the data that is there: the Parquet files of the target and of its partitions. A target that has other
    /// folders is refused. Nothing is seen of the new files, and the old ones stay, until the run has ended well. Then
    /// readers see the old files, for a moment some or none, then the new ones; never a row twice. A run that fails
    /// leaves the old data as it was, and so does one that is killed, unless it was in that moment: then a part is there
    /// of the old or of the new data, and the same run once more, again with `Overwrite`, completes it.
    ///
    /// The disk must have room for both.
    Overwrite,
}

/// A target that is ready to take the files of a run. All shards share it.
pub(crate) trait Target: Send + Sync {
    /// Begins a file in the partition `folder`. Nobody sees it before it is published.
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn TargetFile>>;

    /// Whether complete files are published only later: when the run has ended well, or when a checkpoint has them.
    fn waits(&self) -> bool;

    /// Makes a complete file visible, or has [`finish`](Self::finish) do so if the target [waits](Self::waits).
    /// Publishing it twice is publishing it once.
    fn publish(&self, file: &Sealed) -> Result<()>;

    /// Makes the names of files durable, whether they are published or not: a checkpoint relies on them.
    fn sync(&self) -> Result<()>;

    /// Whether a complete file is still there, published or not. A checkpoint names it.
    fn has(&self, file: &Sealed) -> Result<bool>;

    /// The next checkpoint begins: all writers have been restored and have published what the last one names. Removes what
    /// earlier processes of the same checkpoints have left and no checkpoint names.
    fn begin_checkpoint(&self);

    /// Where `path`, relative to the target, is: for messages.
    fn show(&self, path: &str) -> String;

    /// The run ended well: shows what has waited, and removes what was needed beside the files. If it fails, it has
    /// [aborted](Self::abort) as far as that loses nothing.
    fn finish(&self) -> Result<()>;

    /// The run failed: removes all its files.
    fn abort(&self);

    /// Numbers and totals of the run.
    fn run(&self) -> &Run;
}

/// A file that is being written. Dropped before it is sealed, it leaves nothing.
pub(crate) trait TargetFile: Write + Send {
    /// The file is complete: makes it durable, and says how to publish it.
    fn seal(&mut self) -> Result<Sealed>;
}

/// A complete, durable file that is not published yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// Where it waits, relative to the target.
    pub(crate) staged: String,
    /// Where it will be, relative to the target.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// What the shards of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    id: RunId,
    waits: bool,
    /// The run has checkpoints.
    durable: bool,
    next_file: AtomicU32,
    files: AtomicU64,
    rows: AtomicU64,
}

impl Run {
    pub(crate) fn new(id: RunId, mode: WriteMode) -> Self {
        Run {
            id,
            waits: mode == WriteMode::Overwrite,
            durable: false,
            next_file: AtomicU32::new(0),
            files: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }

    /// The same in a run with checkpoints.
    pub(crate) fn durable(self) -> Self {
        Run { durable: true, ..self }
    }

    /// What the names of the run's files begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("part-{}-", self.id)
    }

    /// The name of the next file of `shard`: unique among all runs.
    pub(crate) fn next_name(&self, shard: usize) -> String {
        let n = self.next_file.fetch_add(1, Ordering::Relaxed);
        format!("{}{shard:05}-{n:05}.parquet", self.prefix())
    }

    pub(crate) fn count(&self, file: &Sealed) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(file.rows, Ordering::Relaxed);
    }

    /// What becomes of the data in the target when the run fails, for messages.
    pub(crate) fn published(&self) -> String {
        match self.files.load(Ordering::Relaxed) {
            _ if self.durable => "what is published stays, and the run can go on from its last checkpoint".to_owned(),
            _ if self.waits => "the old data is left as it was".to_owned(),
            0 => "nothing is published yet".to_owned(),
            files => {
                let rows = self.rows.load(Ordering::Relaxed);
                format!("what is published so far ({files} files with {rows} rows) is removed")
            }
        }
    }
}

/// The folder in the staging folder that the runs of some checkpoints have. What is in there is theirs alone to remove.
pub(crate) fn durable_folder(run: &DurableRun) -> String {
    format!("{OF_CHECKPOINTS}{}", run.checkpoints)
}

/// What the names of such folders begin with.
pub(crate) const OF_CHECKPOINTS: &str = "checkpoints-";

/// The refusal to overwrite in a run with checkpoints.
pub(crate) fn cannot_overwrite(target: &str) -> Error {
    Error::options(format!(
        "--overwrite (WriteMode::Overwrite) replaces what is in {target} when the run has ended, and runs with checkpoints \
         publish files all the time: say --append (WriteMode::Append), or give another path"
    ))
}

/// The refusal to write into what is not empty.
pub(crate) fn not_empty(target: &str, found: &str) -> Error {
    Error::options(format!(
        "the target {target} is not empty (it has {found}): add to it with --append (WriteMode::Append), replace what \
         is there with --overwrite (WriteMode::Overwrite), or give another path"
    ))
}
