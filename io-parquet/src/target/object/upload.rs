//! An object that is being written.

use super::runtime::wait;
use crate::target::{Sealed, TargetFile};
use dataflow_core::{Error, Result};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes that are sent at once: stores ask for at least 5 MiB and take 10,000 parts.
const PART_BYTES: usize = 16 << 20;

/// An object that is sent in parts. It appears when all have come.
pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    key: Path,
    /// The key, relative to the target.
    staged: String,
    /// What the key is to be, relative to the target.
    path: String,
    part: Vec<u8>,
    bytes: u64,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, key: Path, staged: String, path: String) -> Self {
        Upload { store, key, staged, path, part: Vec::new(), bytes: 0, parts: None }
    }

    fn send_part(&mut self) -> object_store::Result<()> {
        let part = PutPayload::from(std::mem::take(&mut self.part));
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(wait(self.store.put_multipart(&self.key))?),
        };
        wait(parts.put_part(part))
    }

    /// Sends a small object at once, refusing to replace another one where the store can tell.
    fn send_whole(&mut self) -> object_store::Result<()> {
        let payload = PutPayload::from(std::mem::take(&mut self.part));
        let create = wait(self.store.put_opts(&self.key, payload.clone(), PutMode::Create.into()));
        match create {
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                wait(self.store.put(&self.key, payload)).map(|_| ()) // the name is unique anyway
            }
            other => other.map(|_| ()),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        if self.part.len() >= PART_BYTES {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TargetFile for Upload {
    fn seal(&mut self) -> Result<Sealed> {
        let sent = if self.parts.is_none() {
            self.send_whole()
        } else {
            let last = if self.part.is_empty() { Ok(()) } else { self.send_part() };
            last.and_then(|()| self.parts.as_mut().map_or(Ok(()), |parts| wait(parts.complete()).map(|_| ())))
        };
        sent.map_err(|e| Error::io(format!("{} cannot be written to the object store", self.key), e))?;
        self.parts = None;
        Ok(Sealed { staged: self.staged.clone(), path: self.path.clone(), rows: 0, bytes: self.bytes })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = &mut self.parts {
            _ = wait(parts.abort()); // stores remove parts without an object in time, too
        }
    }
}
