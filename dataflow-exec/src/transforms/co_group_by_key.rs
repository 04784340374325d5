//! Several collections, brought together by key.

#![allow(clippy::type_complexity)] // signatures show what comes out

use super::key_by::{KeyedCollection, Keying};
use super::{FlatMap, Flatten, GroupByKey, Map};
use dataflow_core::{Coded, PCollection};
use serde::{Deserialize, Serialize};

type KeyOf<C> = <<C as KeyedCollection>::Keying as Keying<<C as KeyedCollection>::Element>>::Key;
type ValueOf<C> = <<C as KeyedCollection>::Keying as Keying<<C as KeyedCollection>::Element>>::Value;

type Joined<C, V> = PCollection<(KeyOf<C>, V)>;

/// A value and which of the inputs it is from.
#[derive(Clone, Serialize, Deserialize)]
enum Tagged<A, B, C> {
    First(A),
    Second(B),
    Third(C),
}

/// `co_group_by_key` and the joins made of it: several collections, brought together by key and window.
///
/// All inputs must be windowed alike. Where windows give several panes, each pane is joined by itself: with accumulating
/// panes results come again, with more in them; with discarding ones values of different panes do not meet.
pub trait CoGroupByKey: KeyedCollection + Sized {
    /// All values of each key and window, of this collection and of `other`.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let mails = p.create("Mails", vec![(1, "a@b.c".to_owned())]);
    /// let phones = p.create("Phones", vec![(1, "555".to_owned()), (2, "777".to_owned())]);
    /// let contacts = mails.co_group_by_key("Contacts", &phones);
    /// # fn is_of<T>(_: dataflow_core::PCollection<T>) {}
    /// # is_of::<(i32, (Vec<String>, Vec<String>))>(contacts);
    /// ```
    fn co_group_by_key<B>(&self, name: &str, other: &B) -> Joined<Self, (Vec<ValueOf<Self>>, Vec<ValueOf<B>>)>
    where
        B: KeyedCollection<Keying: Keying<B::Element, Key = KeyOf<Self>>>,
        ValueOf<Self>: Coded,
        ValueOf<B>: Coded,
    {
        let a = tagged(self, &format!("{name}.first"), Tagged::<_, _, ()>::First);
        let b = tagged(other, &format!("{name}.second"), Tagged::Second);
        let groups = a.flatten(&format!("{name}.union"), &[b]).group_by_key(&format!("{name}.group"));
        groups.map(name, |(key, values)| {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for value in values {
                match value {
                    Tagged::First(a) => first.push(a),
                    Tagged::Second(b) => second.push(b),
                    Tagged::Third(()) => {}
                }
            }
            (key, (first, second))
        })
    }

    /// All values of each key and window, of this collection and of two others.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let (bids, asks) = (p.create("Bids", vec![(1, 9.5)]), p.create("Asks", vec![(1, 9.7)]));
    /// let book = bids.co_group_by_key_3("Book", &asks, &p.create("Names", vec![(1, "ACME".to_owned())]));
    /// ```
    fn co_group_by_key_3<B, C>(
        &self,
        name: &str,
        second: &B,
        third: &C,
    ) -> Joined<Self, (Vec<ValueOf<Self>>, Vec<ValueOf<B>>, Vec<ValueOf<C>>)>
    where
        B: KeyedCollection<Keying: Keying<B::Element, Key = KeyOf<Self>>>,
        C: KeyedCollection<Keying: Keying<C::Element, Key = KeyOf<Self>>>,
        ValueOf<Self>: Coded,
        ValueOf<B>: Coded,
        ValueOf<C>: Coded,
    {
        let a = tagged(self, &format!("{name}.first"), Tagged::First);
        let b = tagged(second, &format!("{name}.second"), Tagged::Second);
        let c = tagged(third, &format!("{name}.third"), Tagged::Third);
        let groups = a.flatten(&format!("{name}.union"), &[b, c]).group_by_key(&format!("{name}.group"));
        groups.map(name, |(key, values)| {
            let (mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new());
            for value in values {
                match value {
                    Tagged::First(a) => first.push(a),
                    Tagged::Second(b) => second.push(b),
                    Tagged::Third(c) => third.push(c),
                }
            }
            (key, (first, second, third))
        })
    }

