//! A prefix of an object store as a target, and objects to read.
//!
//! An object appears when its upload is complete, so staging is needed only for what waits for the end of the run; and
//! there is nothing to lock.

mod input;
mod runtime;
mod upload;

pub(crate) use input::ObjectInput;

use super::folder::{STAGING, is_hidden};
use super::{Run, RunId, Sealed, Target, TargetFile, WriteMode, cannot_overwrite, durable_folder, not_empty};
use crate::hive;
use crate::source::DataFile;
use dataflow_core::{DurableRun, Error, Result};
use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use runtime::wait;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use upload::Upload;
use url::Url;

/// A prefix of an object store.
#[derive(Clone)]
pub(crate) struct Store {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What comes before a key in a URL: `s3://bucket/`. Empty for a store that was given as such.
    base: String,
}

/// The stores in use, by scheme and authority: making one is slow, and those in memory are to be found again.
type Stores = Mutex<HashMap<String, Arc<dyn ObjectStore>>>;
static STORES: LazyLock<Stores> = LazyLock::new(Stores::default);

impl Store {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        Ok(Store { store, prefix: key(prefix, prefix)?, base: String::new() })
    }

    /// The store of a URL; nothing if the path is a local one.
    ///
    /// Settings come from the environment, with the names that the clouds' own tools use: `AWS_ACCESS_KEY_ID`,
    /// `AWS_REGION`, `AWS_ENDPOINT`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...
    pub(crate) fn of_url(path: &std::path::Path) -> Result<Option<Self>> {
        let Some(url) = path.to_str() else { return Ok(None) };
        let Some((scheme, rest)) = url.split_once("://") else { return Ok(None) };
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let base = format!("{scheme}://{authority}/");
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match stores.get(&base) {
            Some(store) => Arc::clone(store),
            None => {
                let store = connect(scheme, &base)?;
                stores.insert(base.clone(), Arc::clone(&store));
                store
            }
        };
        Ok(Some(Store { store, prefix: key(prefix, url)?, base }))
    }

    fn show(&self, key: &str) -> String {
        format!("{}{key}", self.base)
    }

    fn at(&self, below: &str) -> Path {
        let parts = [self.prefix.as_ref(), below];
        let joined: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        // Both parts were keys or names made here; one that is none is refused by the store.
        Path::parse(joined.join("/")).unwrap_or_default()
    }

    /// All objects below the prefix, or the one that it names, by key.
    fn list(&self) -> Result<Vec<ObjectMeta>> {
        let failed = |e| Error::io(format!("{} cannot be listed", self.show(self.prefix.as_ref())), e);
        let mut objects: Vec<ObjectMeta> = wait(self.store.list(Some(&self.prefix)).try_collect()).map_err(failed)?;
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }

    /// The key below the prefix, unless readers skip it.
    fn visible<'a>(&self, object: &'a ObjectMeta) -> Option<&'a str> {
        let below = object.location.as_ref().strip_prefix(self.prefix.as_ref())?.trim_start_matches('/');
        (!below.split('/').any(is_hidden)).then_some(below)
    }

    /// The Parquet files below the prefix, or the one that it is.
    pub(crate) fn find(&self) -> Result<Vec<DataFile>> {
        let file = |object: &ObjectMeta| DataFile { path: self.show(object.location.as_ref()), bytes: object.size };
        let objects = self.list()?;
        let below = objects.iter().filter(|o| self.visible(o).is_some_and(|key| key.ends_with(".parquet")));
        let found: Vec<DataFile> = below.map(file).collect();
        if !found.is_empty() || self.prefix.as_ref().is_empty() {
            return Ok(found);
        }
        match wait(self.store.head(&self.prefix)) {
            Ok(object) => Ok(vec![file(&object)]),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(e) => Err(Error::io(format!("{} cannot be read", self.show(self.prefix.as_ref())), e)),
        }
    }

    /// The file that [`find`](Self::find) has called `path`.
    pub(crate) fn input(&self, path: &str) -> Result<ObjectInput> {
        let key = key(path.strip_prefix(&self.base).unwrap_or(path), path)?;
        let meta = wait(self.store.head(&key)).map_err(|e| Error::io(format!("{path} cannot be read"), e))?;
        Ok(ObjectInput::new(Arc::clone(&self.store), key, meta.size))
    }
}

