//! The chain of manifests, as one process sees it: who owns it, and whose the next number is.
//!
//! A number is written once, by whoever comes first. After it is written it is looked at again: it must be the newest.
//! That recognises an append whose answer was lost, and a process that slept for so long that the number it has
//! written had been there before, was superseded and swept.

use super::mutation::{Mutated, Mutation};
use super::{Action, Append};
use crate::{AttemptId, Manifest};

/// The chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Chain<S> {
    attempt: AttemptId,
    /// The last manifest of one's own, once there is one.
    last: Option<Box<Manifest<S>>>,
    phase: Phase<S>,
    mutated: Mutated,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Phase<S> {
    /// Nothing is asked.
    Still,
    /// The manifest is being written.
    Appending(Box<Manifest<S>>),
    /// It is there or somebody else's is: whose?
    Looking { manifest: Box<Manifest<S>>, written: bool },
    /// Whether the last manifest is still the newest.
    Checking,
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) enum Step<S> {
    /// To be done before anything is known.
    Do(Action<S>),
    /// The manifest that was to be appended is in the chain.
    Appended,
    /// The last manifest is still the newest.
    Owned,
    /// The newest manifest is somebody else's.
    Lost {
        newest: u64,
        /// Whether one's own has not been in the chain, as far as is known.
        race: bool,
    },
    /// That was no answer to anything.
    Unasked,
}

impl<S: Clone> Chain<S> {
    pub(super) fn new(attempt: AttemptId, mutated: Mutated) -> Self {
        Chain { attempt, last: None, phase: Phase::Still, mutated }
    }

    /// The last manifest of one's own.
    pub(super) fn last(&self) -> Option<&Manifest<S>> {
        self.last.as_deref()
    }

    /// Whether nothing is asked.
    pub(super) fn is_still(&self) -> bool {
        matches!(self.phase, Phase::Still)
    }

    /// Asks for `manifest` to be appended.
    pub(super) fn append(&mut self, manifest: Manifest<S>) -> Action<S> {
        let manifest = Box::new(manifest);
        self.phase = Phase::Appending(manifest.clone());
        Action::Append(manifest)
    }

    /// Asks whether the last manifest is still the newest.
    pub(super) fn check(&mut self) -> Action<S> {
        self.phase = Phase::Checking;
        Action::ReadNewest
    }

    pub(super) fn on_appended(&mut self, result: Append) -> Step<S> {
        let Phase::Appending(manifest) = std::mem::replace(&mut self.phase, Phase::Still) else {
            return Step::Unasked;
        };
        match result {
            // The same again: if it was there, it is taken now, and looked at.
            Append::Unknown => {
                self.phase = Phase::Appending(manifest.clone());
                Step::Do(Action::Append(manifest))
            }
            Append::Written if self.mutated.by(Mutation::NoSecondLook) => self.appended(manifest),
            Append::Written | Append::Taken if self.mutated.by(Mutation::NoChain) => self.appended(manifest),
            Append::Written | Append::Taken => {
                self.phase = Phase::Looking { manifest, written: result == Append::Written };
                Step::Do(Action::ReadNewest)
            }
        }
    }

    pub(super) fn on_newest(&mut self, newest: u64, owner: AttemptId) -> Step<S> {
        match std::mem::replace(&mut self.phase, Phase::Still) {
            Phase::Looking { manifest, .. } if newest == manifest.number && owner == self.attempt => {
                self.appended(manifest)
            }
            Phase::Looking { manifest, written } if newest < manifest.number => {
                // It was there a moment ago: only a store that is not consistent says so. Asking again settles it.
                self.phase = Phase::Looking { manifest, written };
                Step::Do(Action::ReadNewest)
            }
            Phase::Looking { written, .. } => Step::Lost { newest, race: !written },
            Phase::Checking => match &self.last {
                _ if self.mutated.by(Mutation::NoChain) => Step::Owned,
                Some(last) if newest == last.number && owner == self.attempt => Step::Owned,
                _ => Step::Lost { newest, race: false },
            },
            other => {
                self.phase = other;
                Step::Unasked
            }
        }
    }

    fn appended(&mut self, manifest: Box<Manifest<S>>) -> Step<S> {
        self.last = Some(manifest);
        Step::Appended
    }
}
