//! One value per key and window.

use super::Types;
use super::key_by::{Keyed, KeyedCollection, Keying};
use super::keyed_windows::KeyedWindows;
use crate::combiners::{Count, Max, Mean, Min, Sum, Top};
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Coded, CombineFn, Counter, Data, PCollection, Result, StepSpec};
use dataflow_windows::Timestamp;
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
pub(super) fn apply<T, G, F, O>(
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
    let spec: StepSpec = keyed.grouping_step(name, "Combine.PerKey");
    let keying = keyed.keying.clone();
    keyed.collection.apply_operator(spec, move |context| {
        Ok(CombineOperator {
            keying: keying.clone(),
            combine: combine.clone(),
            finish,
            windows: KeyedWindows::default(),
            dropped_late: context.counter("dropped_late"),
            element: PhantomData,
        })
    })
}

struct CombineOperator<T, G: Keying<T>, F: CombineFn, O> {
    keying: Arc<G>,
    combine: F,
    finish: fn(F::Out) -> Option<O>,
    windows: KeyedWindows<G::Key, F::Acc>,
    dropped_late: Counter,
    element: Types<T>,
}

impl<T, G, F, O> Operator for CombineOperator<T, G, F, O>
where
    T: Data,
    G: Keying<T>,
    F: CombineFn<In = G::Value>,
    O: Data,
{
    type In = T;
    type Out = ((G::Key, O),);

    fn batch(&mut self, input: &mut Batch<T>, _: (Emitter<'_, (G::Key, O)>,)) -> Result<()> {
        let (keying, combine) = (&*self.keying, &self.combine);
        let mut cursor = Cursor::default();
        let late = self.windows.for_each_run(input, input.len(), |table, run| {
            for (i, element) in input.values[run.clone()].iter().enumerate() {
                cursor.0 = run.start + i;
                combine.add(table.row(keying.key(element), || combine.create()), keying.value(element));
            }
        });
        if late > 0 {
            self.dropped_late.add(late);
        }
        Ok(())
    }

    fn reads_only(&self) -> bool {
        true
    }

    fn watermark(&mut self, watermark: Timestamp, (mut out,): (Emitter<'_, (G::Key, O)>,)) -> Result<Advance> {
        let (combine, finish) = (&self.combine, self.finish);
        self.windows.advance(watermark, &mut out, |key, acc| Some((key, finish(combine.extract(acc))?)))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.windows.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.windows.restore(from)
    }
}
