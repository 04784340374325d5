//! Elements that come too late.

use super::combine::Combining;
use super::group_by_key::Collecting;
use super::grouping::{self, Shown};
use super::key_by::{Keyed, KeyedCollection, Keying};
use super::stateful;
use crate::combiners::{Count, Sum};
use dataflow_core::{Coded, CombineFn, Data, KeyedDoFn, PCollection};
use std::marker::PhantomData;

/// `late_data`: elements that come too late, as an output.
pub trait LateData: KeyedCollection {
    /// The step that follows, a grouping or `par_do_stateful`, has a second output: the elements that came when their
    /// window had expired, each with the window that it was too late for. (They are counted as `dropped_late` in any case.)
    ///
    /// These elements are behind the watermark. What groups them must put them into other windows first, such as the
    /// global one with a trigger.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::{Duration, FixedWindows};
    /// # let p = Pipeline::new("doc");
    /// let sales = p.create("Sales", vec![("north".to_owned(), 10)]);
    /// let hourly = sales.window("Hourly", FixedWindows::of(Duration::hours(1)));
    /// let (per_region, too_late) = hourly.late_data().group_by_key("PerRegion");
    /// ```
    fn late_data(&self) -> WithLateData<Self::Element, Self::Keying>;
}

impl<C: KeyedCollection> LateData for C {
    fn late_data(&self) -> WithLateData<C::Element, C::Keying> {
        WithLateData(self.keyed())
    }
}

/// Results by key, and the elements that came too late for them.
type WithLate<K, O, T> = (PCollection<(K, O)>, PCollection<T>);

/// Elements by key whose next step has an output for late ones. See [`LateData::late_data`].
pub struct WithLateData<T, G>(Keyed<T, G>);

impl<T: Data, G: Keying<T>> WithLateData<T, G> {
    /// As `group_by_key`: the groups, and the elements that came too late.
    pub fn group_by_key(&self, name: &str) -> WithLate<G::Key, Vec<G::Value>, T>
    where
        G::Value: Coded,
    {
        let by = Collecting { keying: self.0.keying.clone(), element: PhantomData };
        grouping::apply::<T, G, _, Shown>(&self.0, name, "GroupByKey", by)
    }

    /// As `count`: the numbers of values, and the elements that came too late.
    pub fn count(&self, name: &str) -> WithLate<G::Key, u64, T> {
        self.combine_per_key(name, Count::new())
    }

    /// As `sum`: the sums, and the elements that came too late.
    pub fn sum<N>(
        &self,
        name: &str,
        f: impl Fn(&G::Value) -> N + Clone + Send + Sync + 'static,
    ) -> WithLate<G::Key, N, T>
    where
        N: Coded + Default + std::ops::AddAssign,
    {
        self.combine_per_key(name, Sum::of(f))
    }

    /// As `combine_per_key`: the results, and the elements that came too late.
    pub fn combine_per_key<F: CombineFn<In = G::Value>>(&self, name: &str, combine: F) -> WithLate<G::Key, F::Out, T> {
        let by = Combining { keying: self.0.keying.clone(), combine, finish: Some, element: PhantomData };
        grouping::apply::<T, G, _, Shown>(&self.0, name, "Combine.PerKey", by)
    }

    /// As [`par_do_stateful`](super::ParDoStateful::par_do_stateful): what the DoFn makes, and the elements that came too late.
    pub fn par_do_stateful<D>(&self, name: &str, do_fn: D) -> (PCollection<D::Out>, PCollection<T>)
    where
        D: KeyedDoFn<Key = G::Key, In = G::Value> + Sync,
    {
        stateful::with_late_data(&self.0, name, do_fn)
    }
}
