//! Keys.

use dataflow_core::graph::{Lifting, Routing};
use dataflow_core::{Boundedness, Data, Key, PCollection, StepSpec};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// `key_by`: gives elements a key.
pub trait KeyBy<T: Data> {
    /// Elements by key, to be grouped or combined. The key is found when it is needed, and elements are not copied for it.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let sales = p.create("Sales", vec![("north".to_owned(), 10), ("south".to_owned(), 5)]);
    /// let revenue = sales.key_by("Region", |s| s.0.clone()).sum("Revenue", |s| s.1);
    /// ```
    fn key_by<K: Key, F: Fn(&T) -> K + Send + Sync + 'static>(&self, name: &str, f: F) -> Keyed<T, ByFunction<F, K>>;
}

impl<T: Data> KeyBy<T> for PCollection<T> {
    fn key_by<K: Key, F: Fn(&T) -> K + Send + Sync + 'static>(&self, name: &str, f: F) -> Keyed<T, ByFunction<F, K>> {
        let keying = Arc::new(ByFunction(f, PhantomData));
        Keyed { collection: self.clone(), detail: format!("by {name}"), keying }
    }
}

/// Elements by key: a collection and how to find the key. See [`KeyBy::key_by`].
pub struct Keyed<T, G> {
    pub(super) collection: PCollection<T>,
    pub(super) detail: String,
    pub(super) keying: Arc<G>,
}

/// What can be grouped by key: pairs of key and value, and [`Keyed`] elements.
pub trait KeyedCollection {
    /// The elements.
    type Element: Data;
    /// How their keys are found.
    type Keying: Keying<Self::Element>;

    /// The elements with their keys.
    fn keyed(&self) -> Keyed<Self::Element, Self::Keying>;
}

impl<T: Data, G: Keying<T>> KeyedCollection for Keyed<T, G> {
    type Element = T;
    type Keying = G;

    fn keyed(&self) -> Keyed<T, G> {
        Keyed { collection: self.collection.clone(), detail: self.detail.clone(), keying: self.keying.clone() }
    }
}

impl<K: Key, V: Data> KeyedCollection for PCollection<(K, V)> {
    type Element = (K, V);
    type Keying = ByFirst;

    fn keyed(&self) -> Keyed<(K, V), ByFirst> {
        Keyed { collection: self.clone(), detail: String::new(), keying: Arc::new(ByFirst) }
    }
}

/// How the key and the value of an element are found.
pub trait Keying<T>: Send + Sync + 'static {
    /// The key.
    type Key: Key;
    /// What is grouped under it.
    type Value: Data;

    /// The key of an element.
    fn key<'a>(&self, element: &'a T) -> Cow<'a, Self::Key>;
    /// The value of an element.
    fn value<'a>(&self, element: &'a T) -> &'a Self::Value;
    /// Key and value of an element.
    fn pair(&self, element: T) -> (Self::Key, Self::Value);
}

/// The elements of a pair are key and value.
pub struct ByFirst;

impl<K: Key, V: Data> Keying<(K, V)> for ByFirst {
    type Key = K;
    type Value = V;

    #[inline]
    fn key<'a>(&self, pair: &'a (K, V)) -> Cow<'a, K> {
        Cow::Borrowed(&pair.0)
    }

    #[inline]
    fn value<'a>(&self, pair: &'a (K, V)) -> &'a V {
        &pair.1
    }

    #[inline]
    fn pair(&self, pair: (K, V)) -> (K, V) {
        pair
    }
}

/// A function finds the key; the value is the whole element.
pub struct ByFunction<F, K>(pub(super) F, pub(super) PhantomData<fn() -> K>);

impl<T: Data, K: Key, F: Fn(&T) -> K + Send + Sync + 'static> Keying<T> for ByFunction<F, K> {
    type Key = K;
    type Value = T;

    #[inline]
    fn key<'a>(&self, element: &'a T) -> Cow<'a, K> {
        Cow::Owned((self.0)(element))
    }

    #[inline]
    fn value<'a>(&self, element: &'a T) -> &'a T {
        element
    }

    #[inline]
    fn pair(&self, element: T) -> (K, T) {
        ((self.0)(&element), element)
    }
}

impl<T: Data, G: Keying<T>> Keyed<T, G> {
    /// A step that needs all elements of a key in one place.
    pub(super) fn step(&self, name: &str, transform: &'static str) -> StepSpec {
        let keying = self.keying.clone();
        let exchange = Arc::new(move |shards| super::exchange::by_key::<T, G>(keying.clone(), shards));
        let routing = Routing::ByKey(exchange, Lifting::NotAsked);
        StepSpec { routing, detail: self.detail.clone(), ..StepSpec::new(name, transform) }
    }

    /// A step that gives a result for each window of a key, so windows must end.
    pub(super) fn grouping_step(&self, name: &str, transform: &'static str) -> StepSpec {
        let endless = self.collection.boundedness() == Boundedness::Unbounded;
        if let Err(message) = self.collection.windowing().check_grouping(endless) {
            self.collection.report(name, message);
        }
        self.step(name, transform)
    }

    /// Pairs of key and element.
    pub fn pairs(&self, name: &str) -> PCollection<(G::Key, G::Value)> {
        use super::Map;
        let keying = self.keying.clone();
        self.collection.map(name, move |element| keying.pair(element))
    }
}
