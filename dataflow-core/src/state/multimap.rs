//! Any number of values by key.

use super::StateCell;
use crate::{Coded, Result, coder};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A cell with any number of values for each of its keys. Keys are read in ascending order, the values of a key in that
/// in which they were added.
///
/// ```
/// use dataflow_core::state::Multimap;
///
/// let mut orders = Multimap::<u32, String>::default();
/// orders.add(7, "a".to_owned());
/// orders.add(7, "b".to_owned());
/// assert_eq!(orders.get(&7), ["a", "b"]);
/// assert_eq!(orders.remove(&7), ["a", "b"]);
/// assert!(orders.get(&7).is_empty() && orders.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Multimap<K, V>(BTreeMap<K, Vec<V>>);

impl<K, V> Default for Multimap<K, V> {
    fn default() -> Self {
        Multimap(BTreeMap::new())
    }
}

impl<K: Ord, V> Multimap<K, V> {
    /// Adds a value to those of a key.
    pub fn add(&mut self, key: K, value: V) {
        self.0.entry(key).or_default().push(value);
    }

    /// The values of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> &[V]
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Removes a key. Returns its values.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Vec<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).unwrap_or_default()
    }

    /// Whether there are values for the key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Keys with their values, by ascending key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &[V])> {
        self.0.iter().map(|(key, values)| (key, values.as_slice()))
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// How many values there are, of all keys.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all out.
    pub fn take(&mut self) -> BTreeMap<K, Vec<V>> {
        std::mem::take(&mut self.0)
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Coded + Ord, V: Coded> StateCell for Multimap<K, V> {
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
