//! What flows between the steps of a stage.

use super::Cursor;
use dataflow_windows::{Assignment, PaneInfo, Timestamp, Window};

/// One value for the whole batch, or one per element.
#[derive(Clone, PartialEq, Debug)]
pub enum Column<C> {
    /// The same for all elements.
    Uniform(C),
    /// One per element.
    PerElement(Vec<C>),
}

impl<C: Copy> Column<C> {
    /// The value of element `i`.
    #[inline]
    pub fn get(&self, i: usize) -> C {
        match self {
            Column::Uniform(c) => *c,
            Column::PerElement(v) => v[i],
        }
    }

    /// Keeps the rows whose numbers are in `selection` (ascending).
    pub fn select(&mut self, selection: &[u32]) {
        if let Column::PerElement(v) = self {
            for (to, from) in selection.iter().enumerate() {
                v[to] = v[*from as usize];
            }
            v.truncate(selection.len());
        }
    }

    /// Cuts off the values of the elements from number `at` on.
    fn split_off(&mut self, at: usize) -> Self {
        match self {
            Column::Uniform(c) => Column::Uniform(*c),
            Column::PerElement(v) => Column::PerElement(v.split_off(at)),
        }
    }

    /// One value per element: a uniform one is written out for `len` elements first.
    pub fn make_per_element(&mut self, len: usize) -> &mut Vec<C> {
        if let Column::Uniform(c) = *self {
            *self = Column::PerElement(vec![c; len]);
        }
        match self {
            Column::PerElement(v) => v,
            Column::Uniform(_) => unreachable!("made per element above"),
        }
    }

    /// Empties the column, keeping its memory; `rest` is what a uniform one becomes.
    fn reset(&mut self, rest: C) {
        match self {
            Column::PerElement(v) => v.clear(),
            Column::Uniform(c) => *c = rest,
        }
    }
}

/// The windows of a batch's elements.
///
/// `Implied` is what makes windowing free: the window function is stored once and applied only where somebody asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Windows {
    /// All elements are in one window.
    Uniform(Window),
    /// The windows are this function of the element's timestamp. They may be several, or none: see [`Batch::explode`].
    Implied(Assignment),
    /// One per element.
    PerElement(Vec<Window>),
}

/// Conservative bounds of the timestamps in a batch: they may be too wide, never too narrow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// No element is before this.
    pub min: Timestamp,
    /// No element is after this.
    pub max: Timestamp,
}

impl Bounds {
    /// Of no elements.
    pub const EMPTY: Bounds = Bounds { min: Timestamp::MAX, max: Timestamp::MIN };

    /// Widens the bounds to hold `t`.
    #[inline]
    pub fn add(&mut self, t: Timestamp) {
        self.min = self.min.min(t);
        self.max = self.max.max(t);
    }

