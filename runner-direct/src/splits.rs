//! The splits of one source: which are read, by whom, and how far.

use dataflow_core::source::{ErasedSource, ErasedSplit};
use dataflow_core::{Progress, Result};
use dataflow_windows::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The splits of one source, shared by all threads.
pub(crate) struct Splits {
    pub(crate) source: Arc<dyn ErasedSource>,
    /// How many of the splits a thread opens at once. It takes more only when those have nothing.
    pub(crate) at_once: usize,
    state: Mutex<State>,
    /// Threads that have nothing to read of this source, and would like a part of a split.
    hungry: AtomicUsize,
}

#[derive(Default)]
struct State {
    unread: VecDeque<ErasedSplit>,
    /// The splits that are being read.
    active: BTreeMap<u64, Active>,
    next: u64,
    /// What was read of splits that are done with.
    done: u64,
}

/// A split that is being read.
struct Active {
    watermark: Timestamp,
    progress: Progress,
    /// It has nothing for a while.
    idle: bool,
}

/// How far a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// No element to come is before this time.
    Watermark(Timestamp),
    /// All that is left to read is idle.
    Idle,
}

impl Splits {
    pub(crate) fn new(source: Arc<dyn ErasedSource>, threads: usize, unread: Vec<ErasedSplit>, done: u64) -> Self {
        let at_once = if source.reads_side_by_side() { unread.len().div_ceil(threads.max(1)) } else { 1 };
        let state = State { unread: unread.into(), done, ..State::default() };
        Splits { source, at_once, state: Mutex::new(state), hungry: AtomicUsize::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next split to read, with a number to tell of it by.
    pub(crate) fn take(&self) -> Option<(u64, ErasedSplit)> {
        let mut state = self.state();
        let split = state.unread.pop_front()?;
        let id = state.next;
        state.next += 1;
        // In the same breath, so that the watermark is held throughout.
        let progress = Progress { done: 0, total: self.source.size(&split) };
        state.active.insert(id, Active { watermark: split.watermark, progress, idle: false });
        Some((id, split))
    }

    /// Tells how far an active split is, and whether it is idle.
    pub(crate) fn update(&self, id: u64, watermark: Timestamp, progress: Progress, idle: bool) {
        self.state().active.insert(id, Active { watermark, progress, idle });
    }

    /// An active split is no longer idle; its watermark is what it was.
    pub(crate) fn wake(&self, id: u64) {
        if let Some(active) = self.state().active.get_mut(&id) {
            active.idle = false;
        }
    }

    /// A split is read to its end, or given up.
    pub(crate) fn finish(&self, id: u64, progress: Progress) {
        let mut state = self.state();
        state.active.remove(&id);
        state.done += progress.done;
    }

    /// An active split goes back, to be read on later.
    pub(crate) fn give_back(&self, id: u64, rest: ErasedSplit, progress: Progress) {
        let mut state = self.state();
        state.unread.push_front(rest);
        state.active.remove(&id);
        state.done += progress.done;
    }

    /// A part that was split off waits for a reader.
    pub(crate) fn add(&self, part: ErasedSplit) {
        self.state().unread.push_back(part);
    }

    /// Gives up what is not read yet.
    pub(crate) fn clear(&self) {
        self.state().unread.clear();
    }

    /// The least watermark of all splits that are not done with, but for idle ones; the end of time if there are none.
    pub(crate) fn status(&self) -> Status {
        let state = self.state();
        let unread = state.unread.iter().map(|s| s.watermark);
        let awake = state.active.values().filter(|active| !active.idle).map(|active| active.watermark);
        match unread.chain(awake).min() {
            Some(watermark) => Status::Watermark(watermark),
            None if state.active.is_empty() => Status::Watermark(Timestamp::MAX),
            None => Status::Idle,
        }
    }

    /// Whether all is read.
    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state();
        state.unread.is_empty() && state.active.is_empty()
    }

    /// What is left to read, and how much was read.
    pub(crate) fn checkpoint(&self) -> (Vec<ErasedSplit>, u64) {
        let state = self.state();
        (state.unread.iter().cloned().collect(), state.done)
    }

    /// How much is read, and of how much, as far as that is known.
    pub(crate) fn progress(&self) -> Progress {
        let state = self.state();
        let done = state.done + state.active.values().map(|active| active.progress.done).sum::<u64>();
        let left = |p: Progress| Some(p.total?.saturating_sub(p.done));
        let active: Option<u64> = state.active.values().map(|active| left(active.progress)).sum();
        let unread: Option<u64> = state.unread.iter().map(|s| self.source.size(s)).sum();
        Progress { done, total: active.zip(unread).map(|(active, unread)| done + active + unread) }
    }

    /// Says that a thread begins or ceases to have nothing to read.
    pub(crate) fn set_hungry(&self, yes: bool) {
        if yes {
            self.hungry.fetch_add(1, Ordering::Relaxed);
        } else {
            self.hungry.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a part of a split would be read by somebody else at once.
    pub(crate) fn wants_part(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0 && self.state().unread.is_empty()
    }

    /// The first splits of `source`.
    pub(crate) fn open(source: &Arc<dyn ErasedSource>, threads: usize) -> Result<Self> {
        // Several splits a thread, so that none is idle for long at the end.
        let desired = if threads == 1 { 1 } else { threads * 4 };
        Ok(Self::new(source.clone(), threads, source.splits(desired)?, 0))
    }
}
