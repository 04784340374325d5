//! Where the bytes of a file come from.

use super::unreadable;
use bytes::Bytes;
use dataflow_core::{Error, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A file that is open. Clones share it, but no position in it.
#[derive(Clone)]
pub(crate) enum Input {
    Local {
        file: Arc<File>,
        len: u64,
    },
    #[cfg(feature = "object-store")]
    Object(crate::target::object::ObjectInput),
}

impl Input {
    pub(crate) fn local(path: &str) -> Result<Self> {
        let failed = |e| unreadable(Path::new(path), e);
        let meta = std::fs::metadata(path).map_err(failed)?;
        if !meta.is_file() {
            return Err(Error::options(format!("{path} is no regular file: Parquet is read from its end")));
        }
        let file = File::open(path).map_err(failed)?;
        Ok(Input::Local { file: Arc::new(file), len: meta.len() })
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        match self {
            Input::Local { len, .. } => *len,
            #[cfg(feature = "object-store")]
            Input::Object(object) => object.len(),
        }
    }
}

impl ChunkReader for Input {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(From { input: self.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start.saturating_add(length as u64) > self.len() {
            let len = self.len();
            return Err(ParquetError::EOF(format!(
                "bytes {start} to +{length} of a file of {len} bytes were asked for"
            )));
        }
        match self {
            Input::Local { file, .. } => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, start)?;
                Ok(bytes.into())
            }
            #[cfg(feature = "object-store")]
            Input::Object(object) => object.bytes(start, length).map_err(|e| ParquetError::External(e.into())),
        }
    }
}

/// Reads an input from a position on.
pub(crate) struct From {
    input: Input,
    position: u64,
}

impl Read for From {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = match &self.input {
            Input::Local { file, .. } => file.read_at(to, self.position)?,
            #[cfg(feature = "object-store")]
            Input::Object(object) => {
                let n = to.len().min(object.len().saturating_sub(self.position) as usize);
                to[..n].copy_from_slice(&object.bytes(self.position, n).map_err(io::Error::other)?);
                n
            }
        };
        self.position += n as u64;
        Ok(n)
    }
}
