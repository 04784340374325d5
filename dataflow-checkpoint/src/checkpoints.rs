//! The checkpoints of a pipeline: manifests and data files in a store.

use crate::format::{MAX_MANIFEST_BYTES, Unreadable, checksum, decode_owner};
use crate::store::{Created, LocalStore, Store};
use crate::{AttemptId, Content, FileRef, Manifest, decode_manifest, encode_manifest};
use dataflow_core::{Error, ErrorKind, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const DATA: &str = "data";

/// What is smaller is kept in the manifest itself: a file costs a sync of its own.
const INLINE_BYTES: usize = 4096;

/// The checkpoints of a pipeline, as one attempt reads and writes them.
///
/// Manifests are `manifests/{number}`; data files are `data/{attempt}/{count}-{what}`, so that no attempt ever meets
/// another one's.
pub struct Checkpoints {
    pub(crate) store: Arc<dyn Store>,
    attempt: AttemptId,
    next_file: AtomicU64,
    /// The last number that this attempt is known to have written.
    written: AtomicU64,
}

/// What to start from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StartFrom {
    /// The newest manifest. If it cannot be read, that is an error.
    #[default]
    Newest,
    /// The newest one that can be read. If there are newer ones, the start is a fork, and only where duplicates are
    /// accepted can exactly-once sinks bear it.
    NewestReadable,
    /// The manifest of this number: `--from`.
    Number(u64),
}

/// What was found to start from: an [`Event::Start`](crate::Event::Start).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start<S> {
    /// The number of the newest manifest; 0 if there is none.
    pub newest: u64,
    /// The manifest to start from; none if there is none.
    pub manifest: Option<Box<Manifest<S>>>,
    /// What is wrong with those that were passed over, each with its path.
    pub passed_over: Vec<String>,
}

/// A manifest that was looked for.
pub(crate) enum Found<T> {
    It(T),
    /// It is not there. It may have been swept.
    Missing,
    /// It cannot be read: why, with its path.
    Corrupt(String),
}

impl Checkpoints {
    /// The checkpoints in `location`, a folder or, with the feature `object-store`, a URL such as `s3://bucket/prefix`.
    ///
    /// # Errors
    /// If the folder cannot be made, or the URL not be used.
    pub fn open(location: &str, attempt: AttemptId) -> Result<Self> {
        if !location.contains("://") {
            return Ok(Self::new(Arc::new(LocalStore::open(location)?), attempt));
        }
        #[cfg(feature = "object-store")]
        return Ok(Self::new(Arc::new(crate::store::ObjectStoreFiles::of_url(location)?), attempt));
        #[cfg(not(feature = "object-store"))]
        Err(Error::options(format!(
            "{location} is a URL, and this program is built without object stores: build it with a feature of \
             dataflow-checkpoint (`object-store`, `s3`, `gcs`, `azure`), or give a local path"
        )))
    }

    /// The checkpoints in `store`.
    pub fn new(store: Arc<dyn Store>, attempt: AttemptId) -> Self {
        Checkpoints { store, attempt, next_file: AtomicU64::new(0), written: AtomicU64::new(0) }
    }

    /// Creates a manifest under its number, unless the number is taken.
    ///
    /// # Errors
    /// If it is not known whether it is there: [`Append::Unknown`](crate::Append::Unknown).
    pub fn append<S: Serialize>(&self, manifest: &Manifest<S>) -> Result<Created> {
        let created = self.store.create(&manifest_name(manifest.number), &encode_manifest(manifest)?)?;
        if created == Created::Written && manifest.owner == self.attempt {
            self.written.store(manifest.number, Ordering::Relaxed);
        }
        Ok(created)
    }

