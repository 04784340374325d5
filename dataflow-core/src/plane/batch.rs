//! What flows between the steps of a stage.

use super::{Bounds, Column, Windows};
use dataflow_windows::{PaneInfo, Timestamp, Window};

/// A batch of elements of one type with their timestamps, windows and panes, column by column.
///
/// Invariant: each per-element column is as long as `values`, and `bounds` holds every timestamp. The methods keep it;
/// who writes columns directly must do so too.
///
/// ```
/// use dataflow_core::plane::Batch;
/// use dataflow_windows::Timestamp;
///
/// let mut batch = Batch::default();
/// batch.fill(3, |i| (i * 10, Timestamp::from_millis(i as i64)));
/// batch.push(30, Timestamp::from_millis(99));
/// assert_eq!(batch.values, [0, 10, 20, 30]);
/// assert_eq!(batch.bounds.max, Timestamp::from_millis(99));
/// ```
#[derive(Debug)]
pub struct Batch<T> {
    /// The elements.
    pub values: Vec<T>,
    /// Their timestamps.
    pub times: Column<Timestamp>,
    /// Bounds of the timestamps.
    pub bounds: Bounds,
    /// Their windows.
    pub windows: Windows,
    /// Their panes.
    pub panes: Column<PaneInfo>,
    /// Nobody looks at the elements after the step that has the batch now: see [`look`](Self::look).
    pub is_last: bool,
}

/// Nobody has said of a clone that it is [looked at](Batch::look) for the last time.
impl<T: Clone> Clone for Batch<T> {
    fn clone(&self) -> Self {
        let Batch { values, times, bounds, windows, panes, is_last: _ } = self;
        let (values, times, windows, panes) = (values.clone(), times.clone(), windows.clone(), panes.clone());
        Batch { values, times, bounds: *bounds, windows, panes, is_last: false }
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch {
            values: Vec::new(),
            times: Column::PerElement(Vec::new()),
            bounds: Bounds::EMPTY,
            windows: Windows::Uniform(Window::GLOBAL),
            panes: Column::Uniform(PaneInfo::NO_FIRING),
            is_last: false,
        }
    }
}

impl<T> Batch<T> {
    /// How many elements a full batch has: about 64 KiB of them, so that a batch stays in the second-level cache while
    /// it passes through a chain of steps.
    pub const fn target_len() -> usize {
        let size = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        let len = 65_536 / size;
        if len < 64 {
            64
        } else if len > 1_024 {
            1_024
        } else {
            len
        }
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds one element of the batch's window. To add many, [`fill`](Self::fill) is faster.
    #[inline]
    pub fn push(&mut self, value: T, timestamp: Timestamp) {
        let len = self.values.len();
        self.bounds.add(timestamp);
        self.times.make_per_element(len).push(timestamp);
        self.values.push(value);
    }

    /// Adds an element that came of one in the batch whose windows and panes these are made for: as long as all do, the
    /// columns stay as short as they are.
    #[inline]
    pub fn push_like(&mut self, value: T, timestamp: Timestamp, pane: PaneInfo, window: impl FnOnce() -> Window) {
        if let Windows::PerElement(windows) = &mut self.windows {
            windows.push(window());
        }
        if let Column::PerElement(panes) = &mut self.panes {
            panes.push(pane);
        }
        self.push(value, timestamp);
    }

    /// Adds an element with a window and pane of its own.
    pub fn push_in(&mut self, value: T, timestamp: Timestamp, window: Window, pane: PaneInfo) {
        let len = self.values.len();
        let as_they_are = match &self.windows {
            Windows::Uniform(own) => *own == window,
            Windows::Implied(f) => f.is_single() && f.assign(timestamp) == window,
            Windows::PerElement(_) => false,
        };
        if !as_they_are {
            self.windows_mut(len).push(window);
        }
        if self.panes != Column::Uniform(pane) {
            self.panes.make_per_element(len).push(pane);
        }
        self.push(value, timestamp);
    }

    /// The windows of the `len` elements, one each.
    pub(super) fn windows_mut(&mut self, len: usize) -> &mut Vec<Window> {
        match self.windows {
            Windows::PerElement(_) => {}
            Windows::Uniform(w) => self.windows = Windows::PerElement(vec![w; len]),
            Windows::Implied(f) => {
                self.windows = Windows::PerElement((0..len).map(|i| f.assign(self.times.get(i))).collect());
            }
        }
        match &mut self.windows {
            Windows::PerElement(v) => v,
            _ => unreachable!("made per element above"),
        }
    }

    /// Adds `n` elements made by `make`, which gets the numbers from 0. The columns grow once, not per element.
    #[inline]
    pub fn fill(&mut self, n: usize, mut make: impl FnMut(usize) -> (T, Timestamp)) {
        let len = self.values.len();
        let mut bounds = self.bounds; // a local one stays in registers
        let times = self.times.make_per_element(len);
        times.resize(len + n, Timestamp::MIN);
        self.values.extend(times[len..].iter_mut().enumerate().map(|(i, time)| {
            let (value, t) = make(i);
            *time = t;
            bounds.add(t);
            value
        }));
        self.bounds = bounds;
    }

    /// Takes `values` into the empty batch, by swapping: for sources that have them in a vector of their own. `time` finds
    /// their timestamps. `values` is left empty, with memory to use again.
    ///
    /// ```
    /// use dataflow_core::plane::Batch;
    /// use dataflow_windows::Timestamp;
    ///
    /// let mut decoded = vec![30, 10, 20];
    /// let mut batch = Batch::default();
    /// batch.swap_in(&mut decoded, |n| Timestamp::from_millis(*n));
    /// assert_eq!((&batch.values[..], &decoded[..]), (&[30, 10, 20][..], &[][..]));
    /// assert_eq!(batch.bounds.min, Timestamp::from_millis(10));
    /// ```
    #[inline]
    pub fn swap_in(&mut self, values: &mut Vec<T>, mut time: impl FnMut(&T) -> Timestamp) {
        self.clear();
        std::mem::swap(&mut self.values, values);
        let mut bounds = self.bounds; // a local one stays in registers
        let times = self.times.make_per_element(0);
        times.extend(self.values.iter().map(|value| {
            let t = time(value);
            bounds.add(t);
            t
        }));
        self.bounds = bounds;
    }

    /// Makes the batch one of `values` that all have `timestamp` and are in `window`.
    pub fn set_uniform(&mut self, timestamp: Timestamp, window: Window, pane: PaneInfo) {
        self.times = Column::Uniform(timestamp);
        self.bounds = Bounds { min: timestamp, max: timestamp };
        self.windows = Windows::Uniform(window);
        self.panes = Column::Uniform(pane);
    }

    /// Removes all elements, keeping the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.clear_meta();
    }

