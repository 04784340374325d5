//! What a batch knows of its elements, column by column.

use dataflow_windows::{Assignment, Timestamp, Window};
use std::ops::Range;

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

    /// Calls `each` with the values of some elements.
    #[inline]
    pub fn for_each(&self, elements: Range<usize>, mut each: impl FnMut(C)) {
        match self {
            Column::Uniform(c) => elements.for_each(|_| each(*c)),
            Column::PerElement(v) => v[elements].iter().for_each(|c| each(*c)),
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
    pub(super) fn split_off(&mut self, at: usize) -> Self {
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

    /// Becomes a copy of `from`, in the memory it has.
    pub(super) fn copy_from(&mut self, from: &Self) {
        match (self, from) {
            (Column::PerElement(own), Column::PerElement(theirs)) => own.clone_from(theirs),
            (own, theirs) => *own = theirs.clone(),
        }
    }

    /// Empties the column, keeping its memory; `rest` is what a uniform one becomes.
    pub(super) fn reset(&mut self, rest: C) {
        match self {
            Column::PerElement(v) => v.clear(),
            Column::Uniform(c) => *c = rest,
        }
    }
}

impl<C: Copy + PartialEq> Column<C> {
    /// Adds to the `len` values the `rows` of `from`.
    pub(super) fn extend_from(&mut self, len: usize, from: &Self, rows: impl Iterator<Item = usize>) {
        match (self, from) {
            (Column::Uniform(own), Column::Uniform(theirs)) if len == 0 || own == theirs => *own = *theirs,
            (own, Column::Uniform(theirs)) => own.make_per_element(len).extend(rows.map(|_| *theirs)),
            (own, Column::PerElement(theirs)) => own.make_per_element(len).extend(rows.map(|i| theirs[i])),
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
    /// The windows are this function of the element's timestamp. They may be several, or none: see [`Batch::explode`](super::Batch::explode).
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
