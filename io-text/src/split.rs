//! The restriction of text sources: a range of bytes of a file.

use crate::compression::Compression;
use crate::files::{self, InputFile};
use crate::stream;
use dataflow_core::Result;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::Path;

/// A part of a file: the lines that begin in a range of its bytes. The rest of a line that begins before the range is
/// passed over, and the last line is read to its end, so that ranges that join have each line once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TextSplit {
    pub(crate) path: OsString,
    /// Where it begins: any byte for a range of lines; else the first byte of a record.
    pub(crate) from: u64,
    /// Where it ends; `END` for all there is.
    pub(crate) to: u64,
    pub(crate) compression: Compression,
    pub(crate) stream: bool,
}

pub(crate) const END: u64 = u64::MAX;

impl TextSplit {
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    /// Whether it can be cut anywhere.
    pub(crate) fn is_plain_file(&self) -> bool {
        self.compression == Compression::None && !self.stream
    }

    /// What people call the file.
    pub(crate) fn name(&self) -> String {
        stream::name(self.path())
    }
}

/// Cuts `inputs` into about `desired` splits of at least `min_bytes` each. Compressed files and streams are one split
/// each, as are all files if `whole_files`.
pub(crate) fn plan(
    inputs: Vec<InputFile>,
    compression: Compression,
    desired: usize,
    min_bytes: u64,
    whole_files: bool,
) -> Result<Vec<TextSplit>> {
    let total: u64 = inputs.iter().filter_map(|input| input.len).sum();
    let target = total.div_ceil(desired.max(1) as u64).max(min_bytes).max(1);
    let mut splits = Vec::new();
    for InputFile { path, len } in inputs {
        let whole = |from, compression, stream| {
            let path = path.clone().into_os_string();
            TextSplit { path, from, to: END, compression, stream }
        };
        let Some(len) = len else {
            splits.push(whole(stream::begin(&path), compression, true));
            continue;
        };
        let compression = files::detect(&path, compression)?;
        if len == 0 {
            continue; // but it had to be readable
        }
        let split = whole(0, compression, false);
        if compression != Compression::None {
            splits.push(split);
            continue;
        }
        let count = if whole_files { 1 } else { ((len + target / 2) / target).min(len / min_bytes.max(1)).max(1) };
        let cut = |i: u64| (u128::from(len) * u128::from(i) / u128::from(count)) as u64;
        splits.extend((0..count).map(|i| TextSplit { from: cut(i), to: cut(i + 1), ..split.clone() }));
    }
    Ok(splits)
}
