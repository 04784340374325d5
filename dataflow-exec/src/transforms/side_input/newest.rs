//! What a singleton or map view keeps of its elements: of several that stand for the same, the newest.
//!
//! Results of a grouping with several panes replace each other. To keep all of them until the window is over would be to
//! keep them for ever, in the global window.

use dataflow_core::{Coded, CombineFn, Key};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A value, with the number of the pane that it is from.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Newest<T> {
    pane: u32,
    pub(super) value: T,
    /// Another one of the same pane came before it.
    pub(super) twice: bool,
}

impl<T> Newest<T> {
    /// Puts `new` into the place of what is older, or came before it.
    fn replace(self, new: Newest<T>) -> Newest<T> {
        match new.pane.cmp(&self.pane) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Equal => Newest { twice: true, ..new },
            std::cmp::Ordering::Greater => new,
        }
    }
}

/// The newest value of all, by the number of its pane.
#[derive(Clone)]
pub(super) struct NewestValue<T>(pub(super) PhantomData<fn() -> T>);

impl<T: Coded> CombineFn for NewestValue<T> {
    type In = (u32, T);
    type Acc = Option<Newest<T>>;
    type Out = Option<Newest<T>>;

    fn create(&self) -> Self::Acc {
        None
    }

    fn add(&self, acc: &mut Self::Acc, (pane, value): &(u32, T)) {
        self.merge(acc, Some(Newest { pane: *pane, value: value.clone(), twice: false }));
    }

    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc) {
        *acc = match (acc.take(), other) {
            (Some(old), Some(new)) => Some(old.replace(new)),
            (old, new) => old.or(new),
        };
    }

    fn extract(&self, acc: Self::Acc) -> Self::Out {
        acc
    }
}

/// The newest value of each key.
#[derive(Clone)]
pub(super) struct NewestPerKey<K, V>(pub(super) PhantomData<fn() -> (K, V)>);

/// Values by key; as bytes a list of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "K: Key, V: Coded", from = "Vec<(K, Newest<V>)>", into = "Vec<(K, Newest<V>)>")]
pub(super) struct PerKey<K, V>(pub(super) HashMap<K, Newest<V>, RandomState>);

impl<K: Key, V> From<Vec<(K, Newest<V>)>> for PerKey<K, V> {
    fn from(rows: Vec<(K, Newest<V>)>) -> Self {
        PerKey(rows.into_iter().collect())
    }
}

impl<K, V> From<PerKey<K, V>> for Vec<(K, Newest<V>)> {
    fn from(rows: PerKey<K, V>) -> Self {
        rows.0.into_iter().collect()
    }
}

impl<K: Key, V: Coded> CombineFn for NewestPerKey<K, V> {
    type In = (u32, (K, V));
    type Acc = PerKey<K, V>;
    type Out = PerKey<K, V>;

    fn create(&self) -> Self::Acc {
        PerKey(HashMap::default())
    }

    fn add(&self, acc: &mut Self::Acc, (pane, (key, value)): &(u32, (K, V))) {
        put(acc, key.clone(), Newest { pane: *pane, value: value.clone(), twice: false });
    }

    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc) {
        other.0.into_iter().for_each(|(key, newest)| put(acc, key, newest));
    }

    fn extract(&self, acc: Self::Acc) -> Self::Out {
        acc
    }
}

fn put<K: Key, V>(acc: &mut PerKey<K, V>, key: K, new: Newest<V>) {
    let newest = match acc.0.remove(&key) {
        Some(old) => old.replace(new),
        None => new,
    };
    acc.0.insert(key, newest);
}
