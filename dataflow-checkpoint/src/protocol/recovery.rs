//! From the start of a process to the moment when it may run, in the order in which it must happen: take over the chain,
//! fence all shards, read the markers, publish what is pending.

use super::judge::{Position, Problem, judge};
use super::mutation::Mutation;
use super::process::{Process, Shard, ShardPhase, Stage, unasked};
use super::{Action, Exit, ShardId};
use crate::{Lineage, LineageId, Manifest, ManifestKind, Marker, ShardState, SinkKind, SinkState};
use dataflow_core::{Error, Result};
use std::collections::BTreeMap;

impl<S: Clone> Process<S> {
    pub(super) fn on_start(&mut self, newest: u64, from: Option<Box<Manifest<S>>>) -> Result<()> {
        if !matches!(self.stage, Stage::Starting) {
            return Err(unasked("a manifest to start from"));
        }
        let attempt = self.options.attempt;
        let is_fork = from.as_ref().is_some_and(|from| from.number != newest);
        let (lineage, epoch, old, state) = match from {
            None if newest > 0 => {
                return Err(Error::data(format!(
                    "there are manifests up to number {newest}, but none to start from: repair them, or give another \
                     checkpoint location"
                )));
            }
            None => (Lineage::new(attempt), 0, BTreeMap::new(), self.fresh.clone()),
            Some(from) if is_fork && !self.mutated.by(Mutation::SameLineage) => {
                let lineage = from.lineage.fork(attempt, from.epoch, true, self.options.accept_duplicates);
                (lineage, from.epoch, from.sinks, from.state)
            }
            Some(from) => (from.lineage, from.epoch, from.sinks, from.state),
        };
        let sinks = match fit(&self.options.sinks, old) {
            Ok(sinks) => sinks,
            Err(why) => {
                self.exit(Exit::Sinks(why));
                return Ok(());
            }
        };
        self.shards = shards(&sinks);
        let (number, kind, written) = (newest + 1, ManifestKind::Takeover, self.options.now);
        let manifest = Manifest { lineage, number, owner: attempt, kind, written, epoch, sinks, state };
        if is_fork && !self.shards.is_empty() {
            self.ask_markers();
            self.stage = Stage::LookingAhead(Box::new(manifest));
        } else {
            self.take_over(manifest);
        }
        Ok(())
    }

    fn take_over(&mut self, manifest: Manifest<S>) {
        self.stage = Stage::TakingOver;
        let action = self.chain.append(manifest);
        self.actions.push(action);
    }

    pub(super) fn fence(&mut self) {
        self.stage = Stage::Fencing;
        for shard in &mut self.shards {
            shard.phase = ShardPhase::Fencing;
            self.actions.push(Action::Fence(shard.id));
        }
        self.go_on_if_still();
    }

    pub(super) fn read_markers(&mut self) {
        self.stage = Stage::ReadingMarkers;
        self.ask_markers();
        self.go_on_if_still();
    }

    fn ask_markers(&mut self) {
        for shard in &mut self.shards {
            shard.phase = ShardPhase::Reading;
            self.actions.push(Action::ReadMarkers(shard.id));
        }
    }

    pub(super) fn on_held(&mut self, id: ShardId) -> Result<()> {
        let recovers = matches!(self.stage, Stage::Fencing);
        let from_memory = self.mutated.by(Mutation::FencedRetries);
        let shard = self.find(id)?;
        if shard.phase != ShardPhase::Fencing {
            return Err(unasked("a shard that is held"));
        }
        shard.phase = ShardPhase::Still;
        if recovers {
            self.go_on_if_still();
        } else if from_memory {
            self.go_on(id)?;
        } else {
            shard.phase = ShardPhase::Reading;
            self.actions.push(Action::ReadMarkers(id));
        }
        Ok(())
    }

    pub(super) fn on_markers(&mut self, id: ShardId, found: Vec<Marker>) -> Result<()> {
        let recovers = matches!(self.stage, Stage::ReadingMarkers | Stage::LookingAhead(_));
        let shard = self.find(id)?;
        if shard.phase != ShardPhase::Reading {
            return Err(unasked("markers"));
        }
        shard.phase = ShardPhase::Still;
        shard.found = found;
        if recovers {
            self.go_on_if_still();
            return Ok(());
        }
        // Held again after a time-out.
        match self.judge_one(id)? {
            Ok(position) => self.settle(id, position),
            Err(problem) => {
                self.refuse(id, problem);
                Ok(())
            }
        }
    }

