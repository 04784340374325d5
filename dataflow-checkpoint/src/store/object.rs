//! A prefix of an object store.
//!
//! An object appears when it is whole, and is durable then. Creating is a conditional put, which S3 and those that speak
//! its language, GCS and Azure have; a store that has none is refused, for nothing would keep two processes apart.

use super::local::too_long;
use super::runtime::wait;
use super::{Created, Listed, Store, check_name};
use dataflow_core::{Error, Result};
use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use url::Url;

/// A prefix of an object store. Needs the feature `object-store`, and those of the clouds `s3`, `gcs` or `azure`.
///
/// ```
/// use dataflow_checkpoint::{Created, ObjectStoreFiles, Store};
///
/// let store = ObjectStoreFiles::of_url("memory://bucket/checkpoints")?;
/// assert_eq!(store.create("manifests/1", b"mine")?, Created::Written);
/// assert_eq!(store.create("manifests/1", b"yours")?, Created::Exists);
/// # Ok::<(), dataflow_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ObjectStoreFiles {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What comes before a key in a URL: `s3://bucket/`. Empty for a store that was given as such.
    base: String,
}

/// Those in memory are to be found again.
type Stores = Mutex<HashMap<String, Arc<InMemory>>>;
static IN_MEMORY: LazyLock<Stores> = LazyLock::new(Stores::default);

impl ObjectStoreFiles {
    /// The keys of `store` that begin with `prefix`.
    ///
    /// # Errors
    /// If the prefix is no valid path.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        Ok(ObjectStoreFiles { store, prefix: key(prefix)?, base: String::new() })
    }

    /// The prefix that a URL names: `s3://bucket/prefix`, `gs://`, `az://`, `memory://`.
    ///
    /// Settings come from the environment, with the names that the clouds' own tools use: `AWS_ACCESS_KEY_ID`,
    /// `AWS_REGION`, `AWS_ENDPOINT`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...
    ///
    /// # Errors
    /// If the URL is none, its scheme is not known or its feature not built in, or settings are missing.
    pub fn of_url(url: &str) -> Result<Self> {
        let unknown = || {
            Error::options(format!(
                "{url} has a scheme that is not known: use s3://, gs://, az://, memory://, or a local path without one"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let base = format!("{scheme}://{authority}/");
        let feature = match scheme {
            "memory" => {
                let mut stores = IN_MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
                let store = Arc::clone(stores.entry(base.clone()).or_default());
                return Ok(ObjectStoreFiles { store, prefix: key(prefix)?, base });
            }
            "s3" | "s3a" => "s3",
            "gs" => "gcs",
            "az" | "adl" | "azure" | "abfs" | "abfss" => "azure",
            _ => return Err(unknown()),
        };
        let parsed = Url::parse(&base).map_err(|e| Error::options(format!("{url} is no valid URL: {e}")))?;
        let settings =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let (store, _) = object_store::parse_url_opts(&parsed, settings).map_err(|e| {
            let message = format!(
                "{url} cannot be used: is dataflow-checkpoint built with the feature `{feature}`, and are the store's \
                 settings in the environment?"
            );
            Error::io(message, e)
        })?;
        Ok(ObjectStoreFiles { store: store.into(), prefix: key(prefix)?, base })
    }

    fn at(&self, name: &str) -> Result<Path> {
        check_name(name)?;
        match self.prefix.as_ref() {
            "" => key(name),
            prefix => key(&format!("{prefix}/{name}")),
        }
    }

    /// The name of an object below the prefix.
    fn listed(&self, object: &ObjectMeta) -> Option<Listed> {
        let name = object.location.as_ref().strip_prefix(self.prefix.as_ref())?.trim_start_matches('/').to_owned();
        let micros = u64::try_from(object.last_modified.timestamp_micros()).unwrap_or(0);
        let modified = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
        check_name(&name).is_ok().then_some(Listed { name, bytes: object.size, modified })
    }
}

/// The key of an object, which is written in URLs as it is.
fn key(text: &str) -> Result<Path> {
    Path::parse(text).map_err(|e| Error::options(format!("{text} is no valid path in an object store: {e}")))
}

impl Store for ObjectStoreFiles {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        let payload = PutPayload::from(bytes.to_vec());
        match wait(self.store.put_opts(&self.at(name)?, payload, PutMode::Create.into())) {
            Ok(_) => Ok(Created::Written),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Created::Exists)
            }
            Err(e @ (object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. })) => {
                let message = "cannot be made: the store has no conditional puts, which keep two processes apart";
                Err(Error::io(format!("{} {message}", self.path(name)), e))
            }
            Err(e) => Err(Error::io(format!("{} cannot be written", self.path(name)), e)),
        }
    }

    fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let failed = |e| Error::io(format!("{} cannot be read", self.path(name)), e);
        let got = match wait(self.store.get_opts(&self.at(name)?, GetOptions::default())) {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(failed)?,
        };
        if got.meta.size > max_bytes {
            return Err(too_long(&self.path(name), got.meta.size, max_bytes));
        }
        wait(got.bytes()).map(|bytes| Some(bytes.to_vec())).map_err(failed)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let failed = |e| Error::io(format!("{} cannot be listed", self.path(folder)), e);
        let folder = self.at(folder)?;
        let objects: Vec<ObjectMeta> = wait(self.store.list(Some(&folder)).try_collect()).map_err(failed)?;
        let mut found: Vec<Listed> = objects.iter().filter_map(|object| self.listed(object)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<()> {
        match wait(self.store.delete(&self.at(name)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(Error::io(format!("{} cannot be removed", self.path(name)), e)),
        }
    }

    fn delete_remains(&self, _: SystemTime) -> Result<usize> {
        Ok(0) // an upload that does not end leaves no object
    }

    fn path(&self, name: &str) -> String {
        self.at(name).map_or_else(|_| name.to_owned(), |key| format!("{}{key}", self.base))
    }
}
