//! Writes rows to Parquet files.

mod file;
mod open_files;
mod writer;

pub use writer::ParquetWriter;

use crate::file_options::FileOptions;
use crate::partition::{PartitionValue, Partitions};
use crate::target::local::LocalTarget;
use crate::target::{Target, WriteMode};
use crate::{ArrowRow, Compression, Statistics};
use dataflow_core::{DurableRun, Error, Result, Sink, SinkContext};
use dataflow_windows::Duration;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes rows to Parquet files in a folder: `part-{run}-{shard}-{number}.parquet`, each complete when it is seen.
///
/// ```
/// use dataflow_core::plane::Batch;
/// use dataflow_core::{Counter, Sink, SinkContext, SinkWriter};
/// use dataflow_windows::Timestamp;
/// use io_parquet::{ArrowRow, Compression, ParquetSink, PartitionValue};
///
/// #[derive(Clone, ArrowRow)]
/// struct Sale { at: Timestamp, cents: u64 }
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("sales");
/// let sink = ParquetSink::to(&path)
///     .partition_by("date", |sale: &Sale| PartitionValue::date(sale.at))
///     .compression(Compression::Snappy);
///
/// // What the engine does with it:
/// sink.prepare()?;
/// let mut writer = sink.open(SinkContext::new(0, 1, |_| Counter::default()))?;
/// let mut batch = Batch::default();
/// batch.push(Sale { at: Timestamp::from_seconds(86_400), cents: 1_999 }, Timestamp::MIN);
/// writer.write(&mut batch)?;
/// writer.close()?;
/// sink.finish()?;
///
/// let files = std::fs::read_dir(path.join("date=1970-01-02")).unwrap().count();
/// assert_eq!(files, 1);
/// # Ok::<(), dataflow_core::Error>(())
/// ```
///
/// # When files are seen
/// A file gets its name when it is complete and durable: when it is *rolled*, for it has grown enough
/// ([`roll_bytes`](Self::roll_bytes), [`roll_rows`](Self::roll_rows)) or is old enough ([`roll_age`](Self::roll_age)),
/// and at the end of the run; with [`WriteMode::Overwrite`] only when the run has ended well. Until then it is in
/// `_staging/`, which readers skip. So never is a part of a file seen. The names are durable at checkpoints and when the
/// run has ended.
///
/// # When a run fails
/// It removes the files that it has published, and leaves what was there before; so it can be repeated with the same
/// options. A run that is killed (`kill -9`, a loss of power) cannot remove them: complete files may be left, with the
/// run in their names. With [`WriteMode::Overwrite`] there are none, and the old data is still there. What is left in
/// staging is removed by the next run.
///
/// # Runs with checkpoints
/// A file gets its name when a checkpoint has it, so output comes once per checkpoint, complete and only once, whatever is
/// killed. Files that no checkpoint has yet are in a folder of `_staging/` that belongs to the checkpoints; they are there
/// until the run goes on, also beside other runs. [`WriteMode::Overwrite`] is refused. A run that fails leaves what it has
/// published, and goes on from the checkpoint when it is started again.
///
/// # Who may write
/// A run holds the lock `_writer.lock` of its folder: shared with others that [append](WriteMode::Append), else alone.
/// A locked target is refused, with a message that names the holder. [Compaction](crate::compact) takes it as well.
///
/// # Object stores
/// An object appears when its upload is complete, so there is no staging; a checkpoint publishes what is open. With
/// [`WriteMode::Overwrite`] objects are uploaded to `_staging/`, and copied by the store when the run has ended well and
/// the old ones are removed; a store that fails in the middle of that leaves a part, as a kill does. Stores copy at most
/// a few GiB at once, so [`roll_bytes`](Self::roll_bytes) should be less. There is no lock: see to it that only one run
/// writes at a time, or that all append.
///
/// # Counters
/// `records`, `files` and `bytes`: of the files published.
pub struct ParquetSink<T: ArrowRow> {
    path: PathBuf,
    mode: WriteMode,
    settings: Arc<Settings<T>>,
    #[cfg(feature = "object-store")]
    store: Option<crate::target::object::Store>,
    run: Mutex<Option<Arc<dyn Target>>>,
}

