//! Reads rows of Parquet files.

mod constant;
mod files;
mod footer;
mod input;
mod predicate;
mod reader;
mod split;

pub(crate) use files::{DataFile, unreadable};
pub(crate) use footer::{Footer, damaged};
pub(crate) use input::Input;
pub use predicate::{ColumnRef, Predicate, Scalar, column};
pub use reader::ParquetReader;
pub use split::ParquetSplit;

use crate::ArrowRow;
use dataflow_core::plane::Bounds;
use dataflow_core::{Error, Result, Source};
use dataflow_windows::Timestamp;
use dataflow_windows::watermark::WatermarkEstimator;
use files::find_local;
use std::marker::PhantomData;
use std::sync::Arc;

/// Gives timestamps to a batch of rows: one call for all, so that the user's closure is called without a detour.
pub(crate) type Stamp<T> = Arc<dyn Fn(&[T], &mut Vec<Timestamp>) -> Bounds + Send + Sync>;

/// Reads rows of Parquet files: only the columns that the row type has, by name.
///
/// ```
/// use dataflow_core::{Poll, Source, SourceReader, plane::Batch};
/// use io_parquet::{ArrowRow, ParquetSource, column};
/// # use dataflow_core::{Counter, Sink, SinkContext, SinkWriter};
/// # use dataflow_windows::Timestamp;
///
/// #[derive(Clone, Debug, PartialEq, ArrowRow)]
/// struct Sale { id: u64, cents: u64 }
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().to_str().unwrap();
/// # let sink = io_parquet::ParquetSink::to(path);
/// # sink.prepare()?;
/// # let mut writer = sink.open(SinkContext::new(0, 1, |_| Counter::default()))?;
/// # let mut batch = Batch::default();
/// # for id in 0..100 { batch.push(Sale { id, cents: id * 100 }, Timestamp::MIN); }
/// # writer.write(&mut batch)?;
/// # writer.close()?;
/// # sink.finish()?;
///
/// let source = ParquetSource::<Sale>::new(path).filter(column("cents").ge(9_800)).filter_rows(true);
///
/// // What the engine does with it:
/// let mut sales = Vec::new();
/// for split in source.splits(1)? {
///     let mut reader = source.open(split)?;
///     let mut batch = Batch::default();
///     while reader.poll(&mut batch)? != Poll::End {
///         sales.append(&mut batch.values);
///         batch.clear();
///     }
/// }
/// assert_eq!(sales, [Sale { id: 98, cents: 9_800 }, Sale { id: 99, cents: 9_900 }]);
/// # Ok::<(), dataflow_core::Error>(())
/// ```
///
/// # Which files
/// A path is a file, a folder or a glob (`lake/date=2026-*/*.parquet`). Of a folder all `*.parquet` files are read,
/// also in folders below, but for names that begin with `_` or `.`. Folders named `column=value`, as Hive has them, are
/// columns for fields that the file itself does not have.
///
/// # Which columns
/// The schemas of all files are checked before anything is read: a column that is missing or cannot be read as the
/// field's type is an error which names file, column and both types. Columns that the row type lacks are not read;
/// `Option` fields that a file lacks are `None`.
///
/// # Splits
/// A split is some row groups of a file; its position is a row in a row group. Row groups that are not begun can be
/// split off while a split is read.
pub struct ParquetSource<T: ArrowRow> {
    paths: Vec<String>,
    #[cfg(feature = "object-store")]
    store: Option<crate::target::object::Store>,
    settings: Arc<ReadSettings<T>>,
}

/// What readers need to know.
pub(crate) struct ReadSettings<T> {
    predicates: Vec<Predicate>,
    filter_rows: bool,
    allow_empty: bool,
    stamp: Option<(Stamp<T>, WatermarkEstimator)>,
    row: PhantomData<fn() -> T>,
}

impl<T> Clone for ReadSettings<T> {
    fn clone(&self) -> Self {
        ReadSettings {
            predicates: self.predicates.clone(),
            filter_rows: self.filter_rows,
            allow_empty: self.allow_empty,
            stamp: self.stamp.clone(),
            row: PhantomData,
        }
    }
}

