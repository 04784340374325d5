//! Any number of values.

use super::StateCell;
use crate::{Coded, Result, coder};

/// A cell with any number of values, in the order in which they were added.
///
/// ```
/// use dataflow_core::state::Bag;
///
/// let mut bag = Bag::default();
/// bag.add(3);
/// bag.extend([1, 2]);
/// assert_eq!(bag.iter().sum::<i32>(), 6);
/// assert_eq!(bag.take(), [3, 1, 2]);
/// assert!(bag.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bag<T>(Vec<T>);

impl<T> Default for Bag<T> {
    fn default() -> Self {
        Bag(Vec::new())
    }
}

impl<T> Bag<T> {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: T) {
        self.0.push(value);
    }

    /// The values.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The values as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all out.
    pub fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T> Extend<T> for Bag<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl<'a, T> IntoIterator for &'a Bag<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Coded> StateCell for Bag<T> {
    #[inline]
    fn is_vacant(&self) -> bool {
        self.0.is_empty()
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        coder::encode(&self.0, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        self.0 = coder::decode(from)?;
        Ok(())
    }
}
