//! What the files of a run are named by.

use dataflow_windows::Timestamp;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names a run: the second it began and 32 random bits, such as `20260131T220000-0f3a9c1b`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RunId(String);

impl RunId {
    pub(crate) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = Timestamp::from_seconds(since_1970.as_secs() as i64).to_string();
        let digits: String = second.chars().filter(|c| c.is_ascii_digit() || *c == 'T').collect();
        // The keys of a RandomState come from the system's random source.
        let random = RandomState::new().hash_one((since_1970, std::process::id())) as u32;
        RunId(format!("{digits}-{random:08x}"))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_begin_together_have_different_names() {
        let (a, b) = (RunId::new(), RunId::new());
        assert_ne!(a, b);
        assert_eq!(a.to_string().len(), "20260131T220000-0f3a9c1b".len());
    }
}
