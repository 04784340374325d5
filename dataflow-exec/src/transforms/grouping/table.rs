//! Rows by key.

use dataflow_core::Key;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};
use std::borrow::Cow;
use std::hash::BuildHasher;

/// Rows by key.
pub(in crate::transforms) struct Table<K, S> {
    pub(in crate::transforms) rows: HashTable<(K, S)>,
    hasher: RandomState,
}

impl<K: Key, S> Table<K, S> {
    pub(in crate::transforms) fn new(hasher: RandomState) -> Self {
        Table { rows: HashTable::new(), hasher }
    }

    /// With room for so many rows.
    pub(in crate::transforms) fn with_capacity(rows: usize, hasher: RandomState) -> Self {
        Table { rows: HashTable::with_capacity(rows), hasher }
    }

    /// An empty one of other rows, in which keys have the same hashes.
    pub(super) fn like<T>(&self) -> Table<K, T> {
        Table { rows: HashTable::new(), hasher: self.hasher.clone() }
    }

    /// The row of `key`, which `create` makes if there is none. One probe.
    #[inline]
    pub(in crate::transforms) fn row(&mut self, key: Cow<'_, K>, create: impl FnOnce() -> S) -> &mut S {
        self.row_with(self.hash(&key), key, create)
    }

    /// The same for a key with this hash.
    #[inline]
    pub(super) fn row_with(&mut self, hash: u64, key: Cow<'_, K>, create: impl FnOnce() -> S) -> &mut S {
        match self.entry(hash, &key) {
            Entry::Occupied(row) => &mut row.into_mut().1,
            Entry::Vacant(free) => &mut free.insert((key.into_owned(), create())).into_mut().1,
        }
    }

    /// Where the row of a key with this hash is, or would be.
    #[inline]
    pub(super) fn entry(&mut self, hash: u64, key: &K) -> Entry<'_, (K, S)> {
        let hasher = &self.hasher;
        self.rows.entry(hash, |(k, _)| k == key, |(k, _)| hasher.hash_one(k))
    }

    /// Whether there is a row of a key with this hash.
    #[inline]
    pub(super) fn has(&self, hash: u64, key: &K) -> bool {
        self.rows.find(hash, |(k, _)| k == key).is_some()
    }

    /// Gives memory back if it is far more than `rows` rows take: to go through an empty table takes as long as it is wide.
    pub(in crate::transforms) fn give_up_room(&mut self, rows: usize) {
        if self.rows.is_empty() && self.rows.capacity() > 64 + 8 * rows {
            self.rows = HashTable::new();
        }
    }

    /// Gives memory back if it is far more than the rows take.
    pub(super) fn shrink(&mut self) {
        let rows = self.rows.len();
        if self.rows.capacity() > 64 + 8 * rows {
            let hasher = &self.hasher;
            self.rows.shrink_to(2 * rows, |(key, _)| hasher.hash_one(key));
        }
    }

    /// The row of `key`, if there is one.
    pub(in crate::transforms) fn get_mut(&mut self, key: &K) -> Option<&mut S> {
        self.rows.find_mut(self.hasher.hash_one(key), |(k, _)| k == key).map(|(_, row)| row)
    }

    /// Changes the row of `key`, if there is one, and removes it if `change` says that it is not to stay.
    #[inline]
    pub(super) fn change(&mut self, key: &K, change: impl FnOnce(&mut S) -> bool) {
        let found = self.rows.find_entry(self.hasher.hash_one(key), |(k, _)| k == key);
        if let Ok(mut row) = found
            && !change(&mut row.get_mut().1)
        {
            row.remove();
        }
    }

    /// A row that `is_it`, of a key with this hash. Of keys with the same hash it is any: each of them is to be asked for.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, is_it: impl Fn(&S) -> bool) -> Option<OccupiedEntry<'_, (K, S)>> {
        let hasher = &self.hasher;
        self.rows.find_entry(hash, |(k, row)| is_it(row) && hasher.hash_one(k) == hash).ok()
    }

    /// The hash of a key.
    #[inline]
    pub(super) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Removes the row of `key`.
    pub(in crate::transforms) fn remove(&mut self, key: &K) -> Option<S> {
        self.remove_with(self.hash(key), key)
    }

    /// The same for a key with this hash.
    #[inline]
    pub(super) fn remove_with(&mut self, hash: u64, key: &K) -> Option<S> {
        let found = self.rows.find_entry(hash, |(k, _)| k == key);
        found.ok().map(|entry| entry.remove().0.1)
    }
}
