//! What fails and may do better later is tried again.

use crate::shared::Control;
use dataflow_core::{Error, ErrorKind, Result};
use std::time::Duration;

/// How often something is tried that fails, and how long it is waited at first: twice as long each time, up to the last.
const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Waits longer each time that something fails.
#[derive(Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// Waits, or returns the error where it will not go away, or has not for long.
    pub(super) fn wait(&mut self, error: Error, control: &Control) -> Result<()> {
        self.0 += 1;
        if error.kind() != ErrorKind::Io || self.0 >= TRIES || control.is_aborting() {
            return Err(error);
        }
        let wait = LONGEST_WAIT.min(FIRST_WAIT * 2u32.pow(self.0 - 1));
        tracing::warn!("a checkpoint cannot be written or read; trying again in {wait:?}: {error}");
        std::thread::sleep(wait);
        Ok(())
    }
}

/// Tries something until it succeeds or there is no hope.
pub(super) fn retry<T>(control: &Control, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut failures = Backoff::default();
    loop {
        match attempt() {
            Ok(it) => return Ok(it),
            Err(e) => failures.wait(e, control)?,
        }
    }
}
