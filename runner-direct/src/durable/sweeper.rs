//! Removes checkpoints that are not needed any more, beside the run.

use super::State;
use dataflow_checkpoint::{Checkpoints, Retention};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// Removes what is not needed any more, beside the run.
pub(super) struct Sweeper {
    checkpoints: Arc<Checkpoints>,
    retention: Retention,
    every: Duration,
    last: Instant,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(super) fn new(checkpoints: Arc<Checkpoints>, interval: dataflow_windows::Duration) -> Self {
        let interval = Duration::from_micros(u64::try_from(interval.as_micros()).unwrap_or(0));
        // Longer than a checkpoint takes, but state that is not needed takes room.
        let grace = (interval * 10).clamp(Duration::from_secs(60), Duration::from_secs(3600));
        let retention = Retention { grace, ..Retention::default() };
        Sweeper { checkpoints, retention, every: grace / 4, last: Instant::now(), thread: None }
    }

    /// Sweeps in the background, now and then.
    pub(super) fn sweep(&mut self) {
        let busy = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if busy || self.last.elapsed() < self.every {
            return;
        }
        self.last = Instant::now();
        let (checkpoints, retention) = (self.checkpoints.clone(), self.retention.clone());
        let sweep = move || {
            if let Err(e) = checkpoints.sweep::<State>(&retention, SystemTime::now()) {
                tracing::warn!("old checkpoints cannot be removed: {e}");
            }
        };
        // Without a thread it is tried again.
        self.thread = std::thread::Builder::new().name("dataflow-sweeper".to_owned()).spawn(sweep).ok();
    }
}
