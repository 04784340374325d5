//! Runs of elements that are in the same windows.

use dataflow_core::plane::{Batch, Windows};
use dataflow_windows::{Assignment, Duration, Window};

/// Where the run of elements that begins at `start` ends: all in it are in the same windows as the first.
#[inline]
pub fn run_end<T>(batch: &Batch<T>, len: usize, start: usize) -> usize {
    match &batch.windows {
        Windows::Uniform(_) => len,
        Windows::Implied(f) => {
            let t = batch.times.get(start);
            let slice = match f {
                Assignment::Sliding(sliding) => sliding.slice(t),
                Assignment::Sessions(_) => Window::new(t, t + Duration::micros(1)), // each begins one of its own
                single => single.assign(t),
            };
            run_within(batch, len, start, slice)
        }
        Windows::PerElement(windows) => {
            let first = windows[start];
            (start + 1..len).find(|i| windows[*i] != first).unwrap_or(len)
        }
    }
}

fn run_within<T>(batch: &Batch<T>, len: usize, start: usize, slice: Window) -> usize {
    // The bounds tell at once whether all are in it, which most often is so.
    if slice.contains(batch.bounds.min) && slice.contains(batch.bounds.max) {
        return len;
    }
    (start + 1..len).find(|i| !slice.contains(batch.times.get(*i))).unwrap_or(len)
}

/// Adds the windows that element `i` is in.
pub(super) fn windows_of<T>(batch: &Batch<T>, i: usize, windows: &mut Vec<Window>) {
    match &batch.windows {
        Windows::Implied(f) => f.assign_all(batch.times.get(i), windows),
        _ => windows.push(batch.window(i)),
    }
}
