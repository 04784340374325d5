//! Where results go: standard output, and files that options name.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Prints to standard output. A reader who has seen enough and closed it, as `head` does, is no error.
///
/// # Errors
///
/// If it cannot be written.
pub fn print(text: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output cannot be written"),
        _ => Ok(()),
    }
}

/// Makes sure, before a run, that the file that `option` names can be there after it. `made` is a folder that the run
/// makes.
///
/// # Errors
///
/// If its folder does not exist, or it is a folder itself.
pub fn check_file(option: &str, file: &Path, made: &Path) -> Result<()> {
    let shown = file.display();
    ensure!(!file.is_dir(), "{option} {shown} is a folder: name a file, such as {}", file.join("file").display());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(
        folder.is_dir() || folder == made,
        "the folder of {option} {shown} does not exist: make it (mkdir -p {}), or name another file",
        folder.display()
    );
    Ok(())
}

/// Writes a file.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_file(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}
