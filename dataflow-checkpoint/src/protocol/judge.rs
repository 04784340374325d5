//! Whether what is published fits the chain: a pure function of both.

use crate::{Lineage, Marker, ShardState, SinkKind};
use std::fmt;

/// How far a shard is published: epoch, and records of it.
pub(super) type Position = (u64, u64);

/// What a marker has that does not fit the chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Problem {
    /// Outputs are published that the chain does not have.
    Ahead {
        /// What is published.
        marker: Marker,
        /// The last epoch the chain has of that lineage.
        epoch: u64,
    },
    /// Outputs that the chain knows to be published are not.
    Behind {
        /// What is published.
        marker: Marker,
        /// What is known to be.
        known: Marker,
    },
    /// Outputs are published by a history that the chain does not know.
    OtherLineage {
        /// What is published.
        marker: Marker,
    },
    /// There is no marker, and the chain says there was one.
    Missing {
        /// The marker that is known.
        known: Marker,
    },
    /// A fork has left manifests behind whose outputs can still appear, since nobody can be fenced.
    Abandoned {
        /// The last epoch that the fork has kept.
        epoch: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Ahead { marker, epoch } => write!(
                f,
                "its outputs are published up to epoch {} ({} records of it), but the checkpoint ends with epoch {epoch}: \
                 it is older than the outputs, so what follows would be published twice. Start from the newest \
                 checkpoint of lineage {}, or",
                marker.epoch, marker.records, marker.lineage
            ),
            Problem::Behind { marker, known } => write!(
                f,
                "its outputs are published up to epoch {} ({} records of it), but the checkpoint knows them to have been \
                 published up to epoch {} ({} records): the target has lost data, or is another one. Restore it, or",
                marker.epoch, marker.records, known.epoch, known.records
            ),
            Problem::OtherLineage { marker } => write!(
                f,
                "its outputs were published by another history (lineage {}) than that of the checkpoint: the checkpoints \
                 were removed, were forked, or are those of another pipeline that writes to the same target. Use the \
                 checkpoints that belong to it, give the sink another target or id, or",
                marker.lineage
            ),
            Problem::Missing { known } => write!(
                f,
                "the marker that says what is published is gone; it was at epoch {} ({} records of it). The target was \
                 made anew, or it has forgotten the marker, since the pipeline was down for longer than markers are kept \
                 (Kafka: offsets.retention.minutes). What the checkpoint has pending may be published already. Check, or",
                known.epoch, known.records
            ),
            Problem::Abandoned { epoch } => write!(
                f,
                "the start from an older checkpoint (epoch {epoch}) leaves later ones behind, whose files are published \
                 or may still be. Start from the newest checkpoint, or",
            ),
        }?;
        f.write_str(
            " start with --accept-duplicates: the run then goes on from the checkpoint in a lineage of its own, and outputs \
             after it may be there twice, or be missing where the target has lost them",
        )
    }
}

/// Says how far the shard is published, or why that does not fit. `epoch` is the last one of the manifest.
pub(super) fn judge(
    kind: SinkKind,
    lineage: &Lineage,
    epoch: u64,
    shard: &ShardState,
    found: &[Marker],
) -> Result<Position, Problem> {
    let known = shard.committed.map_or((0, 0), Marker::position);
    match kind {
        SinkKind::Transactional => transactional(lineage, epoch, shard, known, found.first().copied()),
        SinkKind::Named => named(lineage, epoch, known, found),
    }
}

fn transactional(
    lineage: &Lineage,
    epoch: u64,
    shard: &ShardState,
    known: Position,
    found: Option<Marker>,
) -> Result<Position, Problem> {
    let Some(marker) = found else {
        return shard.committed.map_or(Ok((0, 0)), |known| Err(Problem::Missing { known }));
    };
    let (bound, accepted) = match lineage.ancestor(marker.lineage) {
        _ if marker.lineage == lineage.id => (epoch, false),
        Some(ancestor) => (ancestor.epoch, ancestor.accepted),
        None if lineage.foreign.contains(&marker.lineage) => return Ok(known),
        None => return Err(Problem::OtherLineage { marker }),
    };
    let pending = |epoch| shard.pending.iter().find(|pending| pending.epoch == epoch);
    let too_many = pending(marker.epoch).is_some_and(|pending| marker.records > pending.records());
    if marker.epoch > bound || too_many {
        // Epochs are published in order: all up to the bound are.
        let all = (bound, pending(bound).map_or(0, |pending| pending.records()));
        return if accepted { Ok(all.max(known)) } else { Err(Problem::Ahead { marker, epoch: bound }) };
    }
    match shard.committed {
        Some(known) if marker.position() < known.position() => Err(Problem::Behind { marker, known }),
        _ => Ok(marker.position()),
    }
}

/// Names say what is ahead of the chain. They do not say what is missing: files that were published may have been moved
/// or merged since, so whatever is pending is published once more, which changes nothing where it is there.
fn named(lineage: &Lineage, epoch: u64, known: Position, found: &[Marker]) -> Result<Position, Problem> {
    for marker in found {
        match lineage.ancestor(marker.lineage) {
            _ if marker.lineage == lineage.id && marker.epoch > epoch => {
                return Err(Problem::Ahead { marker: *marker, epoch });
            }
            _ if marker.lineage == lineage.id => {}
            Some(ancestor) if marker.epoch > ancestor.epoch && !ancestor.accepted => {
                return Err(Problem::Ahead { marker: *marker, epoch: ancestor.epoch });
            }
            Some(_) => {}
            None if lineage.foreign.contains(&marker.lineage) => {}
            None => return Err(Problem::OtherLineage { marker: *marker }),
        }
    }
    match lineage.ancestors.iter().find(|ancestor| ancestor.abandoned && !ancestor.accepted) {
        Some(ancestor) => Err(Problem::Abandoned { epoch: ancestor.epoch }),
        None => Ok(known),
    }
}