    /// Widens the bounds to hold `other`.
    #[inline]
    pub fn join(&mut self, other: Bounds) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

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
#[derive(Clone, Debug)]
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
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch {
            values: Vec::new(),
            times: Column::PerElement(Vec::new()),
            bounds: Bounds::EMPTY,
            windows: Windows::Uniform(Window::GLOBAL),
            panes: Column::Uniform(PaneInfo::NO_FIRING),
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
    fn windows_mut(&mut self, len: usize) -> &mut Vec<Window> {
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
        Batch { values: self.values.split_off(at), times, bounds: self.bounds, windows, panes }
    }

    /// Takes all columns but the values from `from`, by swapping: for steps that make one element of each.
    pub fn take_meta<U>(&mut self, from: &mut Batch<U>) {
        std::mem::swap(&mut self.times, &mut from.times);
        std::mem::swap(&mut self.windows, &mut from.windows);
        std::mem::swap(&mut self.panes, &mut from.panes);
        self.bounds = from.bounds;
    }

    /// Adds copies of the rows of `from` with the numbers in `rows`, but for the values. The batch must be empty, or
    /// have been filled from batches of the same windowing by this method alone.
    pub fn extend_meta<U>(&mut self, from: &Batch<U>, rows: impl Iterator<Item = usize> + Clone) {
        let len = self.values.len();
        self.bounds.join(from.bounds);
        self.extend_panes(len, from, rows.clone());
        self.extend_windows(len, from, rows.clone()); // before the times, which implied windows hang on
        self.times.make_per_element(len).extend(rows.map(|i| from.times.get(i)));
    }

    fn extend_panes<U>(&mut self, len: usize, from: &Batch<U>, rows: impl Iterator<Item = usize>) {
        match (&mut self.panes, &from.panes) {
            (Column::Uniform(own), Column::Uniform(theirs)) if len == 0 || own == theirs => *own = *theirs,
            (own, theirs) => own.make_per_element(len).extend(rows.map(|i| theirs.get(i))),
        }
    }

    fn extend_windows<U>(&mut self, len: usize, from: &Batch<U>, rows: impl Iterator<Item = usize>) {
        match (&mut self.windows, &from.windows) {
            (own, Windows::Uniform(w)) if len == 0 || *own == Windows::Uniform(*w) => *own = Windows::Uniform(*w),
            (own, Windows::Implied(f)) if len == 0 || *own == Windows::Implied(*f) => *own = Windows::Implied(*f),
            _ => self.windows_mut(len).extend(rows.map(|i| from.window(i))),
        }
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

impl<T: Clone> Batch<T> {
    /// Makes each element as many as it has windows, for code that looks at the window. Most often there is nothing to do.
    #[inline]
    pub fn explode(&mut self) {
        if let Windows::Implied(assignment) = self.windows
            && !assignment.is_single()
        {
            self.explode_by(assignment);
        }
    }

    #[cold]
    fn explode_by(&mut self, assignment: Assignment) {
        let (mut rows, mut windows) = (Vec::new(), Vec::new());
        for i in 0..self.values.len() {
            assignment.assign_all(self.times.get(i), &mut windows);
            rows.resize(windows.len(), i);
        }
        self.values = rows.iter().map(|i| self.values[*i].clone()).collect();
        if let Column::PerElement(times) = &mut self.times {
            *times = rows.iter().map(|i| times[*i]).collect();
        }
        if let Column::PerElement(panes) = &mut self.panes {
            *panes = rows.iter().map(|i| panes[*i]).collect();
        }
        self.windows = Windows::PerElement(windows);
    }

    /// Writes implied windows out, before the timestamps they hang on are changed.
    pub fn materialise_windows(&mut self) {
        self.explode();
        if let Windows::Implied(_) = self.windows {
            self.windows_mut(self.values.len());
        }
    }

    /// Keeps the elements for which `keep` is true; it gets their numbers and times, too. `selection` is memory to work with.
    ///
    /// There is no branch on what `keep` says, since that is hard to foretell.
    #[inline]
    pub fn retain(&mut self, selection: &mut Vec<u32>, mut keep: impl FnMut(usize, &T, Timestamp) -> bool) {
        let len = self.values.len();
        selection.clear();
        selection.resize(len, 0);
        let (values, selection_) = (&mut self.values[..len], &mut selection[..len]);
        let mut cursor = Cursor::default();
        let mut kept = 0;
        for i in 0..len {
            cursor.0 = i;
            let yes = keep(i, &values[i], self.times.get(i));
            selection_[kept] = i as u32; // `kept <= i`: no survivor is overwritten, and the last one may be wrong
            if const { std::mem::needs_drop::<T>() } {
                values.swap(kept, i);
            } else {
                values[kept] = values[i].clone(); // half the traffic of a swap
            }
            kept += usize::from(yes);
        }
        selection.truncate(kept);
        if kept < len {
            self.values.truncate(kept);
            self.select_meta(selection);
        }
    }

    fn select_meta(&mut self, selection: &[u32]) {
        self.times.select(selection);
        self.panes.select(selection);
        if let Windows::PerElement(windows) = &mut self.windows {
            for (to, from) in selection.iter().enumerate() {
                windows[to] = windows[*from as usize];
            }
            windows.truncate(selection.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::{Duration, FixedWindows, SlidingWindows};

    fn ts(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_selection_keeps_all_columns_in_step() {
        let mut b = Batch::default();
        b.fill(5, |i| (format!("v{i}"), ts(i as i64)));
        b.windows = Windows::PerElement((0..5).map(|i| Window::new(ts(i), ts(i + 1))).collect());
        b.retain(&mut vec![], |i, _, _| i == 1 || i == 4);
        assert_eq!(b.values, ["v1", "v4"]);
        assert_eq!((b.times.get(0), b.times.get(1)), (ts(1), ts(4)));
        assert_eq!(b.window(1), Window::new(ts(4), ts(5)));
    }

    #[test]
    fn rows_of_differing_windowing_can_share_a_batch() {
        let minute = Assignment::Fixed(FixedWindows::of(Duration::minutes(1)));
        let mut implied = Batch::default();
        implied.push('a', ts(61_000));
        implied.windows = Windows::Implied(minute);
        let mut uniform = Batch::default();
        uniform.push('b', ts(5));
        let mut both: Batch<char> = Batch::default();
        both.extend_meta(&implied, 0..1);
        both.values.push('a');
        both.extend_meta(&uniform, 0..1);
        both.values.push('b');
        assert_eq!(both.window(0), minute.assign(ts(61_000)));
        assert_eq!(both.window(1), Window::GLOBAL);
        assert_eq!(both.bounds, Bounds { min: ts(5), max: ts(61_000) });
    }

    #[test]
    fn an_element_of_several_windows_becomes_as_many() {
        let sliding = SlidingWindows::of(Duration::millis(10)).every(Duration::millis(5));
        let mut b = Batch::default();
        b.fill(2, |i| (i, ts(i as i64 * 5)));
        b.windows = Windows::Implied(Assignment::Sliding(sliding));
        b.explode();
        assert_eq!(b.values, [0, 0, 1, 1]);
        let starts: Vec<i64> = (0..4).map(|i| b.window(i).start().as_millis()).collect();
        assert_eq!(starts, [-5, 0, 0, 5]);
        assert_eq!(b.times.get(3), ts(5));
    }

    #[test]
    fn batches_are_bounded_by_bytes_and_by_number() {
        assert_eq!(Batch::<u8>::target_len(), 1_024);
        assert_eq!(Batch::<[u8; 128]>::target_len(), 512);
        assert_eq!(Batch::<[u8; 1 << 20]>::target_len(), 64);
        assert_eq!(Batch::<()>::target_len(), 1_024);
    }
}
