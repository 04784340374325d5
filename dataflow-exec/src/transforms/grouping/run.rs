//! Runs of elements that are in the same windows.

use super::Run;
use dataflow_core::Result;
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

/// Calls `each` for the runs of a batch whose elements go to the same rows, unless the window that one has by itself is too
/// late. If a window is, so are those that end before it.
pub(super) fn for_each_on_time<T, R>(
    batch: &Batch<T>,
    len: usize,
    rows: &mut R,
    is_late: impl Fn(Window) -> bool,
    mut each: impl FnMut(Run<'_, R>) -> Result<()>,
) -> Result<()> {
    // The bounds tell at once whether all are in time, which most often is so.
    let all = match &batch.windows {
        Windows::Implied(Assignment::Sessions(sessions)) => !is_late(sessions.assign(batch.bounds.min)),
        Windows::Uniform(window) => !is_late(*window),
        Windows::Implied(_) | Windows::PerElement(_) => false,
    };
    let mut start = 0;
    for i in 0..if all { 0 } else { len } {
        let window = batch.window(i);
        if is_late(window) {
            if start < i {
                each(Run { elements: start..i, rows: Some(rows), late: &[] })?;
            }
            each(Run { elements: i..i + 1, rows: None, late: &[window] })?;
            start = i + 1;
        }
    }
    if start < len {
        each(Run { elements: start..len, rows: Some(rows), late: &[] })?;
    }
    Ok(())
}

/// Adds the windows that element `i` is in.
pub(super) fn windows_of<T>(batch: &Batch<T>, i: usize, windows: &mut Vec<Window>) {
    match &batch.windows {
        Windows::Implied(f) => f.assign_all(batch.times.get(i), windows),
        _ => windows.push(batch.window(i)),
    }
}
