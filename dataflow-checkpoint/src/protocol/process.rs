//! A process that owns the checkpoints of a pipeline, or wants to.

use super::chain::{Chain, Step};
use super::mutation::{Mutated, Mutation};
use super::{Action, Event, Exit, ProcessOptions, ShardId};
use crate::{Manifest, Marker, PendingEpoch, ShardState, SinkKind};
use dataflow_core::{Error, Result};

/// The state machine of a process: it takes the chain over, fences the shards, publishes what is pending, and then
/// appends checkpoints and publishes their outputs, until it is told that another process has taken over.
///
/// It does nothing by itself. Its driver does what [`take_actions`](Self::take_actions) says and tells the outcome by
/// [`on`](Self::on); the example of the [crate](crate) is a whole driver.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Process<S> {
    pub(super) options: ProcessOptions,
    /// The state of a pipeline that has not run yet.
    pub(super) fresh: S,
    pub(super) chain: Chain<S>,
    pub(super) stage: Stage<S>,
    pub(super) shards: Vec<Shard>,
    pub(super) actions: Vec<Action<S>>,
    pub(super) mutated: Mutated,
}

/// How far a process has come.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage<S> {
    /// It asks what to start from.
    Starting,
    /// It looks whether what is published forbids the fork, before it changes anything. The manifest is the one to
    /// append then.
    LookingAhead(Box<Manifest<S>>),
    TakingOver,
    Fencing,
    ReadingMarkers,
    /// Duplicates were accepted: it writes down that and for what.
    Accepting,
    /// All fits. It makes sure that nobody has taken over before it writes markers: one who has may have published since,
    /// and a marker that expired then must not be replaced by an older one.
    Confirming,
    Replaying,
    Running,
    Ended,
}

/// A shard, as the process knows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Shard {
    pub(super) id: ShardId,
    pub(super) kind: SinkKind,
    pub(super) state: ShardState,
    pub(super) phase: ShardPhase,
    /// What was published when it was last looked at.
    pub(super) found: Vec<Marker>,
}

/// What a shard is asked, if anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum ShardPhase {
    Still,
    Fencing,
    Reading,
    Publishing {
        from: u64,
        to: u64,
    },
    Writing(Marker),
    /// It was interrupted, and waits for what the chain says.
    Suspended,
}

impl<S: Clone> Process<S> {
    /// A process that starts. `fresh` is the state of a pipeline that has never run.
    pub fn new(options: ProcessOptions, fresh: S) -> Self {
        Self::mutated(options, fresh, Mutated::default())
    }

    pub(super) fn mutated(options: ProcessOptions, fresh: S, mutated: Mutated) -> Self {
        Process {
            chain: Chain::new(options.attempt, mutated),
            options,
            fresh,
            stage: Stage::Starting,
            shards: Vec::new(),
            actions: vec![Action::ReadStart],
            mutated,
        }
    }

    /// What is to be done now.
    pub fn take_actions(&mut self) -> Vec<Action<S>> {
        std::mem::take(&mut self.actions)
    }

    /// Takes an answer. What follows from it are the next [actions](Self::take_actions).
    ///
    /// # Errors
    /// If nothing was asked that this could answer: a fault of the driver.
    pub fn on(&mut self, event: Event<S>) -> Result<()> {
        if matches!(self.stage, Stage::Ended) {
            return Ok(()); // answers that were under way
        }
        match event {
            Event::Start { newest, from } => self.on_start(newest, from),
            Event::Appended(result) => {
                let step = self.chain.on_appended(result);
                self.follow(step)
            }
            Event::Newest(newest, owner) => {
                let step = self.chain.on_newest(newest, owner);
                self.follow(step)
            }
            Event::Held(id) => self.on_held(id),
            Event::Markers(id, found) => self.on_markers(id, found),
            Event::Committed(id, records) => self.on_committed(id, records),
            Event::Interrupted(id) => self.on_interrupted(id),
        }
    }

    /// Whether the pipeline may run: between [`Action::Run`] and [`Action::Exit`].
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// The last manifest that this process has written.
    pub fn last(&self) -> Option<&Manifest<S>> {
        self.chain.last()
    }

    /// The shards of all sinks, each with the path of its sink.
    pub fn shards(&self) -> impl Iterator<Item = (ShardId, &str)> {
        let sinks = self.options.sinks.iter().zip(0..);
        sinks
            .flat_map(|((name, (_, shards)), sink)| (0..*shards).map(move |index| (ShardId { sink, index }, &name[..])))
    }

    /// The epochs of a shard that are not known to be published, the oldest first: where the driver finds what to
    /// [publish](Action::Publish).
    pub fn pending(&self, shard: ShardId) -> &[PendingEpoch] {
        self.shards.iter().find(|own| own.id == shard).map_or(&[], |own| &own.state.pending)
    }

    /// The most epochs that a shard has pending: how far the sinks are behind. A runner that takes no checkpoint while
    /// this is above a few bounds what it has to keep.
    pub fn epochs_behind(&self) -> usize {
        self.shards.iter().map(|shard| shard.state.pending.len()).max().unwrap_or(0)
    }

    /// Does what follows from an answer of the chain.
    fn follow(&mut self, step: Step<S>) -> Result<()> {
        match step {
            Step::Do(action) => self.actions.push(action),
            Step::Appended => {
                self.on_in_chain()?;
                self.resume();
            }
            Step::Owned if matches!(self.stage, Stage::Confirming) => self.on_confirmed(),
            Step::Owned => self.resume(),
            Step::Lost { race: true, .. } if matches!(self.stage, Stage::TakingOver) => {
                self.stage = Stage::Starting;
                self.actions.push(Action::ReadStart);
            }
            Step::Lost { newest, .. } => self.exit(Exit::Superseded { newest }),
            Step::Unasked => return Err(unasked("an answer of the chain")),
        }
        Ok(())
    }

    /// The manifest that was to be appended is in the chain.
    fn on_in_chain(&mut self) -> Result<()> {
        match self.stage {
            Stage::TakingOver if self.mutated.by(Mutation::MarkersBeforeFence) => self.read_markers(),
            Stage::TakingOver => self.fence(),
            Stage::Accepting => self.on_accepted(),
            _ => self.on_completed(),
        }
        Ok(())
    }

    pub(super) fn exit(&mut self, why: Exit) {
        self.stage = Stage::Ended;
        self.actions = vec![Action::Exit(why)];
    }

    pub(super) fn find(&mut self, id: ShardId) -> Result<&mut Shard> {
        self.shards.iter_mut().find(|shard| shard.id == id).ok_or_else(|| unasked("an answer of an unknown shard"))
    }

    /// Whether every shard is done with what it was asked.
    pub(super) fn all_still(&self) -> bool {
        self.shards.iter().all(|shard| shard.phase == ShardPhase::Still)
    }
}

pub(super) fn unasked(what: &str) -> Error {
    Error::internal(format!("the checkpoint protocol was given {what} that it has not asked for: the driver is wrong"))
}
