//! Whether all threads have nothing to do: then a snapshot can be taken, a script goes on, or the run is stuck.

use crate::mail::Mail;
use crate::script::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which threads have nothing to do until a message or a command comes.
pub(crate) struct Quiet {
    state: Mutex<State>,
    /// How many commands were given so far; only changed while the state is locked.
    given: AtomicU64,
}

struct State {
    threads: Vec<Rest>,
    command: Command,
    halted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Busy,
    /// It has nothing to do, but a bundle is open.
    Open,
    Quiet,
}

/// What is to be done when nobody has anything to do.
pub(crate) enum Next {
    /// All threads do this.
    Give(Command),
    /// The run halts.
    Halt,
    /// Nothing can be done.
    Stuck,
    /// Nothing, as some thread is at its end.
    Wait,
}

impl Quiet {
    pub(crate) fn new(threads: usize) -> Self {
        let state = State { threads: vec![Rest::Busy; threads], command: Command::Flush, halted: false };
        Quiet { state: Mutex::new(state), given: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that thread `me` has something to do. Returns whether it may do it of its own accord: when the run halts,
    /// nothing may happen any more.
    ///
    /// A thread calls this before it counts a message as dealt with, so that there is no moment at which a message has
    /// been taken and nobody answers for it.
    pub(crate) fn busy(&self, me: usize) -> bool {
        let mut state = self.state();
        state.threads[me] = Rest::Busy;
        !state.halted
    }

    /// Says that thread `me` has nothing to do, having carried out `done` commands, and whether bundles are `open` there.
    /// If nobody has, `decide` says what comes next; it gets whether bundles are open anywhere.
    ///
    /// Whether all are quiet and what comes next is one step, so that no two threads find it out.
    pub(crate) fn rest(
        &self,
        me: usize,
        open: bool,
        done: u64,
        mail: &Mail,
        decide: impl FnOnce(bool) -> Next,
    ) -> Next {
        let mut state = self.state();
        if state.halted || done < self.given.load(Ordering::SeqCst) {
            return Next::Wait; // it has something to do and does not know yet
        }
        state.threads[me] = if open { Rest::Open } else { Rest::Quiet };
        if state.threads.contains(&Rest::Busy) || !mail.is_still() {
            return Next::Wait;
        }
        let next = decide(state.threads.contains(&Rest::Open));
        match next {
            Next::Give(command) => {
                state.command = command;
                state.threads.fill(Rest::Busy);
                self.given.fetch_add(1, Ordering::SeqCst);
            }
            Next::Halt => state.halted = true,
            Next::Stuck | Next::Wait => {}
        }
        next
    }

    /// The command after the first `done` ones, if it was given. There are never two that some thread has not seen.
    pub(crate) fn command(&self, done: u64) -> Option<Command> {
        (done < self.given.load(Ordering::SeqCst)).then(|| self.state().command)
    }
}