/// The key of an object, which is written in URLs as it is.
fn key(text: &str, shown: &str) -> Result<Path> {
    Path::parse(text).map_err(|e| Error::options(format!("{shown} is no valid path in an object store: {e}")))
}

fn connect(scheme: &str, base: &str) -> Result<Arc<dyn ObjectStore>> {
    if scheme == "memory" {
        return Ok(Arc::new(InMemory::new()));
    }
    let feature = match scheme {
        "s3" | "s3a" => "s3",
        "gs" => "gcs",
        "az" | "adl" | "azure" | "abfs" | "abfss" => "azure",
        _ => {
            return Err(Error::options(format!(
                "{base} has a scheme that is not known: use s3://, gs://, az://, memory://, or a local path without one"
            )));
        }
    };
    let url = Url::parse(base).map_err(|e| Error::options(format!("{base} is no valid URL: {e}")))?;
    let settings =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (store, _) = object_store::parse_url_opts(&url, settings).map_err(|e| {
        let message = format!(
            "{base} cannot be used: is io-parquet built with the feature `{feature}`, and are the store's settings in \
             the environment?"
        );
        Error::io(message, e)
    })?;
    Ok(store.into())
}

/// A run that writes to an object store.
pub(crate) struct ObjectTarget {
    store: Store,
    mode: WriteMode,
    run: Run,
    /// The objects that wait for the end of the run, by path: where they are staged.
    waiting: Mutex<BTreeMap<String, String>>,
    /// The folder in the staging folder that a run with checkpoints has, and what earlier processes have left in there.
    durable: Option<(String, Mutex<BTreeSet<String>>)>,
}

impl ObjectTarget {
    pub(crate) fn prepare(store: Store, mode: WriteMode) -> Result<Self> {
        match mode {
            WriteMode::FailIfNotEmpty => {
                if let Some(found) = store.list()?.iter().find_map(|object| store.visible(object)) {
                    return Err(not_empty(&store.show(store.prefix.as_ref()), found));
                }
            }
            WriteMode::Append => {}
            WriteMode::Overwrite => {
                for object in store.list()? {
                    check_own(&store, &object)?;
                }
            }
        }
        Ok(ObjectTarget { store, mode, run: Run::new(RunId::new(), mode), waiting: Mutex::default(), durable: None })
    }

    /// A run with checkpoints.
    pub(crate) fn resume(store: Store, mode: WriteMode, run: &DurableRun) -> Result<Self> {
        if mode == WriteMode::Overwrite {
            return Err(cannot_overwrite(&store.show(store.prefix.as_ref())));
        }
        let mode = if run.resumed { WriteMode::Append } else { mode };
        let target = Self::prepare(store, mode)?;
        let folder = durable_folder(run);
        let staging = target.store.at(&format!("{STAGING}/{folder}"));
        let left = target.store.list()?.into_iter().filter(|object| object.location.prefix_matches(&staging));
        let left = left.filter_map(|object| Some(format!("{STAGING}/{folder}/{}", object.location.filename()?)));
        let durable = Some((folder.clone(), Mutex::new(left.collect())));
        Ok(ObjectTarget { run: Run::new(RunId::new(), mode).durable(), durable, ..target })
    }

    /// Moves an object to its place, unless it is there.
    fn show_object(&self, staged: &str, path: &str) -> Result<()> {
        let (from, to) = (self.store.at(staged), self.store.at(path));
        match wait(self.store.store.rename(&from, &to)) {
            Err(object_store::Error::NotFound { .. }) if self.is_there(path)? => Ok(()), // moved before
            moved => moved.map_err(|e| Error::io(format!("{} cannot be published", self.show(path)), e)),
        }
    }

    fn delete(&self, key: &Path) -> Result<()> {
        match wait(self.store.store.delete(key)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(Error::io(format!("{} cannot be removed", self.store.show(key.as_ref())), e)),
        }
    }

