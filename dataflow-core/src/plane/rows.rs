//! Some of the rows of a batch, or more of them.

use super::{Batch, Column, Cursor, Windows};
use dataflow_windows::{Assignment, Timestamp};

impl<T> Batch<T> {
    /// Whether rows of `from` can be added to it. They cannot where it is implied of the ones that they are in several
    /// windows, and said of each of the others in which one it is.
    pub fn can_extend_meta<U>(&self, from: &Batch<U>) -> bool {
        let are_in_several = |windows: &Windows| matches!(windows, Windows::Implied(f) if !f.is_single());
        match (&self.windows, &from.windows) {
            (Windows::Implied(own), Windows::Implied(theirs)) if own == theirs => true,
            (own, theirs) => self.is_empty() || !are_in_several(own) && !are_in_several(theirs),
        }
    }

    /// Adds copies of the rows of `from` with the numbers in `rows`, but for the values. The batch must be empty, or
    /// have been filled by this method alone, and be one that [can take them](Self::can_extend_meta).
    pub fn extend_meta<U>(&mut self, from: &Batch<U>, rows: impl Iterator<Item = usize> + Clone) {
        self.extend_meta_behind(self.values.len(), from, rows);
    }

    /// [`extend_meta`](Self::extend_meta) for an empty batch to which the values have already been added: one for each of
    /// the `rows`.
    pub fn meta_of_rows<U>(&mut self, from: &Batch<U>, rows: &[u32]) {
        self.extend_meta_behind(0, from, rows.iter().map(|i| *i as usize));
    }

    fn extend_meta_behind<U>(&mut self, len: usize, from: &Batch<U>, rows: impl Iterator<Item = usize> + Clone) {
        self.bounds.join(from.bounds);
        self.panes.extend_from(len, &from.panes, rows.clone());
        self.extend_windows(len, from, rows.clone()); // before the times, which implied windows hang on
        self.times.extend_from(len, &from.times, rows);
    }

    fn extend_windows<U>(&mut self, len: usize, from: &Batch<U>, rows: impl Iterator<Item = usize>) {
        match (&mut self.windows, &from.windows) {
            (own, Windows::Uniform(w)) if len == 0 || *own == Windows::Uniform(*w) => *own = Windows::Uniform(*w),
            (own, Windows::Implied(f)) if len == 0 || *own == Windows::Implied(*f) => *own = Windows::Implied(*f),
            _ => self.windows_mut(len).extend(rows.map(|i| from.window(i))),
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
        let (values, rows) = (&mut self.values[..len], &mut selection[..len]);
        let mut cursor = Cursor::default();
        let mut kept = 0;
        for i in 0..len {
            cursor.0 = i;
            let yes = keep(i, &values[i], self.times.get(i));
            rows[kept] = i as u32; // `kept <= i`: no survivor is overwritten, and the last one may be wrong
            if const { !std::mem::needs_drop::<T>() } {
                values[kept] = values[i].clone();
            }
            kept += usize::from(yes);
        }
        selection.truncate(kept);
        if kept == len {
            return;
        }
        if const { std::mem::needs_drop::<T>() } {
            // Those that are dropped need not be moved, and may be most of them.
            selection.iter().enumerate().for_each(|(to, from)| self.values.swap(to, *from as usize));
        }
        self.values.truncate(kept);
        self.select_meta(selection);
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
    use super::super::Bounds;
    use super::*;
    use dataflow_windows::{Duration, FixedWindows, SlidingWindows, Window};

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
}
