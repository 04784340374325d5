//! Whether all threads have nothing to do: then a snapshot can be taken, or the run is stuck.

use crate::mail::Mail;
use std::sync::{Mutex, PoisonError};

/// Which threads have nothing to do until a message comes.
pub(crate) struct Quiet(Mutex<Vec<bool>>);

impl Quiet {
    pub(crate) fn new(threads: usize) -> Self {
        Quiet(Mutex::new(vec![false; threads]))
    }

    /// Says whether thread `me` has something to do. Returns whether nobody has.
    ///
    /// A thread says that it has before it counts a message as dealt with, so that there is no moment at which a message
    /// has been taken and nobody answers for it.
    pub(crate) fn set(&self, me: usize, quiet: bool, mail: &Mail) -> bool {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads[me] = quiet;
        quiet && mail.is_still() && threads.iter().all(|q| *q)
    }
}
