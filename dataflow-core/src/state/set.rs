//! Values without repetition.

use super::StateCell;
use crate::{Coded, Result, coder};
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::collections::btree_set::Iter;

/// A cell with values, each once. They are read in ascending order, so that a restarted run reads them in the same one.
///
/// ```
/// use dataflow_core::state::Set;
///
/// let mut seen = Set::default();
/// assert!(seen.insert("b".to_owned()));
/// assert!(!seen.insert("b".to_owned()));
/// assert!(seen.contains("b"));
/// assert!(seen.remove("b"));
/// assert!(seen.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set<T>(BTreeSet<T>);

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set(BTreeSet::new())
    }
}

impl<T: Ord> Set<T> {
    /// Adds a value. Returns whether it is new.
    pub fn insert(&mut self, value: T) -> bool {
        self.0.insert(value)
    }

    /// Removes a value. Returns whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove(value)
    }

    /// Whether the value is there.
    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains(value)
    }

    /// The values, ascending.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter()
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
    pub fn take(&mut self) -> BTreeSet<T> {
        std::mem::take(&mut self.0)
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<'a, T: Ord> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Coded + Ord> StateCell for Set<T> {
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