    /// Begins the next stage when all shards are through with this one.
    fn go_on_if_still(&mut self) {
        if !self.all_still() {
            return;
        }
        match std::mem::replace(&mut self.stage, Stage::Fencing) {
            Stage::LookingAhead(manifest) => self.look_ahead(*manifest),
            Stage::Fencing if self.mutated.by(Mutation::MarkersBeforeFence) => self.judge_all(true),
            Stage::Fencing => self.read_markers(),
            Stage::ReadingMarkers if self.mutated.by(Mutation::MarkersBeforeFence) => self.fence(),
            Stage::ReadingMarkers => self.judge_all(true),
            other => self.stage = other,
        }
    }

    /// Whether a fork can go well. What is found may change until the shards are fenced, so they are looked at again.
    fn look_ahead(&mut self, manifest: Manifest<S>) {
        for shard in &self.shards {
            let verdict = judge(shard.kind, &manifest.lineage, manifest.epoch, &shard.state, &shard.found);
            if let (Err(problem), false) = (verdict, self.options.accept_duplicates) {
                return self.refuse(shard.id, problem);
            }
        }
        self.take_over(manifest);
    }

    fn judge_one(&mut self, id: ShardId) -> Result<Result<Position, Problem>> {
        let shard = self.find(id)?.clone();
        let last = self.chain.last().ok_or_else(|| unasked("markers before it has taken over"))?;
        Ok(judge(shard.kind, &last.lineage, last.epoch, &shard.state, &shard.found))
    }

    /// All shards are held and their markers are read: goes on where all fit, or where it is accepted that they do not.
    fn judge_all(&mut self, may_accept: bool) {
        let Some(last) = self.chain.last() else { return };
        let verdict = |shard: &Shard| judge(shard.kind, &last.lineage, last.epoch, &shard.state, &shard.found);
        let verdicts: Vec<_> = self.shards.iter().map(|shard| (shard.id, verdict(shard))).collect();
        let problems: Vec<_> = verdicts.iter().filter_map(|(id, v)| Some((*id, v.clone().err()?))).collect();
        match problems.into_iter().next() {
            None => {}
            Some(_) if may_accept && self.options.accept_duplicates => return self.accept(&verdicts),
            Some((id, problem)) => return self.refuse(id, problem),
        }
        self.stage = Stage::Confirming;
        if self.mutated.by(Mutation::MarkerUnconfirmed) {
            return self.on_confirmed();
        }
        let action = self.chain.check();
        self.actions.push(action);
    }

    pub(super) fn on_confirmed(&mut self) {
        let ids: Vec<ShardId> = self.shards.iter().map(|shard| shard.id).collect();
        for id in ids {
            if let Ok(Ok(position)) = self.judge_one(id) {
                _ = self.settle(id, position); // the shard is one of these
            }
        }
        self.stage = Stage::Replaying; // not before all are settled: the last one done lets the pipeline run
        self.run_if_replayed();
    }

    /// Writes down that duplicates are accepted: in a lineage of its own, to whose chain the markers fit.
    fn accept(&mut self, verdicts: &[(ShardId, Result<Position, Problem>)]) {
        let Some(last) = self.chain.last() else { return };
        let mut manifest = last.clone();
        if manifest.lineage.id != LineageId::begun_by(self.options.attempt) {
            manifest.lineage = manifest.lineage.fork(self.options.attempt, manifest.epoch, false, true);
        }
        manifest.lineage.accept(None);
        for (id, verdict) in verdicts {
            let Ok(shard) = self.find(*id) else { continue };
            match verdict {
                Err(Problem::OtherLineage { .. }) => {
                    for marker in &shard.found {
                        if marker.lineage != manifest.lineage.id && manifest.lineage.ancestor(marker.lineage).is_none()
                        {
                            manifest.lineage.accept(Some(marker.lineage));
                        }
                    }
                }
                Err(Problem::Missing { .. }) => shard.state.committed = None,
                Err(Problem::Behind { marker, .. }) => shard.state.committed = Some(*marker),
                _ => {}
            }
        }
        manifest.number += 1;
        manifest.sinks = self.sinks();
        self.stage = Stage::Accepting;
        let action = self.chain.append(manifest);
        self.actions.push(action);
    }

