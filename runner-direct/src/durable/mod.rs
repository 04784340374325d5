//! The checkpoints of a run: takes them over from an earlier process, and appends to them.
//!
//! What the protocol decides is [`Process`]'s; here is the I/O that it asks for. Sinks are not among its shards: what they
//! have to publish is part of their writers' state, and they publish it by names.

mod backoff;
mod state;
mod sweeper;
#[cfg(test)]
mod tests;

use crate::shared::Control;
use backoff::{Backoff, retry};
use dataflow_checkpoint::{
    Action, Append, AttemptId, Checkpoints, Created, Event, Exit, LineageId, Manifest, Process, ProcessOptions, Start,
    StartFrom,
};
use dataflow_core::graph::Graph;
use dataflow_core::{DurableRun, Error, ErrorKind, PipelineOptions, Result};
use dataflow_windows::Timestamp;
use state::State;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use sweeper::Sweeper;

/// State that is larger could not be read again.
const MOST_BYTES: usize = 1 << 30;

/// The checkpoints of a run, once it has taken them over.
pub(crate) struct Durable {
    checkpoints: Arc<Checkpoints>,
    attempt: AttemptId,
    process: Process<State>,
    control: Arc<Control>,
    fresh: State,
    accept_duplicates: bool,
    sweeper: Sweeper,
}

/// What there is to go on from.
pub(crate) struct Found(Start<State>);

impl Found {
    fn state(&self) -> Option<&State> {
        self.0.manifest.as_ref().map(|manifest| &manifest.state)
    }

    /// Whether the pipeline has come to its end before.
    pub(crate) fn is_finished(&self) -> bool {
        self.state().is_some_and(|state| state.finished)
    }

    /// Whether nothing is there to go on from.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state().is_none_or(|state| state.content.is_none())
    }
}

/// What there is to do once the checkpoints are taken over.
#[derive(PartialEq, Debug)]
pub(crate) enum TakenOver {
    /// Nothing: the pipeline has come to its end before.
    Finished,
    /// Everything: it has never run, or not to a checkpoint.
    Fresh,
    /// To go on from this.
    State(Vec<u8>),
}

/// The lineage that the checkpoints have begun with: whatever forks there were, it is theirs alone.
fn first_lineage(manifest: &Manifest<State>) -> LineageId {
    manifest.lineage.ancestors.first().map_or(manifest.lineage.id, |oldest| oldest.id)
}

pub(crate) fn at_the_same_moment() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "another process has begun with these checkpoints at the same moment: start this one again if it is to take over, \
         or give it another checkpoint location",
    )
}

impl Durable {
    /// Looks for what to start from, and changes nothing.
    pub(crate) fn open(
        location: &str,
        graph: &Graph,
        options: &PipelineOptions,
        control: Arc<Control>,
    ) -> Result<(Self, Found)> {
        let attempt = AttemptId::random();
        let checkpoints = Checkpoints::open(location, attempt)?;
        Self::with(checkpoints, attempt, State::fresh(graph), options, control)
    }

    fn with(
        checkpoints: Checkpoints,
        attempt: AttemptId,
        fresh: State,
        options: &PipelineOptions,
        control: Arc<Control>,
    ) -> Result<(Self, Found)> {
        let accept_duplicates = options.accept_duplicates;
        let process_options = ProcessOptions { attempt, now: now(), sinks: BTreeMap::new(), accept_duplicates };
        let checkpoints = Arc::new(checkpoints);
        let sweeper = Sweeper::new(checkpoints.clone(), options.checkpoint_interval);
        let process = Process::new(process_options, fresh.clone());
        let durable = Durable { checkpoints, attempt, process, control, fresh, accept_duplicates, sweeper };
        let found = durable.find()?;
        Ok((durable, found))
    }

    fn find(&self) -> Result<Found> {
        let from = if self.accept_duplicates { StartFrom::NewestReadable } else { StartFrom::Newest };
        let start: Start<State> = self.checkpoints.start(from)?;
        for why in &start.passed_over {
            tracing::warn!("an older checkpoint is used, so what was published since is published again: {why}");
        }
        if let Some(manifest) = &start.manifest {
            manifest.state.check(&self.fresh)?;
        }
        Ok(Found(start))
    }

