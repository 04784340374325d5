//! One value per key and window.

use super::Types;
use super::combining_exchange::combining;
use super::grouping::{self, Accumulate, Arrival, Dropped, Feed, Groups, Late, Rows};
use super::key_by::{Keyed, KeyedCollection, Keying};
use super::lifted::{Lifted, Tally, can_wait};
use super::selected::{Selected, selecting};
use crate::combiners::{Count, Max, Mean, Min, Sum, Top};
use dataflow_core::graph::{ExchangeFactory, Lifting, Routing};
use dataflow_core::plane::{Batch, Cursor, ErasedBatch, is_of, typed};
use dataflow_core::{Coded, CombineFn, Data, PCollection, Result};
use dataflow_windows::{Timestamp, WindowingStrategy};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

type ElementOf<C> = <C as KeyedCollection>::Element;
type KeyOf<C> = <<C as KeyedCollection>::Keying as Keying<ElementOf<C>>>::Key;
type ValueOf<C> = <<C as KeyedCollection>::Keying as Keying<ElementOf<C>>>::Value;
type Combined<C, O> = PCollection<(KeyOf<C>, O)>;

/// `combine_per_key` and its common cases: one value per key and window.
pub trait CombinePerKey: KeyedCollection + Sized {
    /// Combines the values of each key and window, and gives the result when the watermark passes the window's end.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::{combiners::Sum, transforms::*};
    /// # let p = Pipeline::new("doc");
    /// let pairs = p.create("Pairs", vec![("a".to_owned(), 1), ("b".to_owned(), 2), ("a".to_owned(), 3)]);
    /// let sums = pairs.combine_per_key("Sum", Sum::of(|n: &i32| *n));
    /// ```
    fn combine_per_key<F: CombineFn<In = ValueOf<Self>>>(&self, name: &str, combine: F) -> Combined<Self, F::Out> {
        apply(self.keyed(), name, combine, Some)
    }

    /// The number of values.
    fn count(&self, name: &str) -> Combined<Self, u64> {
        self.combine_per_key(name, Count::new())
    }