    /// Puts what has waited in the place of what is there.
    fn replace(&self) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let is_old = |below: &str| is_data(below) && !waiting.contains_key(below);
        let objects = self.store.list().inspect_err(|_| self.abort())?;
        for object in objects.iter().filter(|object| self.store.visible(object).is_some_and(is_old)) {
            self.delete(&object.location)?;
        }
        for (path, staged) in &waiting {
            self.show_object(staged, path)?;
        }
        Ok(())
    }

    fn is_there(&self, path: &str) -> Result<bool> {
        match wait(self.store.store.head(&self.store.at(path))) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(Error::io(format!("{} cannot be looked at", self.show(path)), e)),
        }
    }
}

/// The first folder on the way to an object that is no partition.
fn foreign_folder(below: &str) -> Option<&str> {
    let (folders, _) = below.rsplit_once('/')?;
    folders.split('/').find(|folder| hive::parse(folder).is_none())
}

/// Whether an object is a data file of a table, as on local paths.
fn is_data(below: &str) -> bool {
    below.ends_with(".parquet") && foreign_folder(below).is_none()
}

/// Refuses an object in a folder that is none of a table.
fn check_own(store: &Store, object: &ObjectMeta) -> Result<()> {
    match store.visible(object).and_then(foreign_folder) {
        None => Ok(()),
        Some(folder) => Err(Error::options(format!(
            "{} is not removed, nor is anything else, since {folder} is no partition of a table: remove it yourself, or \
             give another path",
            store.show(object.location.as_ref())
        ))),
    }
}

impl Target for ObjectTarget {
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn TargetFile>> {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let staged = match &self.durable {
            Some((folder, _)) => format!("{STAGING}/{folder}/{name}"),
            None if self.waits() => format!("{STAGING}/{name}"),
            None => path.clone(),
        };
        let key = self.store.at(&staged);
        Ok(Box::new(Upload::new(Arc::clone(&self.store.store), key, staged, path)))
    }

    fn waits(&self) -> bool {
        self.durable.is_some() || self.mode == WriteMode::Overwrite
    }

    fn publish(&self, file: &Sealed) -> Result<()> {
        if self.durable.is_some() {
            return self.show_object(&file.staged, &file.path);
        }
        if self.waits() {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(file.path.clone(), file.staged.clone());
        }
        Ok(()) // else it was when its upload was complete
    }

    fn sync(&self) -> Result<()> {
        Ok(()) // an object is durable when its upload is complete
    }

    fn has(&self, file: &Sealed) -> Result<bool> {
        if let Some((_, left)) = &self.durable {
            left.lock().unwrap_or_else(PoisonError::into_inner).remove(&file.staged);
        }
        Ok(self.is_there(&file.path)? || self.is_there(&file.staged)?)
    }

    fn begin_checkpoint(&self) {
        let Some((_, left)) = &self.durable else { return };
        for staged in std::mem::take(&mut *left.lock().unwrap_or_else(PoisonError::into_inner)) {
            _ = self.delete(&self.store.at(&staged)); // the next process tries again
        }
    }

    fn show(&self, path: &str) -> String {
        self.store.show(self.store.at(path).as_ref())
    }

    fn finish(&self) -> Result<()> {
        self.begin_checkpoint();
        if self.mode == WriteMode::Overwrite {
            self.replace()?;
            // Killed runs have left theirs as well; there is no other run now.
            let staging = self.store.at(STAGING);
            for object in self.store.list()?.iter().filter(|object| object.location.prefix_matches(&staging)) {
                self.delete(&object.location)?;
            }
        }
        Ok(())
    }

    fn abort(&self) {
        if self.durable.is_some() {
            return; // a checkpoint has it, or the next process removes it
        }
        let prefix = self.run.prefix();
        for object in self.store.list().unwrap_or_default() {
            if object.location.filename().is_some_and(|name| name.starts_with(&prefix)) {
                _ = self.delete(&object.location); // there is an error already
            }
        }
    }

    fn run(&self) -> &Run {
        &self.run
    }
}
