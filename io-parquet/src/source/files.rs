//! Which files a path means.

use crate::target::folder::is_hidden;
use dataflow_core::{Error, Result};
use std::fs;
use std::io;
use std::path::Path;

/// A file to read.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// The files that a local path means, by name.
pub(crate) fn find_local(pattern: &str) -> Result<Vec<DataFile>> {
    let path = Path::new(pattern);
    let mut files = Vec::new();
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => add_folder(path, 0, &mut files)?,
        Ok(meta) => files.push(DataFile { path: pattern.to_owned(), bytes: meta.len() }),
        Err(e) if e.kind() == io::ErrorKind::NotFound && pattern.contains(['*', '?', '[']) => {
            add_matches(pattern, &mut files)?;
        }
        Err(e) => return Err(unreadable(path, e)),
    }
    Ok(files)
}

fn add_matches(pattern: &str, files: &mut Vec<DataFile>) -> Result<()> {
    // As in a shell, a star does not stand for hidden files.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let matches = glob::glob_with(pattern, options)
        .map_err(|e| Error::options(format!("\"{pattern}\" is no valid file pattern: {e}")))?;
    let mut any = false;
    for found in matches {
        let path = found.map_err(|e| {
            let path = e.path().to_owned();
            unreadable(&path, e.into())
        })?;
        if path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy())) {
            continue;
        }
        any = true;
        let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
        if meta.is_dir() {
            add_folder(&path, 0, files)?;
        } else {
            files.push(DataFile { path: text(&path)?, bytes: meta.len() });
        }
    }
    if any {
        Ok(())
    } else {
        let message = "check the pattern, or write the files first";
        Err(Error::options(format!("no file matches \"{pattern}\": {message}")))
    }
}

/// Deeper than any table, so that links in a circle end.
const MAX_DEPTH: usize = 32;

fn add_folder(folder: &Path, depth: usize, files: &mut Vec<DataFile>) -> Result<()> {
    if depth > MAX_DEPTH {
        let message = "is more than 32 folders deep: is there a link to a folder above it?";
        return Err(Error::data(format!("{} {message}", folder.display())));
    }
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>())
        .map_err(|e| unreadable(folder, e))?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_hidden(&name) {
            continue;
        }
        let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
        if meta.is_dir() {
            add_folder(&path, depth + 1, files)?;
        } else if name.ends_with(".parquet") {
            files.push(DataFile { path: text(&path)?, bytes: meta.len() });
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Error::options(format!("the path {} is not UTF-8: rename it", path.display())))
}

/// The error for a path that cannot be read.
pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} does not exist: check the path"),
        io::ErrorKind::PermissionDenied => {
            format!("{shown} may not be read by this user: change its permissions (chmod +r; +rx for folders)")
        }
        _ => format!("{shown} cannot be read"),
    };
    Error::io(message, error)
}
