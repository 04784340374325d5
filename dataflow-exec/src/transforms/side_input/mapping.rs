//! Which window of a side input belongs to a window of the main one.

use dataflow_core::plane::{Batch, Windows};
use dataflow_windows::{Assignment, Timestamp, Window, WindowFn};
use std::ops::Range;

/// Finds the side window for a main window: the one that holds its last timestamp, the earliest if there are several.
pub(super) struct Mapping {
    side: WindowFn,
    /// The one looked for last, and what was found.
    recent: Option<(Window, Option<Window>)>,
    windows: Vec<Window>,
}

impl Mapping {
    pub(super) fn new(side: WindowFn) -> Self {
        Mapping { side, recent: None, windows: Vec::new() }
    }

    pub(super) fn is_global(&self) -> bool {
        self.side == WindowFn::Global
    }

    /// The side window for `main`; none if it falls into a gap between side windows.
    #[inline]
    pub(super) fn side_window(&mut self, main: Window) -> Option<Window> {
        if self.is_global() {
            return Some(Window::GLOBAL);
        }
        match self.recent {
            Some((window, found)) if window == main => found,
            _ => self.look_up(main),
        }
    }

    fn look_up(&mut self, main: Window) -> Option<Window> {
        self.windows.clear();
        self.side.assign(main.max_timestamp(), &mut self.windows);
        let found = self.windows.iter().min().copied(); // ordered by their ends
        self.recent = Some((main, found));
        found
    }

    /// The side window that belongs to all elements of a batch, if that is easily seen.
    pub(super) fn one_for_all<T>(&mut self, batch: &Batch<T>) -> Option<Option<Window>> {
        match &batch.windows {
            _ if self.is_global() => Some(Some(Window::GLOBAL)),
            Windows::Uniform(window) => Some(self.side_window(*window)),
            Windows::Implied(Assignment::Fixed(fixed)) if !matches!(self.side, WindowFn::Custom(_)) => {
                // Between the first and the last there is no other, unless they fall into gaps.
                let [first, last] =
                    [batch.bounds.min, batch.bounds.max].map(|t: Timestamp| self.side_window(fixed.assign(t)));
                (first == last && first.is_some()).then_some(first)
            }
            _ => None,
        }
    }

    /// Calls `each` with runs of elements of one side window.
    pub(super) fn for_each_run<T>(&mut self, batch: &Batch<T>, mut each: impl FnMut(Option<Window>, Range<usize>)) {
        let mut run: Option<(Option<Window>, usize)> = None;
        for i in 0..batch.len() {
            let side = self.side_window(batch.window(i));
            match run {
                Some((same, _)) if same == side => {}
                _ => {
                    if let Some((other, start)) = run.replace((side, i)) {
                        each(other, start..i);
                    }
                }
            }
        }
        if let Some((side, start)) = run {
            each(side, start..batch.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::{Duration, FixedWindows, SlidingWindows};

    fn window(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_seconds(start), Timestamp::from_seconds(end))
    }

    #[test]
    fn a_window_reads_the_earliest_side_window_that_holds_its_end() {
        let mut hours = Mapping::new(FixedWindows::of(Duration::seconds(60)).into());
        assert_eq!(hours.side_window(window(50, 60)), Some(window(0, 60)));
        assert_eq!(hours.side_window(window(50, 61)), Some(window(60, 120)));
        let sliding = SlidingWindows::of(Duration::seconds(60)).every(Duration::seconds(20));
        assert_eq!(Mapping::new(sliding.into()).side_window(window(0, 10)), Some(window(-40, 20)));
        assert_eq!(Mapping::new(WindowFn::Global).side_window(window(0, 10)), Some(Window::GLOBAL));
    }

    #[test]
    fn a_window_that_ends_between_side_windows_has_none() {
        let gaps = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(20));
        let mut gaps = Mapping::new(gaps.into());
        assert_eq!(gaps.side_window(window(10, 15)), None);
        // Both ends of a batch may be in gaps, and its middle not.
        let mut batch = Batch::default();
        batch.fill(25, |i| (i, Timestamp::from_seconds(15 + i as i64)));
        batch.windows = Windows::Implied(Assignment::Fixed(FixedWindows::of(Duration::seconds(1))));
        assert_eq!(gaps.one_for_all(&batch), None);
    }

    #[test]
    fn runs_of_one_side_window_cover_the_batch() {
        let mut batch = Batch::default();
        batch.fill(100, |i| (i, Timestamp::from_seconds(i as i64)));
        batch.windows = Windows::Implied(Assignment::Fixed(FixedWindows::of(Duration::seconds(10))));
        let mut mapping = Mapping::new(FixedWindows::of(Duration::seconds(60)).into());
        assert_eq!(mapping.one_for_all(&batch), None);
        let mut runs = vec![];
        mapping.for_each_run(&batch, |side, run| runs.push((side, run)));
        assert_eq!(runs, [(Some(window(0, 60)), 0..60), (Some(window(60, 120)), 60..100)]);
        batch.bounds.min = Timestamp::from_seconds(60);
        assert_eq!(mapping.one_for_all(&batch), Some(Some(window(60, 120))));
    }
}
