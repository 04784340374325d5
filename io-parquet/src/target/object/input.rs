//! An object that is being read.

use super::runtime::wait;
use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are asked for at once: pages are small, and a request is dear.
const BLOCK: u64 = 1 << 20;

/// Blocks that are kept: one for each of the columns that are read side by side, and some more.
const BLOCKS: usize = 32;

/// An object to read. Clones share what is kept of it.
#[derive(Clone)]
pub(crate) struct ObjectInput {
    object: Arc<Object>,
}

struct Object {
    store: Arc<dyn ObjectStore>,
    key: Path,
    len: u64,
    /// By number; the last used is last.
    blocks: Mutex<VecDeque<(u64, Bytes)>>,
}

impl ObjectInput {
    pub(super) fn new(store: Arc<dyn ObjectStore>, key: Path, len: u64) -> Self {
        ObjectInput { object: Arc::new(Object { store, key, len, blocks: Mutex::default() }) }
    }

    pub(crate) fn len(&self) -> u64 {
        self.object.len
    }

    /// The bytes from `start` on, which must be there.
    pub(crate) fn bytes(&self, start: u64, length: usize) -> object_store::Result<Bytes> {
        let end = start + length as u64;
        if length as u64 >= BLOCK {
            return wait(self.object.store.get_range(&self.object.key, start..end));
        }
        let mut bytes = BytesMut::with_capacity(length);
        let mut position = start;
        while position < end {
            let number = position / BLOCK;
            let block = self.block(number)?;
            let from = (position - number * BLOCK) as usize;
            let to = block.len().min((end - number * BLOCK) as usize);
            if to == block.len() && from >= to {
                break; // the object became shorter: who asked sees that bytes are missing
            }
            if position == start && to - from == length {
                return Ok(block.slice(from..to));
            }
            bytes.extend_from_slice(&block[from..to]);
            position += (to - from) as u64;
        }
        Ok(bytes.freeze())
    }

    fn block(&self, number: u64) -> object_store::Result<Bytes> {
        let mut blocks = self.object.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = blocks.iter().position(|(kept, _)| *kept == number).and_then(|place| blocks.remove(place));
        let block = match kept {
            Some((_, block)) => block,
            None => {
                let end = self.object.len.min((number + 1) * BLOCK);
                wait(self.object.store.get_range(&self.object.key, number * BLOCK..end))?
            }
        };
        if blocks.len() >= BLOCKS {
            blocks.pop_front();
        }
        blocks.push_back((number, block.clone()));
        Ok(block)
    }
}