    /// What sinks are to know before the checkpoints are taken over.
    pub(crate) fn run(&self, found: &Found) -> DurableRun {
        let new = LineageId::begun_by(self.attempt);
        let first = found.0.manifest.as_ref().map_or(new, |manifest| first_lineage(manifest));
        DurableRun { checkpoints: first.to_string(), resumed: !found.is_fresh() }
    }

    /// Whether something has been added since that was found.
    pub(crate) fn is_outdated(&self, found: &Found) -> bool {
        self.checkpoints.newest().is_ok_and(|(newest, _)| newest != found.0.newest)
    }

    /// Takes over from whoever had the checkpoints before.
    pub(crate) fn take_over(&mut self, found: Found) -> Result<TakenOver> {
        let expected = self.run(&found).checkpoints;
        let mut found = Some(found);
        self.process.take_actions(); // what to start from is known
        let manifest = loop {
            let next = match found.take() {
                Some(found) => found,
                None => self.find()?, // somebody else was faster
            };
            if self.run(&next).checkpoints != expected {
                return Err(at_the_same_moment());
            }
            if next.is_finished() {
                return Ok(TakenOver::Finished);
            }
            self.process.on(Event::Start { newest: next.0.newest, from: next.0.manifest })?;
            if let Some(manifest) = self.drive()? {
                break manifest;
            }
        };
        let Some(content) = &manifest.state.content else { return Ok(TakenOver::Fresh) };
        let bytes = retry(&self.control, || Ok(self.checkpoints.read(content)?.into_owned()))?;
        tracing::info!("going on from checkpoint {}", manifest.epoch);
        Ok(TakenOver::State(bytes))
    }

    /// Adds a checkpoint to the chain.
    pub(crate) fn checkpoint(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::data(format!(
                "the state has {} MiB, and checkpoints can have {} at most: keep less, or run without --checkpoint",
                bytes.len() >> 20,
                MOST_BYTES >> 20
            )));
        }
        let content = retry(&self.control, || self.checkpoints.write("state", bytes.to_vec()))?;
        self.append(State { content: Some(content), ..self.fresh.clone() })?;
        self.sweeper.sweep();
        Ok(())
    }

    /// Adds to the chain that the pipeline has come to its end, and all is published.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.append(State { finished: true, ..self.fresh.clone() })
    }

    /// The error of a run, or that another process has taken over: then that is why.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match self.checkpoints.newest() {
            Ok((newest, owner)) if owner != self.attempt && error.kind() != ErrorKind::Cancelled => {
                Error::new(ErrorKind::Cancelled, Exit::Superseded { newest }.to_string()).caused_by(error)
            }
            _ => error,
        }
    }

    fn append(&mut self, state: State) -> Result<()> {
        self.process.checkpoint(state, BTreeMap::new(), now())?;
        self.drive()?;
        Ok(())
    }

    /// Does what the protocol asks for, until it asks for nothing more. Returns the manifest to run from, if it came to
    /// that.
    fn drive(&mut self) -> Result<Option<Box<Manifest<State>>>> {
        let mut failures = Backoff::default();
        let mut run = None;
        loop {
            let actions = self.process.take_actions();
            if actions.is_empty() {
                return Ok(run);
            }
            for action in actions {
                let event = match action {
                    Action::ReadStart => return Ok(None),
                    Action::Append(manifest) => Event::Appended(match self.checkpoints.append(&manifest) {
                        Ok(Created::Written) => Append::Written,
                        Ok(Created::Exists) => Append::Taken,
                        Err(e) => {
                            failures.wait(e, &self.control)?;
                            Append::Unknown
                        }
                    }),
                    Action::ReadNewest => {
                        let (newest, owner) = retry(&self.control, || self.checkpoints.newest())?;
                        Event::Newest(newest, owner)
                    }
                    Action::Run(manifest) => {
                        run = Some(manifest);
                        continue;
                    }
                    Action::Completed { epoch, number } => {
                        tracing::debug!("checkpoint {epoch} is complete, in manifest {number}");
                        continue;
                    }
                    Action::Exit(why) => return Err(Error::new(ErrorKind::Cancelled, why.to_string())),
                    Action::Fence(_) | Action::ReadMarkers(_) | Action::Publish(_) | Action::WriteMarker(..) => {
                        return Err(Error::internal("the checkpoint protocol asks for a shard, and there are none"));
                    }
                };
                self.process.on(event)?;
            }
        }
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
