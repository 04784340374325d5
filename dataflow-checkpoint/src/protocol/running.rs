//! A process that runs: checkpoints are appended, their outputs published, and interruptions explained by the chain.

use super::mutation::Mutation;
use super::process::{Process, ShardPhase, Stage, unasked};
use super::{Action, Publish, ShardId};
use crate::{ManifestKind, Marker, Part, PendingEpoch, SinkKind};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;

impl<S: Clone> Process<S> {
    /// Whether a checkpoint can be taken now: the process runs, and the last one is in the chain.
    pub fn can_checkpoint(&self) -> bool {
        self.is_running() && self.chain.is_still()
    }

    /// Takes a checkpoint: the state at a barrier, and what the sinks have been given since the last one. The outputs are
    /// published when its manifest is in the chain. Returns its epoch, which [`Action::Completed`] names then.
    ///
    /// # Errors
    /// If none [can be taken](Self::can_checkpoint) now, or outputs are for a shard that does not exist.
    pub fn checkpoint(&mut self, state: S, mut outputs: BTreeMap<ShardId, Vec<Part>>, now: Timestamp) -> Result<u64> {
        let last = self.chain.last().filter(|_| self.can_checkpoint());
        let Some(last) = last else {
            return Err(Error::internal("a checkpoint was begun before the process runs or the last one was complete"));
        };
        let mut manifest = last.clone();
        manifest.number += 1;
        manifest.epoch += 1;
        manifest.kind = ManifestKind::Checkpoint;
        manifest.written = now;
        manifest.state = state;
        manifest.sinks = self.sinks();
        let (epoch, lineage) = (manifest.epoch, manifest.lineage.id);
        for (state, sink) in manifest.sinks.values_mut().zip(0..) {
            for (shard, index) in state.shards.iter_mut().zip(0..) {
                if self.mutated.by(Mutation::TrimEarly) {
                    shard.pending.clear();
                }
                let pending = PendingEpoch {
                    lineage,
                    epoch,
                    parts: outputs.remove(&ShardId { sink, index }).unwrap_or_default(),
                };
                if pending.records() > 0 {
                    shard.pending.push(pending);
                }
            }
        }
        if let Some(id) = outputs.keys().next() {
            return Err(Error::internal(format!("there are outputs for {id:?}, which no sink has")));
        }
        let action = self.chain.append(manifest);
        self.actions.push(action);
        Ok(epoch)
    }

    /// The manifest of a checkpoint is in the chain: from now on its outputs may be published.
    pub(super) fn on_completed(&mut self) {
        let Some(last) = self.chain.last() else { return };
        let (epoch, number) = (last.epoch, last.number);
        for (sink, index) in last.sinks.values().zip(0..) {
            for (state, shard) in sink.shards.iter().zip(0..) {
                let new = state.pending.iter().find(|pending| pending.epoch == epoch);
                let id = ShardId { sink: index, index: shard };
                if let (Some(new), Some(own)) = (new, self.shards.iter_mut().find(|own| own.id == id)) {
                    own.state.pending.push(new.clone());
                }
            }
        }
        self.actions.push(Action::Completed { epoch, number });
        let ids: Vec<ShardId> = self.shards.iter().map(|shard| shard.id).collect();
        for id in ids {
            _ = self.go_on(id); // the shard is one of these
        }
    }

    /// Writes the markers of all transactional shards that have nothing to do once more, so that the broker does not
    /// forget them. Due long before it would (Kafka: a tenth of `offsets.retention.minutes` is a good interval).
    pub fn refresh_markers(&mut self) {
        if !self.is_running() {
            return;
        }
        for shard in &mut self.shards {
            let idle = shard.phase == ShardPhase::Still && shard.kind == SinkKind::Transactional;
            if let (true, Some(marker)) = (idle, shard.state.committed) {
                shard.phase = ShardPhase::Writing(marker);
                self.actions.push(Action::WriteMarker(shard.id, marker));
            }
        }
    }

    /// Publishes the next pending epoch of a shard that has nothing to do.
    pub(super) fn go_on(&mut self, id: ShardId) -> Result<()> {
        let lineage = self.chain.last().map(|last| last.lineage.id);
        let shard = self.find(id)?;
        let (ShardPhase::Still, Some(lineage)) = (shard.phase, lineage) else { return Ok(()) };
        let Some(next) = shard.state.pending.first() else {
            self.run_if_replayed();
            return Ok(());
        };
        let from = shard.state.committed.filter(|marker| marker.epoch == next.epoch).map_or(0, |marker| marker.records);
        let (made_in, epoch, to) = (next.lineage, next.epoch, next.records());
        shard.phase = ShardPhase::Publishing { from, to };
        self.actions.push(Action::Publish(Publish { shard: id, epoch, made_in, lineage, from, to }));
        Ok(())
    }

    /// Lets the pipeline run when nothing is left to be published from before.
    pub(super) fn run_if_replayed(&mut self) {
        let idle = self.shards.iter().all(|shard| shard.phase == ShardPhase::Still && shard.state.pending.is_empty());
        if let (Stage::Replaying, true, Some(last)) = (&self.stage, idle, self.chain.last()) {
            self.actions.push(Action::Run(Box::new(last.clone())));
            self.stage = Stage::Running;
        }
    }

    pub(super) fn on_committed(&mut self, id: ShardId, records: u64) -> Result<()> {
        let lineage = self.chain.last().map(|last| last.lineage.id);
        let shard = self.find(id)?;
        match (shard.phase, lineage) {
            (ShardPhase::Publishing { from, to }, Some(lineage)) if from < records && records <= to => {
                let epoch = shard.state.pending.first().map_or(0, |pending| pending.epoch);
                shard.state.committed = Some(Marker { lineage, epoch, records });
                if records == to {
                    shard.state.pending.remove(0);
                }
            }
            (ShardPhase::Writing(marker), _) => shard.state.committed = Some(marker),
            _ => return Err(unasked("a commit")),
        }
        shard.phase = ShardPhase::Still;
        self.go_on(id)
    }

    /// Fenced, timed out, or not answered. Whose fault it was the chain knows: if its newest manifest is one's own, the
    /// shard is taken again and looked at, since the records may be published or not.
    pub(super) fn on_interrupted(&mut self, id: ShardId) -> Result<()> {
        let from_memory = self.mutated.by(Mutation::FencedRetries);
        let shard = self.find(id)?;
        if !matches!(shard.phase, ShardPhase::Publishing { .. } | ShardPhase::Writing(_)) {
            return Err(unasked("an interruption"));
        }
        shard.phase = ShardPhase::Suspended;
        if from_memory {
            self.resume();
        } else if self.chain.is_still() {
            let action = self.chain.check();
            self.actions.push(action);
        }
        // Else an append is under way, whose outcome says as much.
        Ok(())
    }

    /// The chain is one's own: what was interrupted is taken again.
    pub(super) fn resume(&mut self) {
        for shard in self.shards.iter_mut().filter(|shard| shard.phase == ShardPhase::Suspended) {
            shard.phase = ShardPhase::Fencing;
            self.actions.push(Action::Fence(shard.id));
        }
    }
}
