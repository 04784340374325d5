//! Files of vectors.

use super::Vector;
use std::path::{Path, PathBuf};

/// A vector and where it is from.
#[derive(Clone, Debug)]
pub struct Located {
    /// The vector.
    pub vector: Vector,
    /// Its file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
}

/// The files of vectors at `path`: itself, or all `.jsonl` files in the folder and below it, in order.
///
/// # Errors
/// If there is nothing, or it cannot be read.
pub fn find_files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |e: std::io::Error| format!("{}: {e}", path.display());
    if !path.metadata().map_err(cannot)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(cannot)?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(cannot)?.into_iter().map(|e| e.path()).collect();
    paths.sort();
    for inner in paths {
        if inner.is_dir() {
            files.extend(find_files(&inner)?);
        } else if inner.extension().is_some_and(|e| e == "jsonl") {
            files.push(inner);
        }
    }
    Ok(files)
}

/// The vectors of a file; for a line that is not one, where it is and what is wrong with it.
///
/// # Errors
/// If the file cannot be read.
pub fn read_file(file: &Path) -> Result<Vec<Result<Located, String>>, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line): (usize, &str)| {
        let line_number = at + 1;
        let located = |vector| Located { vector, file: file.to_owned(), line: line_number };
        Vector::parse(line).map(located).map_err(|e| format!("{}:{line_number}: {e}", file.display()))
    };
    Ok(lines.map(parse).collect())
}
