//! What a checkpoint has of the sinks that publish exactly once.

use crate::{Content, LineageId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a sink publishes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum SinkKind {
    /// In transactions that carry the marker, under an id that fences who had it before: Kafka.
    Transactional,
    /// By names, so that publishing twice is publishing once: files. Nobody is fenced, and the marker is the names that
    /// are there.
    Named,
}

/// A sink that publishes exactly once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SinkState {
    /// How it publishes.
    pub kind: SinkKind,
    /// Its shards. Their number is fixed for the pipeline's life, since each has pending epochs and a marker of its own.
    pub shards: Vec<ShardState>,
}

/// A shard of a sink: what is published one thing after the other.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct ShardState {
    /// The last marker that is known to be published. None only before the shard has run for the first time.
    pub committed: Option<Marker>,
    /// The epochs that are not known to be published, the oldest first.
    pub pending: Vec<PendingEpoch>,
}

/// The outputs of an epoch that may not be published yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PendingEpoch {
    /// The lineage it was made in, which may be an ancestor of that of the manifest. Names are made of it.
    pub lineage: LineageId,
    /// Its number.
    pub epoch: u64,
    /// The outputs in order. What is in them only the sink knows.
    pub parts: Vec<Part>,
}

/// Some outputs.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Part {
    /// How many records the part has. Sinks that publish files count a part as one.
    pub records: u64,
    /// Their encoding, or the file to be published.
    pub content: Content,
}

impl PendingEpoch {
    /// The records of all parts.
    pub fn records(&self) -> u64 {
        self.parts.iter().map(|part| part.records).sum()
    }
}

/// How far a shard is published: all epochs before `epoch`, and so many records of it.
///
/// A transactional sink writes it in the transaction that publishes the records, so that both are there or neither is.
///
/// ```
/// use dataflow_checkpoint::{LineageId, Marker};
/// let marker = Marker { lineage: LineageId::from_u128(0xc0ffee), epoch: 7, records: 1200 };
/// assert_eq!(marker.to_string(), "00000000000000000000000000c0ffee/7/1200");
/// assert_eq!("00000000000000000000000000c0ffee/7/1200".parse(), Ok(marker));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Marker {
    /// The lineage of the process that has published.
    pub lineage: LineageId,
    /// The last epoch of which something is published.
    pub epoch: u64,
    /// How many of its records are.
    pub records: u64,
}

impl Marker {
    /// Epoch and records, in the order in which things are published.
    pub(crate) fn position(self) -> (u64, u64) {
        (self.epoch, self.records)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.lineage, self.epoch, self.records)
    }
}

/// That a text is no [`Marker`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMarker;

impl fmt::Display for NoMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no marker: expected lineage/epoch/records")
    }
}

impl std::error::Error for NoMarker {}

impl std::str::FromStr for Marker {
    type Err = NoMarker;

    fn from_str(text: &str) -> Result<Self, NoMarker> {
        let mut fields = text.split('/');
        let lineage = fields.next().and_then(|hex| u128::from_str_radix(hex, 16).ok());
        let mut number = || fields.next().and_then(|digits| digits.parse().ok());
        match (lineage, number(), number(), fields.next()) {
            (Some(lineage), Some(epoch), Some(records), None) => {
                Ok(Marker { lineage: LineageId::from_u128(lineage), epoch, records })
            }
            _ => Err(NoMarker),
        }
    }
}
