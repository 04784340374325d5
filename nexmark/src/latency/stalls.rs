//! How late the machine wakes those who sleep.

use super::Durations;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const SLEEP: Duration = Duration::from_millis(1);

/// A thread that sleeps for a millisecond again and again, and notes by how much it was longer.
#[derive(Debug)]
pub struct Stalls {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Stalls {
    /// Starts the thread.
    pub fn watch() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let thread = thread::spawn(move || {
            let mut stalls = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let start = Instant::now();
                thread::sleep(SLEEP);
                stalls.push(start.elapsed().saturating_sub(SLEEP));
            }
            stalls
        });
        Stalls { over, thread }
    }

    /// Ends it. What it has seen.
    pub fn end(self) -> Durations {
        self.over.store(true, Ordering::Relaxed);
        Durations::new(self.thread.join().unwrap_or_default())
    }
}