    fn clear_meta(&mut self) {
        self.times.reset(Timestamp::MIN);
        self.bounds = Bounds::EMPTY;
        self.windows = Windows::Uniform(Window::GLOBAL);
        self.panes = Column::Uniform(PaneInfo::NO_FIRING);
    }

    /// Cuts off the elements from number `at` on, which must not be behind the last one. Both parts keep the bounds.
    ///
    /// ```
    /// use dataflow_core::plane::Batch;
    /// use dataflow_windows::Timestamp;
    ///
    /// let mut batch = Batch::default();
    /// batch.fill(3, |i| (i, Timestamp::from_millis(i as i64)));
    /// let rest = batch.split_off(1);
    /// assert_eq!((batch.values, rest.values), (vec![0], vec![1, 2]));
    /// assert_eq!(rest.times.get(0), Timestamp::from_millis(1));
    /// ```
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let windows = match &mut self.windows {
            Windows::PerElement(v) => Windows::PerElement(v.split_off(at)),
            Windows::Uniform(w) => Windows::Uniform(*w),
            Windows::Implied(f) => Windows::Implied(*f),
        };
        let (times, panes) = (self.times.split_off(at), self.panes.split_off(at));
        Batch { values: self.values.split_off(at), times, bounds: self.bounds, windows, panes, is_last: self.is_last }
    }

    /// Takes all columns but the values from `from`, by swapping: for steps that make one element of each.
    pub fn take_meta<U>(&mut self, from: &mut Batch<U>) {
        std::mem::swap(&mut self.times, &mut from.times);
        std::mem::swap(&mut self.windows, &mut from.windows);
        std::mem::swap(&mut self.panes, &mut from.panes);
        self.bounds = from.bounds;
    }

    /// Makes all columns of the empty batch but the values copies of those of `from`: for steps that make one element of
    /// each and leave what they read as it is.
    pub fn copy_meta<U>(&mut self, from: &Batch<U>) {
        self.times.copy_from(&from.times);
        self.windows.clone_from(&from.windows);
        self.panes.copy_from(&from.panes);
        self.bounds = from.bounds;
    }

    /// The window of element `i`. Where elements may be in several, [`explode`](Self::explode) must have been called.
    #[inline]
    pub fn window(&self, i: usize) -> Window {
        match &self.windows {
            Windows::Uniform(w) => *w,
            Windows::Implied(f) => f.assign(self.times.get(i)),
            Windows::PerElement(v) => v[i],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_by_bytes_and_by_number() {
        assert_eq!(Batch::<u8>::target_len(), 1_024);
        assert_eq!(Batch::<[u8; 128]>::target_len(), 512);
        assert_eq!(Batch::<[u8; 1 << 20]>::target_len(), 64);
        assert_eq!(Batch::<()>::target_len(), 1_024);
    }
}