    pub(super) fn on_accepted(&mut self) {
        self.judge_all(false);
    }

    /// Takes what is published for granted, and writes a marker of the own lineage where there is none.
    fn settle(&mut self, id: ShardId, position: Position) -> Result<()> {
        let lineage = self.chain.last().map(|last| last.lineage.id);
        let not_rewritten = self.mutated.by(Mutation::MarkerNotRewritten);
        let shard = self.find(id)?;
        shard.state.pending.retain(|pending| (pending.epoch, pending.records()) > position);
        let (SinkKind::Transactional, Some(lineage)) = (shard.kind, lineage) else {
            return self.go_on(id);
        };
        let (epoch, records) = position;
        let marker = Marker { lineage, epoch, records };
        if not_rewritten {
            return self.go_on(id);
        }
        if shard.found.first().is_some_and(|found| found.lineage == lineage) {
            shard.state.committed = Some(marker);
            return self.go_on(id);
        }
        // Now, so that a later process can tell a marker that is gone from one that never was.
        shard.phase = ShardPhase::Writing(marker);
        self.actions.push(Action::WriteMarker(id, marker));
        Ok(())
    }

    fn refuse(&mut self, id: ShardId, problem: Problem) {
        let sink = self.options.sinks.keys().nth(id.sink as usize).cloned().unwrap_or_default();
        // Forks are looked at before they are written, so this is rare: somebody else has published in between.
        let own = LineageId::begun_by(self.options.attempt);
        let is_own = |last: &&Manifest<S>| last.lineage.id == own && !last.lineage.ancestors.is_empty();
        let left = self.chain.last().filter(is_own).map(|last| last.number - 1);
        self.exit(Exit::Refused { sink, shard: id.index, problem, left });
    }

    /// The sinks as they are now, for a manifest.
    pub(super) fn sinks(&self) -> BTreeMap<String, SinkState> {
        let state = |sink: u32| {
            self.shards.iter().filter(move |shard| shard.id.sink == sink).map(|shard| shard.state.clone()).collect()
        };
        let sinks = self.options.sinks.iter().zip(0..);
        sinks.map(|((name, (kind, _)), sink)| (name.clone(), SinkState { kind: *kind, shards: state(sink) })).collect()
    }
}

fn shards(sinks: &BTreeMap<String, SinkState>) -> Vec<Shard> {
    let mut shards = Vec::new();
    for (state, sink) in sinks.values().zip(0..) {
        for (shard, index) in state.shards.iter().zip(0..) {
            let id = ShardId { sink, index };
            let (kind, state) = (state.kind, shard.clone());
            shards.push(Shard { id, kind, state, phase: ShardPhase::Still, found: Vec::new() });
        }
    }
    shards
}

/// The sinks of the program with the state that the chain has of them, or why they do not go together.
fn fit(
    wanted: &BTreeMap<String, (SinkKind, u32)>,
    mut old: BTreeMap<String, SinkState>,
) -> Result<BTreeMap<String, SinkState>, String> {
    let mut sinks = BTreeMap::new();
    for (name, (kind, shards)) in wanted {
        let state = match old.remove(name) {
            None => SinkState { kind: *kind, shards: vec![ShardState::default(); *shards as usize] },
            Some(state) if state.kind != *kind => {
                return Err(format!(
                    "sink \"{name}\" is {kind:?} now and was {:?} in the checkpoint: give the new one another name",
                    state.kind
                ));
            }
            Some(state) if state.shards.len() != *shards as usize => {
                return Err(format!(
                    "sink \"{name}\" has {shards} shards now and had {} in the checkpoint. The number is fixed for the \
                     pipeline's life: set it back, or give the new one another name",
                    state.shards.len()
                ));
            }
            Some(state) => state,
        };
        sinks.insert(name.clone(), state);
    }
    let has_pending = |state: &SinkState| state.shards.iter().any(|shard| !shard.pending.is_empty());
    match old.iter().find(|(_, state)| has_pending(state)) {
        Some((name, _)) => Err(format!(
            "sink \"{name}\" is gone, but the checkpoint has outputs of it that may not be published yet: run the program \
             that has it until it has published them (a clean stop does), then remove it"
        )),
        None => Ok(sinks),
    }
}
