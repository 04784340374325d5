//! The history that a checkpoint belongs to, and those that it has come from.

use crate::{AttemptId, LineageId};
use serde::{Deserialize, Serialize};

/// A history and where it has come from.
///
/// Within a lineage an epoch has one content, for its manifest is written once. A *fork* goes back to an older
/// checkpoint; the epochs that follow will have other contents than those of the same number before. So a fork begins a
/// lineage of its own, and markers and names that tell their lineage cannot be mistaken for each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Lineage {
    /// This one.
    pub id: LineageId,
    /// Those that it has come from, the oldest first.
    pub ancestors: Vec<Ancestor>,
    /// Lineages that have nothing to do with this one, whose markers were accepted all the same.
    pub foreign: Vec<LineageId>,
}

/// A lineage that was left by a fork.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Ancestor {
    /// The lineage.
    pub id: LineageId,
    /// The last of its epochs that the fork has kept.
    pub epoch: u64,
    /// Whether the fork has left later manifests of the chain behind. Their outputs may be published already.
    pub abandoned: bool,
    /// Whether it was accepted that outputs of the ancestor's later epochs are there twice.
    pub accepted: bool,
}

impl Lineage {
    /// The first lineage of a pipeline.
    pub fn new(attempt: AttemptId) -> Self {
        Lineage { id: LineageId::begun_by(attempt), ancestors: Vec::new(), foreign: Vec::new() }
    }

    /// The lineage that `attempt` begins after the epoch `epoch` of this one.
    pub fn fork(&self, attempt: AttemptId, epoch: u64, abandoned: bool, accepted: bool) -> Self {
        let mut fork = self.clone();
        fork.ancestors.push(Ancestor { id: self.id, epoch, abandoned, accepted });
        fork.id = LineageId::begun_by(attempt);
        if accepted {
            fork.accept(None);
        }
        fork
    }

    /// Accepts whatever ancestors and the lineage `foreign` have published.
    pub(crate) fn accept(&mut self, foreign: Option<LineageId>) {
        self.ancestors.iter_mut().for_each(|ancestor| ancestor.accepted = true);
        self.foreign.extend(foreign.filter(|id| !self.foreign.contains(id)));
    }

    /// What is known of `id` as an ancestor.
    pub fn ancestor(&self, id: LineageId) -> Option<&Ancestor> {
        self.ancestors.iter().find(|ancestor| ancestor.id == id)
    }
}
