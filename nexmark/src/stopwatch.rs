//! Time, on the clock and of processors.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Runs since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    clock: Instant,
    processors: Duration,
}

/// What a [`Stopwatch`] shows.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Time {
    /// Time on the clock.
    pub clock: Duration,
    /// The processors' time, of all threads of this process.
    pub processors: Duration,
}

fn processors() -> Duration {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(t.tv_sec.unsigned_abs(), t.tv_nsec.unsigned_abs() as u32)
}

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        Stopwatch { clock: Instant::now(), processors: processors() }
    }

    /// The time since it was started.
    pub fn elapsed(&self) -> Time {
        Time { clock: self.clock.elapsed(), processors: processors().saturating_sub(self.processors) }
    }
}
