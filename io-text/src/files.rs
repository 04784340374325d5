//! Which files a pattern means.

use crate::compression::Compression;
use dataflow_core::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What stands for standard input among paths.
pub(crate) const STANDARD_INPUT: &str = "-";

/// Something to read.
#[derive(Debug)]
pub(crate) struct InputFile {
    pub(crate) path: PathBuf,
    /// The size in bytes; nothing for what is no regular file, such as standard input and named pipes.
    pub(crate) len: Option<u64>,
}

/// The files that `patterns` mean, in the order of the patterns and then of their names.
pub(crate) fn find(patterns: &[String]) -> Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for pattern in patterns {
        find_one(pattern, &mut files)?;
    }
    Ok(files)
}

fn find_one(pattern: &str, files: &mut Vec<InputFile>) -> Result<()> {
    if pattern == STANDARD_INPUT {
        files.push(InputFile { path: pattern.into(), len: None });
        return Ok(());
    }
    let path = Path::new(pattern);
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return add_directory(path, files),
        Ok(meta) => {
            files.push(InputFile { path: path.to_owned(), len: meta.is_file().then_some(meta.len()) });
            return Ok(());
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound && is_glob(pattern) => {}
        Err(e) => return Err(unreadable(path, e)),
    }
    let before = files.len();
    // As in a shell, a star does not stand for hidden files.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let matches = glob::glob_with(pattern, options)
        .map_err(|e| Error::options(format!("\"{pattern}\" is no valid file pattern: {e}")))?;
    for found in matches {
        let path = found.map_err(|e| {
            let path = e.path().to_owned();
            unreadable(&path, e.into())
        })?;
        let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
        match meta.is_dir() {
            true => add_directory(&path, files)?,
            false => files.push(InputFile { path, len: meta.is_file().then_some(meta.len()) }),
        }
    }
    match files.len() == before {
        true => Err(Error::options(format!(
            "no file matches \"{pattern}\"{}: check the pattern, or create the files first",
            seen_from(path)
        ))),
        false => Ok(()),
    }
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// All files below `directory`, but for those that are hidden or in the making (`.name`, `_name`).
fn add_directory(directory: &Path, files: &mut Vec<InputFile>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|e| unreadable(directory, e))?;
    entries.retain(|path| !is_hidden(path));
    entries.sort();
    for path in entries {
        let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
        match meta.is_dir() {
            true => add_directory(&path, files)?,
            false if meta.is_file() => files.push(InputFile { path, len: Some(meta.len()) }),
            false => {} // sockets and the like
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')))
}

/// How the file is compressed, by its first bytes.
pub(crate) fn detect(path: &Path, compression: Compression) -> Result<Compression> {
    let mut magic = Vec::new();
    open(path)?.take(4).read_to_end(&mut magic).map_err(|e| unreadable(path, e))?;
    compression.resolve(path, &magic)
}

pub(crate) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| unreadable(path, e))
}

/// The error for a path that cannot be read.
pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{shown} does not exist{}: check the path", seen_from(path))
        }
        io::ErrorKind::PermissionDenied => {
            format!("{shown} may not be read by this user: change its permissions (chmod +r; +rx for directories)")
        }
        _ => format!("{shown} cannot be read"),
    };
    Error::io(message, error)
}

/// For relative paths: where they are relative to, which is the usual mistake.
fn seen_from(path: &Path) -> String {
    match std::env::current_dir() {
        Ok(directory) if path.is_relative() => format!(" (seen from {})", directory.display()),
        _ => String::new(),
    }
}