/// What writers need to know.
pub(crate) struct Settings<T> {
    pub(crate) partitions: Partitions<T>,
    pub(crate) files: FileOptions,
    pub(crate) roll_bytes: usize,
    pub(crate) roll_rows: usize,
    pub(crate) roll_age: Option<Duration>,
    pub(crate) max_open: usize,
    pub(crate) memory: usize,
}

impl<T: ArrowRow> ParquetSink<T> {
    /// Writes to the folder `path`, which is made if it is not there. With the feature `object-store` it may also be a
    /// URL, such as `s3://bucket/prefix`.
    pub fn to(path: impl AsRef<Path>) -> Self {
        let settings = Settings {
            partitions: Partitions::default(),
            files: FileOptions::default(),
            roll_bytes: 128 << 20,
            roll_rows: usize::MAX,
            roll_age: None,
            max_open: 100,
            memory: 256 << 20,
        };
        ParquetSink {
            path: path.as_ref().to_owned(),
            mode: WriteMode::default(),
            settings: Arc::new(settings),
            #[cfg(feature = "object-store")]
            store: None,
            run: Mutex::new(None),
        }
    }

    /// Writes below `prefix` of an object store.
    #[cfg(feature = "object-store")]
    ///
    /// # Errors
    /// If the prefix is no valid key.
    pub fn to_store(store: Arc<dyn object_store::ObjectStore>, prefix: &str) -> Result<Self> {
        let mut sink = Self::to(prefix);
        sink.store = Some(crate::target::object::Store::new(store, prefix)?);
        Ok(sink)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings<T>)) -> Self {
        // Nobody else has it before the run begins.
        if let Some(settings) = Arc::get_mut(&mut self.settings) {
            change(settings);
        }
        self
    }

    /// Puts rows in folders `{column}={value}/`, as Hive does; called again, in folders below those. The column is not
    /// in the files, so it must not be one of the row's.
    ///
    /// It is fastest when rows next to each other have the same value.
    #[must_use]
    pub fn partition_by(
        self,
        column: impl Into<String>,
        value: impl for<'a> Fn(&'a T) -> PartitionValue<'a> + Send + Sync + 'static,
    ) -> Self {
        self.set(|s| s.partitions.add(column.into(), value))
    }

    /// What to do with what is there already; by default a target that is not empty is refused.
    #[must_use]
    pub fn mode(mut self, mode: WriteMode) -> Self {
        self.mode = mode;
        self
    }

    /// The codec; [`Compression::Zstd`] at level 1 by default.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.set(|s| s.files.compression = compression)
    }

    /// Whether values that repeat are stored as dictionaries; yes by default. A column chunk whose dictionary grows too
    /// large is stored plainly in any case.
    #[must_use]
    pub fn dictionary(self, dictionary: bool) -> Self {
        self.set(|s| s.files.dictionary = dictionary)
    }

    /// Which statistics are stored; by page by default.
    #[must_use]
    pub fn statistics(self, statistics: Statistics) -> Self {
        self.set(|s| s.files.statistics = statistics)
    }

    /// How many rows a row group has at most; 1 Mi (1,048,576) by default.
    #[must_use]
    pub fn row_group_rows(self, rows: usize) -> Self {
        self.set(|s| s.files.row_group_rows = rows)
    }

    /// How many bytes, encoded, a row group has at most; 64 MiB by default.
    #[must_use]
    pub fn row_group_bytes(self, bytes: usize) -> Self {
        self.set(|s| s.files.row_group_bytes = bytes)
    }

    /// About how many bytes a file has before the next is begun; 128 MiB by default.
    #[must_use]
    pub fn roll_bytes(self, bytes: usize) -> Self {
        self.set(|s| s.roll_bytes = bytes.max(1))
    }

    /// How many rows a file has before the next is begun; not bounded by default.
    #[must_use]
    pub fn roll_rows(self, rows: usize) -> Self {
        self.set(|s| s.roll_rows = rows.max(1))
    }

    /// How long, in processing time, after its first row a file is published; not bounded by default. With
    /// [`WriteMode::Overwrite`] it is complete then, and published at the end of the run.
    #[must_use]
    pub fn roll_age(self, age: Duration) -> Self {
        self.set(|s| s.roll_age = Some(age))
    }

    /// How many partitions a writer has open; 100 by default. When there are more, the one that was least recently
    /// written to is published, so the files get smaller the more the partitions of rows are mixed.
    #[must_use]
    pub fn max_open_partitions(self, partitions: usize) -> Self {
        self.set(|s| s.max_open = partitions.max(1))
    }

    /// About how much memory, in bytes, a writer takes for all its open files; 256 MiB by default. When it takes more,
    /// the largest row group is written early.
    #[must_use]
    pub fn memory_bytes(self, bytes: usize) -> Self {
        self.set(|s| s.memory = bytes)
    }

    /// Checks the settings that hang together.
    fn check(&self) -> Result<()> {
        self.settings.files.properties()?;
        let columns = T::columns();
        for (i, column) in self.settings.partitions.columns().enumerate() {
            if columns.iter().any(|own| own.field().name() == column) {
                return Err(Error::options(format!(
                    "`{column}` is a partition and a column of {}: readers could not tell which one is meant; give the \
                     partition another name, or the field `#[arrow(skip)]`",
                    std::any::type_name::<T>()
                )));
            }
            if column.is_empty() || self.settings.partitions.columns().take(i).any(|other| other == column) {
                return Err(Error::options(format!("`{column}` cannot be the name of a partition: empty, or twice")));
            }
        }
        Ok(())
    }

    fn begin(&self, durable: Option<&DurableRun>) -> Result<Arc<dyn Target>> {
        #[cfg(feature = "object-store")]
        if let Some(store) = self.object_store()? {
            use crate::target::object::ObjectTarget;
            return Ok(Arc::new(match durable {
                None => ObjectTarget::prepare(store, self.mode)?,
                Some(run) => ObjectTarget::resume(store, self.mode, run)?,
            }));
        }
        #[cfg(not(feature = "object-store"))]
        crate::refuse_url(&self.path)?;
        Ok(Arc::new(match durable {
            None => LocalTarget::prepare(&self.path, self.mode)?,
            Some(run) => LocalTarget::resume(&self.path, self.mode, run)?,
        }))
    }

    fn begin_once(&self, durable: Option<&DurableRun>) -> Result<()> {
        self.check()?;
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.is_none() {
            *run = Some(self.begin(durable)?); // else the engine goes on with the same sink
        }
        Ok(())
    }

    #[cfg(feature = "object-store")]
    fn object_store(&self) -> Result<Option<crate::target::object::Store>> {
        match &self.store {
            Some(store) => Ok(Some(store.clone())),
            None => crate::target::object::Store::of_url(&self.path),
        }
    }

    fn take_run(&self) -> Option<Arc<dyn Target>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T: ArrowRow> Sink<T> for ParquetSink<T> {
    type Writer = ParquetWriter<T>;

    fn describe(&self) -> String {
        let partitions: Vec<_> = self.settings.partitions.columns().collect();
        let by =
            if partitions.is_empty() { String::new() } else { format!(", partitioned by {}", partitions.join(", ")) };
        format!("Parquet files in {}{by}", self.path.display())
    }

    fn prepare(&self) -> Result<()> {
        self.begin_once(None)
    }

    fn resume(&self, run: &DurableRun) -> Result<()> {
        self.begin_once(Some(run))
    }

    fn open(&self, context: SinkContext) -> Result<ParquetWriter<T>> {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let target = run.ok_or_else(|| Error::internal("a Parquet sink was opened before it was prepared"))?;
        let properties = self.settings.files.properties()?;
        Ok(ParquetWriter::new(Arc::clone(&self.settings), properties, target, context))
    }

    fn finish(&self) -> Result<()> {
        self.take_run().map_or(Ok(()), |run| run.finish())
    }

    fn abort(&self) {
        if let Some(run) = self.take_run() {
            run.abort();
        }
    }
}
