//! Where checkpoints are kept: a few verbs, so that a folder, an object store and a test can be one.

mod local;
#[cfg(feature = "object-store")]
mod object;
#[cfg(feature = "object-store")]
mod runtime;

pub use local::LocalStore;
#[cfg(feature = "object-store")]
pub use object::ObjectStoreFiles;

use dataflow_core::Result;
use std::time::SystemTime;

/// What came of creating a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Created {
    /// It is there, whole and durable.
    Written,
    /// A file of that name is there already, whole and durable. It is as it was.
    Exists,
}

/// A file that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name, as [`Store::create`] was given it.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was written, by the clock of the store.
    pub modified: SystemTime,
}

/// Files that are created once and never changed.
///
/// Names have parts that are separated by `/`, each of letters, digits, `.`, `_` and `-`, and not beginning with a `.`;
/// [`check_name`] tells.
pub trait Store: Send + Sync {
    /// Creates a file, unless one of the name is there. Nobody ever sees a part of it.
    ///
    /// # Errors
    /// If it is not known whether the file is there and durable: it may be, or may come yet.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created>;

    /// Reads a file; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be read, or has more than `max_bytes`, which is found out before memory is taken for it.
    fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>>;

    /// All files whose names begin with `folder` and a `/`, by name. Whatever was created before is among them.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<Listed>>;

    /// Removes a file. One that is not there is removed.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn delete(&self, name: &str) -> Result<()>;

    /// Removes what writers that were killed have left and nobody will read, if it was written before `before`. Returns
    /// how many files that were.
    ///
    /// # Errors
    /// If it cannot be found.
    fn delete_remains(&self, before: SystemTime) -> Result<usize>;

    /// Where the file of a name is: a path or URL, for messages.
    fn path(&self, name: &str) -> String;
}

/// Refuses a name that no [`Store`] takes. Names also come from manifests, so this keeps what is damaged or made up from
/// reaching files elsewhere.
///
/// # Errors
/// If the name has an empty part, one that begins with `.`, or another character than letters, digits, `.`, `_`, `-`.
pub fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed);
    if name.split('/').all(is_part) {
        return Ok(());
    }
    Err(dataflow_core::Error::data(format!(
        "{name:?} is no name of a file of a checkpoint: it has parts of letters, digits, '.', '_' and '-'"
    )))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_cannot_lead_elsewhere() {
        for good in ["manifests/00000001", "data/0f-a/b_c.sst", "x"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "/x", "x/", "a//b", "../x", "a/../b", "a/.b", "a b", "a\\b", "a\0", "ü"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
