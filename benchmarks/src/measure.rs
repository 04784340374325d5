//! Time, and what is usual.

use std::time::Instant;

/// Seconds on the clock, and of processor time of the whole process.
pub fn time<R>(work: impl FnOnce() -> R) -> (R, f64, f64) {
    let cpu = || {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
    };
    let (start, cpu_start) = (Instant::now(), cpu());
    let result = work();
    (result, start.elapsed().as_secs_f64(), cpu() - cpu_start)
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
