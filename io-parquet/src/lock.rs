//! Lock files: who may write to a folder.
//!
//! A lock is the kernel's (`flock`), so that it is gone when its holder is, however that came. The file has a few words
//! on the holder, for the message to whom it is refused. Lock files are removed by their holder; so whoever gets a lock
//! looks whether the path still names the file that was locked.

use dataflow_core::{Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whether others may hold the lock as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// Others may, if they share it, too.
    Shared,
    /// Nobody else.
    Exclusive,
}

/// What came of an attempt.
pub(crate) enum Attempt {
    /// It is held now.
    Held(Lock),
    /// Somebody else holds it: what they say of themselves.
    Refused(String),
}

/// A lock, held until it is dropped or its process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock at `path`, whose holder calls itself `who`, without waiting.
    pub(crate) fn take(path: &Path, hold: Hold, who: &str) -> Result<Attempt> {
        let failed = |e| Error::io(format!("the lock file {} cannot be used", path.display()), e);
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
            let locked = match hold {
                Hold::Shared => file.try_lock_shared(),
                Hold::Exclusive => file.try_lock(),
            };
            match locked {
                Ok(()) if !is_at(&file, path).map_err(failed)? => {} // removed meanwhile: there may be a new one
                Ok(()) => {
                    file.set_len(0).and_then(|()| file.write_all(who.as_bytes())).map_err(failed)?;
                    return Ok(Attempt::Held(Lock { file, path: path.to_owned() }));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Told as well as can be: it is only a message.
                    _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut holder));
                    return Ok(Attempt::Refused(if holder.is_empty() { "somebody".to_owned() } else { holder }));
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
        }
    }

    /// Puts the same lock at `path`, too: who tries to take it there is refused as well.
    pub(crate) fn also_at(&self, path: &Path) -> std::io::Result<()> {
        fs::hard_link(&self.path, path)
    }

    /// Gives the lock up and removes the file, unless others share it.
    pub(crate) fn remove(self) {
        // Nobody must be able to lock a file of this name while another one, removed, is still locked.
        if self.file.try_lock().is_ok() {
            _ = fs::remove_file(&self.path); // left over it does no harm
        }
    }
}

/// Whether `path` still names the open file.
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((own.dev(), own.ino()) == (there.dev(), there.ino())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(path: &Path, hold: Hold, who: &str) -> Lock {
        match Lock::take(path, hold, who).unwrap() {
            Attempt::Held(lock) => lock,
            Attempt::Refused(holder) => panic!("refused: {holder}"),
        }
    }

    fn refused(path: &Path, hold: Hold) -> String {
        match Lock::take(path, hold, "the second").unwrap() {
            Attempt::Held(_) => panic!("not refused"),
            Attempt::Refused(holder) => holder,
        }
    }

    #[test]
    fn who_is_refused_is_told_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = held(&path, Hold::Exclusive, "the first");
        assert_eq!(refused(&path, Hold::Exclusive), "the first");
        assert_eq!(refused(&path, Hold::Shared), "the first");
        drop(first);
        let _third = held(&path, Hold::Shared, "the third");
        let _fourth = held(&path, Hold::Shared, "the fourth");
        assert_eq!(refused(&path, Hold::Exclusive), "the fourth");
    }

    #[test]
    fn a_removed_lock_is_free_and_a_linked_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("lock"), dir.path().join("link"));
        held(&path, Hold::Exclusive, "the first").remove();
        assert!(!path.exists());
        let second = held(&path, Hold::Exclusive, "the second");
        second.also_at(&link).unwrap();
        assert_eq!(refused(&link, Hold::Shared), "the second");
    }

    #[test]
    fn a_lock_that_others_share_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _other = held(&path, Hold::Shared, "another");
        held(&path, Hold::Shared, "the first").remove();
        assert!(path.exists());
    }
}