impl<T: ArrowRow> Clone for ParquetSource<T> {
    fn clone(&self) -> Self {
        ParquetSource {
            paths: self.paths.clone(),
            #[cfg(feature = "object-store")]
            store: self.store.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<T: ArrowRow> ParquetSource<T> {
    /// Reads the files that `path` means. With the feature `object-store` it may also be a URL, such as
    /// `s3://bucket/prefix`; globs are for local paths.
    pub fn new(path: impl Into<String>) -> Self {
        Self::paths([path])
    }

    /// Reads the files that any of the paths means.
    pub fn paths<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        let settings = ReadSettings {
            predicates: Vec::new(),
            filter_rows: false,
            allow_empty: false,
            stamp: None,
            row: PhantomData,
        };
        ParquetSource {
            paths: paths.into_iter().map(Into::into).collect(),
            #[cfg(feature = "object-store")]
            store: None,
            settings: Arc::new(settings),
        }
    }

    /// Reads what is below `prefix` of an object store.
    #[cfg(feature = "object-store")]
    ///
    /// # Errors
    /// If the prefix is no valid key.
    pub fn from_store(store: Arc<dyn object_store::ObjectStore>, prefix: &str) -> Result<Self> {
        let mut source = Self::new(prefix);
        source.store = Some(crate::target::object::Store::new(store, prefix)?);
        Ok(source)
    }

    fn set(mut self, change: impl FnOnce(&mut ReadSettings<T>)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Skips the row groups whose statistics show that no row of them meets the predicate. Rows of other row groups
    /// come all, also those that do not meet it, unless [`filter_rows`](Self::filter_rows) says so. Called again, both
    /// must be met.
    #[must_use]
    pub fn filter(self, predicate: Predicate) -> Self {
        self.set(|s| s.predicates.push(predicate))
    }

    /// Whether rows that do not meet the predicates are dropped; no by default.
    #[must_use]
    pub fn filter_rows(self, filter: bool) -> Self {
        self.set(|s| s.filter_rows = filter)
    }

    /// Whether it is fine that there are no files; by default it is an error.
    #[must_use]
    pub fn allow_empty(self, allow: bool) -> Self {
        self.set(|s| s.allow_empty = allow)
    }

    /// Takes timestamps from the rows; without, all are [`Timestamp::MIN`]. The watermark of a split is what
    /// `estimator` makes of the timestamps seen in it.
    #[must_use]
    pub fn with_timestamps(
        self,
        timestamp: impl Fn(&T) -> Timestamp + Send + Sync + 'static,
        estimator: WatermarkEstimator,
    ) -> Self {
        let stamp = move |rows: &[T], times: &mut Vec<Timestamp>| {
            let mut bounds = Bounds::EMPTY;
            times.extend(rows.iter().map(|row| {
                let time = timestamp(row);
                bounds.add(time);
                time
            }));
            bounds
        };
        self.set(|s| s.stamp = Some((Arc::new(stamp), estimator)))
    }

    fn find(&self) -> Result<Vec<DataFile>> {
        #[cfg(feature = "object-store")]
        if let Some(store) = &self.store {
            return store.find();
        }
        let mut files = Vec::new();
        for path in &self.paths {
            #[cfg(feature = "object-store")]
            if let Some(store) = crate::target::object::Store::of_url(path.as_ref())? {
                files.append(&mut store.find()?);
                continue;
            }
            #[cfg(not(feature = "object-store"))]
            crate::refuse_url(path.as_ref())?;
            files.append(&mut find_local(path)?);
        }
        Ok(files)
    }

    fn input(&self, path: &str) -> Result<Input> {
        #[cfg(feature = "object-store")]
        {
            if let Some(store) = &self.store {
                return store.input(path).map(Input::Object);
            }
            if let Some(store) = crate::target::object::Store::of_url(path.as_ref())? {
                return store.input(path).map(Input::Object);
            }
        }
        Input::local(path)
    }
}

impl<T: ArrowRow> Source for ParquetSource<T> {
    type Element = T;
    type Split = ParquetSplit;
    type Reader = ParquetReader<T>;

    fn describe(&self) -> String {
        format!("Parquet files in {}", self.paths.join(", "))
    }

    fn splits(&self, desired: usize) -> Result<Vec<ParquetSplit>> {
        let files = self.find()?;
        if files.is_empty() && !self.settings.allow_empty {
            let message = "check the path, write them first, or allow this with `allow_empty`";
            return Err(Error::options(format!("there are no Parquet files in {}: {message}", self.paths.join(", "))));
        }
        let mut candidates = Vec::new();
        for file in files {
            let footer = Footer::read(&self.input(&file.path)?, &file.path)?;
            footer.check::<T>()?;
            let row_groups = footer.prune(&self.settings.predicates, &T::columns())?;
            if !row_groups.is_empty() {
                candidates.push((file, row_groups));
            }
        }
        Ok(split::cut(candidates, desired))
    }

    fn open(&self, split: ParquetSplit) -> Result<ParquetReader<T>> {
        let input = self.input(&split.file)?;
        ParquetReader::open(Arc::clone(&self.settings), input, split)
    }
}
