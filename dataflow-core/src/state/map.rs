//! Values by key.

use super::StateCell;
use crate::{Coded, Result, coder};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::collections::btree_map::{Iter, Keys, Values};

/// A cell with a value for each of its keys. They are read by ascending key, so that a restarted run reads them in the
/// same order.
///
/// ```
/// use dataflow_core::state::Map;
///
/// let mut visits = Map::<String, u32>::default();
/// *visits.or_default("home".to_owned()) += 2;
/// assert_eq!(visits.get("home"), Some(&2));
/// assert_eq!(visits.remove("home"), Some(2));
/// assert!(visits.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map<K, V>(BTreeMap<K, V>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(BTreeMap::new())
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Puts a value in. Returns the one it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    /// Removes a key. Returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// The value of a key to change it; the default is put in if there is none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.0.entry(key).or_default()
    }

    /// Whether there is a value for the key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Keys and values, by ascending key.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.0.iter()
    }

    /// The keys, ascending.
    pub fn keys(&self) -> Keys<'_, K, V> {
        self.0.keys()
    }

    /// The values, by ascending key.
    pub fn values(&self) -> Values<'_, K, V> {
        self.0.values()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all out.
    pub fn take(&mut self) -> BTreeMap<K, V> {
        std::mem::take(&mut self.0)
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Coded + Ord, V: Coded> StateCell for Map<K, V> {
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