    /// The numbers of all manifests, in order.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let listed = self.store.list(MANIFESTS)?;
        let mut numbers: Vec<u64> = listed.iter().filter_map(|file| manifest_number(&file.name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Number and owner of the newest manifest: an [`Event::Newest`](crate::Event::Newest).
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn newest(&self) -> Result<(u64, AttemptId)> {
        loop {
            let Some(newest) = self.numbers()?.pop() else {
                return Err(Error::data(format!(
                    "there are no manifests in {} any more: somebody has removed them",
                    self.store.path(MANIFESTS)
                )));
            };
            if newest == self.written.load(Ordering::Relaxed) {
                return Ok((newest, self.attempt)); // a number is written once
            }
            match self.found(newest, decode_owner)? {
                Found::It((_, owner)) => return Ok((newest, owner)),
                Found::Missing => {} // newer ones have come, and it was swept
                Found::Corrupt(why) => return Err(Error::data(why)),
            }
        }
    }

    /// Looks for what to start from.
    ///
    /// # Errors
    /// If it cannot be read; the message names its path and says what can be done.
    pub fn start<S: DeserializeOwned>(&self, from: StartFrom) -> Result<Start<S>> {
        let numbers = self.numbers()?;
        let newest = numbers.last().copied().unwrap_or(0);
        let mut passed_over = Vec::new();
        let candidates = match from {
            StartFrom::Number(number) => vec![number],
            _ => numbers.iter().rev().copied().collect(),
        };
        for number in candidates {
            match (self.manifest(number)?, from) {
                (Found::It(manifest), _) => {
                    return Ok(Start { newest, manifest: Some(Box::new(manifest)), passed_over });
                }
                (Found::Missing, StartFrom::Number(_)) => {
                    return Err(Error::options(format!(
                        "there is no checkpoint {}; there are: {numbers:?}",
                        self.store.path(&manifest_name(number))
                    )));
                }
                (Found::Missing, StartFrom::Newest) => return self.start(from), // swept, as there are newer ones
                (Found::Missing, StartFrom::NewestReadable) => {}
                (Found::Corrupt(why), StartFrom::NewestReadable) => passed_over.push(why),
                (Found::Corrupt(why), _) => {
                    return Err(Error::data(format!(
                        "{why}. Restore the file; or start from an older checkpoint, which publishes again what was \
                         published since: --accept-duplicates"
                    )));
                }
            }
        }
        if passed_over.is_empty() {
            return Ok(Start { newest, manifest: None, passed_over });
        }
        Err(Error::data(format!("none of the checkpoints can be read: {}", passed_over.join("; "))))
    }

    pub(crate) fn manifest<S: DeserializeOwned>(&self, number: u64) -> Result<Found<Manifest<S>>> {
        self.found(number, |bytes| {
            let manifest = decode_manifest::<S>(bytes)?;
            match manifest.number == number {
                true => Ok(manifest),
                false => Err(Unreadable::Damaged(format!("is misplaced: by its content it is {}", manifest.number))),
            }
        })
    }

    pub(crate) fn found<T>(
        &self,
        number: u64,
        decode: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<Found<T>> {
        let name = manifest_name(number);
        let bytes = match self.store.read(&name, MAX_MANIFEST_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Found::Missing),
            Err(e) if e.kind() == ErrorKind::Data => return Ok(Found::Corrupt(e.to_string())),
            Err(e) => return Err(e),
        };
        let shown = |why| format!("the manifest {} {why}", self.store.path(&name));
        match decode(&bytes) {
            Ok(it) => Ok(Found::It(it)),
            Err(Unreadable::Damaged(why)) => Ok(Found::Corrupt(shown(why))),
            // Nothing is decided without it: neither what to start from nor what may be removed.
            Err(Unreadable::Foreign(why)) => Err(Error::data(shown(why))),
        }
    }

    /// Writes a data file. `what` is for people who look into the folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_file(&self, what: &str, bytes: &[u8]) -> Result<FileRef> {
        let clean: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DATA}/{}/{number:08}-{clean}", self.attempt);
        match self.store.create(&name, bytes)? {
            Created::Written => Ok(FileRef { name, bytes: bytes.len() as u64, checksum: checksum(bytes) }),
            Created::Exists => Err(Error::internal(format!(
                "{} is there already: two processes have the same attempt id",
                self.store.path(&name)
            ))),
        }
    }

    /// Reads a data file.
    ///
    /// # Errors
    /// If it is not there, or is not what was written; the message names its path.
    pub fn read_file(&self, file: &FileRef) -> Result<Vec<u8>> {
        let path = || self.store.path(&file.name);
        let Some(bytes) = self.store.read(&file.name, file.bytes)? else {
            return Err(Error::data(format!("the data file {} is missing, and the checkpoint needs it", path())));
        };
        if (bytes.len() as u64) < file.bytes {
            let message = format!("the data file {} is torn: it has {} of {} bytes", path(), bytes.len(), file.bytes);
            return Err(Error::data(message));
        }
        if checksum(&bytes) != file.checksum {
            return Err(Error::data(format!("the data file {} is corrupt: its checksum does not match", path())));
        }
        Ok(bytes)
    }

    /// Keeps some bytes: in the manifest if they are few, else in a data file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, what: &str, bytes: Vec<u8>) -> Result<Content> {
        if bytes.len() <= INLINE_BYTES {
            return Ok(Content::inline(bytes));
        }
        self.write_file(what, &bytes).map(Content::File)
    }

    /// The bytes that were [written](Self::write).
    ///
    /// # Errors
    /// If they are in a data file that cannot be [read](Self::read_file).
    pub fn read<'a>(&self, content: &'a Content) -> Result<Cow<'a, [u8]>> {
        match content {
            Content::Inline(bytes) => Ok(Cow::Borrowed(bytes)),
            Content::File(file) => self.read_file(file).map(Cow::Owned),
        }
    }
}

pub(crate) fn manifest_name(number: u64) -> String {
    format!("{MANIFESTS}/{number:020}")
}

pub(crate) fn manifest_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(MANIFESTS)?.strip_prefix('/')?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}
