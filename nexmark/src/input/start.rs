//! When the clock starts, and what does not count.

use crate::allocations;
use crate::stopwatch::{Stopwatch, Time};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Nobody waits longer than this for the others to be ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// The start of a run: where all who read wait for each other until they have what they need.
#[derive(Debug, Default)]
pub struct Start {
    state: Mutex<State>,
    all_are_there: Condvar,
    /// The allocations that making events took.
    made: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    watch: Option<Stopwatch>,
}

impl Start {
    /// Starts the clock now, unless it is running.
    pub fn now(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).watch.get_or_insert_with(Stopwatch::start);
    }

    /// Waits until `of` have called this, and starts the clock then. Who comes later need not wait.
    pub(crate) fn wait(&self, of: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        if state.waiting < of && state.watch.is_none() {
            let waited = self.all_are_there.wait_timeout_while(state, PATIENCE, |state| state.watch.is_none());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.watch.get_or_insert_with(Stopwatch::start);
        self.all_are_there.notify_all();
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Time {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.watch.as_ref().map_or_else(Time::default, Stopwatch::elapsed)
    }

    /// The allocations that making the events took.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Makes events: what `make` allocates is not the engine's.
    #[inline]
    pub(super) fn making<R>(&self, make: impl FnOnce() -> R) -> R {
        let before = allocations::of_this_thread();
        let made = make();
        self.made.fetch_add(allocations::of_this_thread() - before, Ordering::Relaxed);
        made
    }
}
