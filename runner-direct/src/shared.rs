//! What the threads of a run share, and whoever watches it.

use crate::mail::Mail;
use crate::quiet::{Next, Quiet};
use crate::random::{Random, purpose};
use crate::script::{Command, Position, Script};
use crate::splits::Splits;
use dataflow_core::{Error, ErrorKind, Progress};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const RUN: u8 = 0;
const DRAIN: u8 = 1;
const ABORT: u8 = 2;

/// How a run is ended, and how far it is. Lives as long as the run, over restarts.
#[derive(Default)]
pub(crate) struct Control {
    phase: AtomicU8,
    /// The run has checkpoints.
    durable: AtomicBool,
    /// It is to end after the next checkpoint.
    stopping: AtomicBool,
    failure: Mutex<Option<Error>>,
    /// The queues and splits at the moment.
    engine: Mutex<Option<Arc<Engine>>>,
}

impl Control {
    pub(crate) fn drain(&self) {
        _ = self.phase.compare_exchange(RUN, DRAIN, Ordering::SeqCst, Ordering::SeqCst);
        self.wake();
    }

    /// Says that the run has checkpoints.
    pub(crate) fn set_durable(&self) {
        self.durable.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.durable.load(Ordering::SeqCst)
    }

    /// Ends the run after a checkpoint; without checkpoints, drains it.
    pub(crate) fn stop(&self) {
        if !self.is_durable() {
            return self.drain();
        }
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(engine) = &*self.engine.lock().unwrap_or_else(PoisonError::into_inner) {
            engine.halt_soon();
        }
    }

    /// Whether it is to end after the next checkpoint.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Makes `engine` the one that runs now.
    pub(crate) fn set_engine(&self, engine: Arc<Engine>) {
        let mut current = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        // Who stops the run from now on finds the engine.
        if self.is_stopping() {
            engine.halt_soon();
        }
        *current = Some(engine);
    }

    pub(crate) fn fail(&self, error: Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.phase.store(ABORT, Ordering::SeqCst);
        self.wake();
    }

    pub(crate) fn cancel(&self) {
        self.fail(Error::new(
            ErrorKind::Cancelled,
            "the run was cancelled; what it had not finished to write is not visible",
        ));
    }

    /// Whether the sources were told to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == DRAIN
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == ABORT
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn progress(&self) -> Progress {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = &*engine else { return Progress::default() };
        let sources = engine.splits.iter().map(|s| s.progress());
        sources.fold(Progress { done: 0, total: Some(0) }, |a, b| Progress {
            done: a.done + b.done,
            total: a.total.zip(b.total).map(|(a, b)| a + b),
        })
    }

    fn wake(&self) {
        if let Some(engine) = &*self.engine.lock().unwrap_or_else(PoisonError::into_inner) {
            engine.mail.wake_others(None);
        }
    }
}

/// What the threads share until the end or the next restart.
pub(crate) struct Engine {
    pub(crate) mail: Mail,
    pub(crate) splits: Vec<Arc<Splits>>,
    pub(crate) quiet: Quiet,
    /// What test streams do; empty if there are none.
    pub(crate) script: Arc<Script>,
    /// How far the script is.
    pub(crate) position: Mutex<Position>,
    /// Threads that have come to their end.
    pub(crate) finished: AtomicUsize,
    /// How many batches may still be read, and events played, before the next snapshot.
    pub(crate) budget: AtomicU64,
    /// Where random choices come from, if there are any.
    pub(crate) seed: Option<u64>,
    /// Everything is still: threads may write their snapshots.
    pub(crate) halt: AtomicBool,
    /// The run has checkpoints, so nothing is published before one has it.
    pub(crate) durable: bool,
    /// When the next checkpoint is due.
    pub(crate) due: Option<Instant>,
}

impl Engine {
    /// How far the script is.
    pub(crate) fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all threads come to rest for a snapshot.
    pub(crate) fn halt_soon(&self) {
        if self.budget.swap(0, Ordering::SeqCst) != 0 {
            self.mail.wake_others(None);
        }
    }

    /// A batch was read, or an event played.
    pub(crate) fn spend(&self) {
        if self.budget.load(Ordering::Relaxed) != u64::MAX {
            let less = |n: u64| Some(n.saturating_sub(1));
            _ = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Whether thread `me` of `threads` pushes the elements of event `number`.
    pub(crate) fn has_turn(&self, me: usize, threads: usize, number: usize) -> bool {
        me == match self.seed {
            Some(seed) => Random::new(seed, purpose::EVENT, number as u64).below(threads),
            None => number % threads,
        }
    }

    /// What all threads do next when none has anything to do. `open` says that bundles are open somewhere.
    pub(crate) fn next(&self, open: bool, draining: bool) -> Next {
        if open {
            return Next::Give(Command::Flush);
        }
        if self.budget.load(Ordering::Relaxed) == 0 {
            return Next::Halt;
        }
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        match self.script.next(&mut position, draining) {
            Some(command) => {
                self.spend();
                Next::Give(command)
            }
            None => Next::Stuck,
        }
    }
}