    /// The sum of what `f` takes from the values.
    fn sum<N>(&self, name: &str, f: impl Fn(&ValueOf<Self>) -> N + Clone + Send + Sync + 'static) -> Combined<Self, N>
    where
        N: Coded + Default + std::ops::AddAssign,
    {
        self.combine_per_key(name, Sum::of(f))
    }

    /// The mean of what `f` takes from the values.
    fn mean(
        &self,
        name: &str,
        f: impl Fn(&ValueOf<Self>) -> f64 + Clone + Send + Sync + 'static,
    ) -> Combined<Self, f64> {
        apply(self.keyed(), name, Mean::of(f), |mean| mean)
    }

    /// The smallest of what `f` takes from the values.
    fn min<N>(&self, name: &str, f: impl Fn(&ValueOf<Self>) -> N + Clone + Send + Sync + 'static) -> Combined<Self, N>
    where
        N: Coded + PartialOrd,
    {
        apply(self.keyed(), name, Min::of(f), |min| min)
    }

    /// The largest of what `f` takes from the values.
    fn max<N>(&self, name: &str, f: impl Fn(&ValueOf<Self>) -> N + Clone + Send + Sync + 'static) -> Combined<Self, N>
    where
        N: Coded + PartialOrd,
    {
        apply(self.keyed(), name, Max::of(f), |max| max)
    }

    /// The `n` values for which `f` is largest, the largest first.
    fn top<N>(
        &self,
        name: &str,
        n: usize,
        f: impl Fn(&ValueOf<Self>) -> N + Clone + Send + Sync + 'static,
    ) -> Combined<Self, Vec<ValueOf<Self>>>
    where
        N: Coded + PartialOrd,
        ValueOf<Self>: Coded,
    {
        self.combine_per_key(name, Top::largest(n, f))
    }
}

impl<C: KeyedCollection> CombinePerKey for C {}

/// Adds the step. `finish` turns results into elements; a key with a value always has one.
fn apply<T, G, F, O>(
    keyed: Keyed<T, G>,
    name: &str,
    combine: F,
    finish: fn(F::Out) -> Option<O>,
) -> PCollection<(G::Key, O)>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
{
    let by = Combining { keying: keyed.keying.clone(), combine, finish, element: PhantomData };
    grouping::apply::<T, G, _, Dropped>(&keyed, name, "Combine.PerKey", by)
}

/// How values are combined.
pub(super) struct Combining<T, G, F: CombineFn, O> {
    pub(super) keying: Arc<G>,
    pub(super) combine: F,
    pub(super) finish: fn(F::Out) -> Option<O>,
    pub(super) element: Types<T>,
}

impl<T, G, F, O> Accumulate for Combining<T, G, F, O>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
{
    type Key = G::Key;
    type Acc = F::Acc;
    type Out = (G::Key, O);

    #[inline]
    fn create(&self) -> F::Acc {
        self.combine.create()
    }

    #[inline]
    fn merge(&self, acc: &mut F::Acc, other: F::Acc) {
        self.combine.merge(acc, other);
    }

    #[inline]
    fn finish(&self, key: G::Key, acc: F::Acc) -> Option<(G::Key, O)> {
        Some((key, (self.finish)(self.combine.extract(acc))?))
    }

    #[inline]
    fn retracts(&self) -> bool {
        self.combine.retracts()
    }

    #[inline]
    fn retract(&self, acc: &mut F::Acc, other: F::Acc) {
        self.combine.retract(acc, other);
    }
}

impl<T, G, F, O> Feed<T> for Combining<T, G, F, O>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
{
    const READS_ONLY: bool = true;

    fn feed<S: Groups<Self>>(&self, groups: &mut S, input: &mut Batch<T>, late: &mut Late<'_, T>) -> Result<()> {
        let (keying, combine) = (&*self.keying, &self.combine);
        let mut cursor = Cursor::default();
        input.look(|meta, elements| {
            groups.for_each_run(meta, elements.len(), |run| {
                let n = run.elements.len();
                if !run.late.is_empty() {
                    late.take(&run, &elements.rest()[..n], meta);
                }
                let Some(rows) = run.rows else {
                    elements.skip(n);
                    return Ok(());
                };
                cursor.0 = run.elements.start;
                elements.try_each(n, |element| {
                    let i = cursor.0;
                    let (arrival, window) = (|| Arrival::of(meta.times.get(i)), || meta.window(i));
                    rows.add(self, keying.key(element), arrival, window, |acc| combine.add(acc, keying.value(element)))
                        .map_err(Into::into)?;
                    cursor.0 += 1;
                    Ok(())
                })
            })
        })
    }

    fn lifted(self: &Arc<Self>, strategy: &WindowingStrategy, late_is_shown: bool) -> Option<Routing> {
        let (by, merging) = (self.clone(), strategy.is_merging());
        if late_is_shown {
            let keying = self.keying.clone();
            let exchange = Arc::new(move |shards| selecting::<T, G>(keying.clone(), shards));
            return Some(Routing::ByKey(exchange, Lifting::NotPossible("late elements are an output")));
        }
        let exchange: ExchangeFactory = match can_wait(strategy) && !merging {
            true => Arc::new(move |shards| combining::<T, G, F, O, u64>(by.clone(), true, shards)),
            false => Arc::new(move |shards| combining::<T, G, F, O, Arrival>(by.clone(), !merging, shards)),
        };
        let lifting = match merging {
            true => Lifting::NotPossible("windows are joined by key"),
            false => Lifting::Combined,
        };
        Some(Routing::ByKey(exchange, lifting))
    }

    fn feed_combined<S: Groups<Self>>(
        &self,
        groups: &mut S,
        input: &mut dyn ErasedBatch,
        late: &mut Late<'_, T>,
    ) -> Result<()> {
        if let Some(selected) = Selected::<T>::of(input) {
            return selected.look(|values, rows| self.feed_selected(groups, values, rows, late));
        }
        match is_of::<Lifted<G::Key, F::Acc, u64>>(input) {
            true => self.feed_lifted::<S, u64>(groups, input, late),
            false => self.feed_lifted::<S, Arrival>(groups, input, late),
        }
    }
}

impl<T, G, F, O> Combining<T, G, F, O>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
{
    /// Adds those of `values` whose numbers `chosen` has, with what else is known of them.
    fn feed_selected<S: Groups<Self>>(
        &self,
        groups: &mut S,
        values: &[T],
        chosen: &Batch<u32>,
        late: &mut Late<'_, T>,
    ) -> Result<()> {
        let (keying, combine) = (&*self.keying, &self.combine);
        let mut cursor = Cursor::default();
        groups.for_each_run(chosen, chosen.len(), |run| {
            let of_run = || chosen.values[run.elements.clone()].iter().map(|row| &values[*row as usize]);
            if !run.late.is_empty() {
                late.take(&run, of_run(), chosen);
            }
            let Some(rows) = run.rows else { return Ok(()) };
            for (i, element) in run.elements.clone().zip(of_run()) {
                cursor.0 = i;
                let (arrival, window) = (|| Arrival::of(chosen.times.get(i)), || chosen.window(i));
                rows.add(self, keying.key(element), arrival, window, |acc| combine.add(acc, keying.value(element)))
                    .map_err(Into::into)?;
            }
            Ok(())
        })
    }

    fn feed_lifted<S: Groups<Self>, N: Tally>(
        &self,
        groups: &mut S,
        input: &mut dyn ErasedBatch,
        late: &mut Late<'_, T>,
    ) -> Result<()> {
        let input = typed::<Lifted<G::Key, F::Acc, N>>(input)?;
        let mut partials = std::mem::take(&mut input.values);
        let mut rest = partials.drain(..);
        let meta = &*input;
        let mut cursor = Cursor::default();
        groups.for_each_run(meta, rest.len(), |run| {
            if !run.late.is_empty() {
                let of_run = &rest.as_slice()[..run.elements.len()];
                late.count(of_run.iter().map(|p| p.tally.arrival(Timestamp::MIN).elements).sum(), run.late);
            }
            let Some(rows) = run.rows else {
                rest.by_ref().take(run.elements.len()).for_each(drop);
                return Ok(());
            };
            for (i, Lifted { key, acc, tally }) in run.elements.zip(rest.by_ref()) {
                cursor.0 = i;
                let (arrival, window) = (|| tally.arrival(meta.times.get(i)), || meta.window(i));
                let add = |own: &mut F::Acc| self.combine.merge(own, acc);
                rows.add(self, Cow::Owned(key), arrival, window, add).map_err(Into::into)?;
            }
            Ok(())
        })?;
        drop(rest);
        input.values = partials; // its memory is used again
        Ok(())
    }
}
