//! A link of the chain: what a run was at a moment, and who has written it down.

use crate::{AttemptId, Bytes, Content, FileRef, Lineage, SinkState};
use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why a manifest was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ManifestKind {
    /// A process took over: the state is that of the manifest it started from, the owner is new.
    Takeover,
    /// A checkpoint was complete.
    Checkpoint,
}

/// A manifest: one number of the chain, written once by whoever comes first, and never changed.
///
/// `S` is the state of everything but the sinks. The protocol does not look into it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Manifest<S = Snapshot> {
    // The first three are what a manifest begins with whatever its state is: see `decode_owner`.
    /// The history it belongs to.
    pub lineage: Lineage,
    /// Its place in the chain, from 1.
    pub number: u64,
    /// Who has written it.
    pub owner: AttemptId,
    /// Why it was written.
    pub kind: ManifestKind,
    /// When it was written, by the clock of its owner. For people: nothing is decided by it.
    pub written: Timestamp,
    /// The last epoch whose outputs are in it. Epochs count checkpoints, and go on in a fork.
    pub epoch: u64,
    /// The sinks that publish exactly once, by the path of their step.
    pub sinks: BTreeMap<String, SinkState>,
    /// All other state.
    pub state: S,
}

/// The state of a run at a barrier.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The fingerprint of the graph that was run.
    pub graph: u64,
    /// The number of key groups, which is fixed for the pipeline's life.
    pub key_groups: u32,
    /// The steps that have state, by path.
    pub steps: BTreeMap<String, StepState>,
    /// The schemas of the state, each once, by fingerprint.
    pub schemas: BTreeMap<u64, Bytes>,
    /// Where the sources are: the splits of each, by the path of their step.
    pub sources: BTreeMap<String, Vec<SplitPosition>>,
    /// Watermarks, by path of the step that has passed them.
    pub watermarks: BTreeMap<String, Timestamp>,
}

/// The state of a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct StepState {
    /// The fingerprint of its schema, if it has one.
    pub schema: Option<u64>,
    /// Its pieces. Incremental state has several of the same key groups.
    pub pieces: Vec<Piece>,
}

/// State of some key groups of a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// The key groups; none for state that belongs to no key.
    pub key_groups: Option<KeyGroups>,
    /// The state.
    pub content: Content,
}

/// Key groups that follow each other, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct KeyGroups {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// Where a split of a source is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SplitPosition {
    /// What the source calls the split.
    pub split: String,
    /// Where to go on, as the source has encoded it; none if the split is finished, which must not be forgotten.
    pub position: Option<Bytes>,
    /// The split's own watermark.
    pub watermark: Timestamp,
}

/// State that may refer to data files, so that sweeping knows what is needed.
pub trait HasFiles {
    /// All of them.
    fn files(&self) -> Vec<&FileRef>;
}

impl HasFiles for Snapshot {
    fn files(&self) -> Vec<&FileRef> {
        let pieces = self.steps.values().flat_map(|step| &step.pieces);
        pieces.filter_map(|piece| piece.content.file()).collect()
    }
}

impl<S: HasFiles> Manifest<S> {
    /// The data files that the manifest needs: of its state and of its pending outputs.
    pub fn files(&self) -> BTreeSet<&FileRef> {
        let shards = self.sinks.values().flat_map(|sink| &sink.shards);
        let parts = shards.flat_map(|shard| &shard.pending).flat_map(|epoch| &epoch.parts);
        self.state.files().into_iter().chain(parts.filter_map(|part| part.content.file())).collect()
    }
}
