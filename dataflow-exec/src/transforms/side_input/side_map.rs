//! Tables as user code sees them.

use dataflow_core::Key;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Borrow;
use std::hash::Hash;

/// The content of a map view: one value per key.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<(K, V)>", bound(deserialize = "K: Key, V: Deserialize<'de>"))]
pub struct SideMap<K, V>(pub(super) HashMap<K, V, RandomState>);

/// The content of a multimap view: any number of values per key.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<(K, Vec<V>)>", bound(deserialize = "K: Key, V: Deserialize<'de>"))]
pub struct SideMultimap<K, V>(HashMap<K, Vec<V>, RandomState>);

impl<K: Key, V> SideMap<K, V> {
    /// The value of `key`.
    #[inline]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys with their values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }
}

impl<K: Key, V> SideMultimap<K, V> {
    /// The values of `key`, in no order.
    #[inline]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> &[V]
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys with their values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &[V])> {
        self.0.iter().map(|(key, values)| (key, values.as_slice()))
    }

    pub(super) fn of(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut table: HashMap<K, Vec<V>, RandomState> = HashMap::default();
        pairs.into_iter().for_each(|(key, value)| table.entry(key).or_default().push(value));
        SideMultimap(table)
    }
}

impl<K: Key, V> From<Vec<(K, V)>> for SideMap<K, V> {
    fn from(pairs: Vec<(K, V)>) -> Self {
        SideMap(pairs.into_iter().collect())
    }
}

impl<K: Key, V> From<Vec<(K, Vec<V>)>> for SideMultimap<K, V> {
    fn from(pairs: Vec<(K, Vec<V>)>) -> Self {
        SideMultimap(pairs.into_iter().collect())
    }
}

impl<K: Serialize, V: Serialize> Serialize for SideMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<K: Serialize, V: Serialize> Serialize for SideMultimap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}
