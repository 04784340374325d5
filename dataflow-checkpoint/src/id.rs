//! What tells processes, and the histories that they write, apart.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names one start of one process. A process that is started again has another one, so what it finds in the chain
/// under its own attempt it has written itself.
///
/// ```
/// use dataflow_checkpoint::AttemptId;
/// let attempt = AttemptId::random();
/// assert_ne!(attempt, AttemptId::random());
/// assert_eq!(AttemptId::from_u128(10).to_string(), "0000000000000000000000000000000a");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(u128);

impl AttemptId {
    /// An attempt of this number, which must be used by no other process.
    pub const fn from_u128(id: u128) -> Self {
        AttemptId(id)
    }

    /// The number.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// An attempt that no other process has. The only random choice of this crate: everything else is given it.
    pub fn random() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The keys of a RandomState come from the system's random source.
        let half = |salt: u8| u128::from(RandomState::new().hash_one((salt, now, std::process::id())));
        AttemptId(half(0) << 64 | half(1))
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Names a history in which every epoch has one content: that of the attempt which began it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineageId(AttemptId);

impl LineageId {
    /// The lineage that begins with `attempt`.
    pub const fn begun_by(attempt: AttemptId) -> Self {
        LineageId(attempt)
    }

    /// The lineage of this number, as a marker or the name of a file tells it.
    pub const fn from_u128(id: u128) -> Self {
        LineageId(AttemptId(id))
    }

    /// The number.
    pub const fn as_u128(self) -> u128 {
        self.0.0
    }
}

impl fmt::Display for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