    /// Each value with each of `other` of the same key and window: an inner join.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let orders = p.create("Orders", vec![("ann".to_owned(), 7), ("bob".to_owned(), 8)]);
    /// let towns = p.create("Towns", vec![("ann".to_owned(), "Bonn".to_owned())]);
    /// let placed = orders.join("Placed", &towns); // ("ann", (7, "Bonn"))
    /// ```
    fn join<B>(&self, name: &str, other: &B) -> Joined<Self, (ValueOf<Self>, ValueOf<B>)>
    where
        B: KeyedCollection<Keying: Keying<B::Element, Key = KeyOf<Self>>>,
        ValueOf<Self>: Coded,
        ValueOf<B>: Coded,
    {
        self.co_group_by_key(&format!("{name}.values"), other)
            .flat_map(name, |(key, (left, right))| pairs(key, left, right))
    }

    /// Each value with each of `other` of the same key and window, or with none if there are none: a left outer join.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let orders = p.create("Orders", vec![("ann".to_owned(), 7), ("bob".to_owned(), 8)]);
    /// let towns = p.create("Towns", vec![("ann".to_owned(), "Bonn".to_owned())]);
    /// let placed = orders.left_join("Placed", &towns); // ("ann", (7, Some("Bonn"))), ("bob", (8, None))
    /// ```
    fn left_join<B>(&self, name: &str, other: &B) -> Joined<Self, (ValueOf<Self>, Option<ValueOf<B>>)>
    where
        B: KeyedCollection<Keying: Keying<B::Element, Key = KeyOf<Self>>>,
        ValueOf<Self>: Coded,
        ValueOf<B>: Coded,
    {
        self.co_group_by_key(&format!("{name}.values"), other)
            .flat_map(name, |(key, (left, right))| pairs(key, left, or_none(right)))
    }

    /// All values of both, each with each of the other side, or with none if there are none: a full outer join.
    fn full_join<B>(&self, name: &str, other: &B) -> Joined<Self, (Option<ValueOf<Self>>, Option<ValueOf<B>>)>
    where
        B: KeyedCollection<Keying: Keying<B::Element, Key = KeyOf<Self>>>,
        ValueOf<Self>: Coded,
        ValueOf<B>: Coded,
    {
        self.co_group_by_key(&format!("{name}.values"), other).flat_map(name, |(key, (left, right))| {
            // A pane may have nothing new at all.
            let left = if left.is_empty() && right.is_empty() { Vec::new() } else { or_none(left) };
            pairs(key, left, or_none(right))
        })
    }
}

impl<C: KeyedCollection> CoGroupByKey for C {}

fn tagged<C: KeyedCollection, V: Coded>(
    input: &C,
    name: &str,
    tag: impl Fn(ValueOf<C>) -> V + Send + Sync + 'static,
) -> PCollection<(KeyOf<C>, V)> {
    let keyed = input.keyed();
    keyed.collection.map(name, move |element| {
        let (key, value) = keyed.keying.pair(element);
        (key, tag(value))
    })
}

fn or_none<V>(values: Vec<V>) -> Vec<Option<V>> {
    if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
}

/// Each of `left` with each of `right`, one by one, as they may be very many.
fn pairs<K: Clone, A: Clone, B: Clone>(key: K, left: Vec<A>, right: Vec<B>) -> impl Iterator<Item = (K, (A, B))> {
    left.into_iter().flat_map(move |a| {
        let key = key.clone();
        right.clone().into_iter().map(move |b| (key.clone(), (a.clone(), b)))
    })
}
