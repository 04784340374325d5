//! Collections as side inputs.

use super::newest::{Newest, NewestPerKey, NewestValue};
use super::{SideMap, SideMultimap};
use crate::transforms::{CombinePerKey, GroupByKey, KeyBy, Types, stateless};
use dataflow_core::plane::{Batch, Emitter, Operator};
use dataflow_core::{Coded, Data, Error, Key, PCollection, Result, StepSpec};
use dataflow_windows::Trigger;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// The content of a pane of a side input, shared by all threads; none of a pane without elements.
pub(super) type Content<C> = Option<Arc<C>>;

/// A collection as a side input: Beam's `PCollectionView`. Each window has a content of type `C`.
///
/// The content is made once for each pane of a window, in one place, and shared by all threads of a process.
#[derive(Clone)]
pub struct View<C> {
    pub(super) name: String,
    pub(super) contents: PCollection<Content<C>>,
    /// What a window has that no element came for.
    pub(super) empty: Content<C>,
}

/// A [`View`] of one value a window.
pub type SingletonView<T> = View<T>;
/// A [`View`] of all elements of a window.
pub type IterableView<T> = View<Vec<T>>;
/// A [`View`] of a table with one value per key.
pub type MapView<K, V> = View<SideMap<K, V>>;
/// A [`View`] of a table with any number of values per key.
pub type MultimapView<K, V> = View<SideMultimap<K, V>>;

/// `as_singleton_view` and `as_iterable_view`: a collection as a side input.
///
/// Side inputs may be windowed, also in other windows than the elements that look at them; see
/// [`SideInput`](super::SideInput). In the global window an endless collection needs a trigger, such as
/// `Trigger::Repeatedly` of an `AfterCount`, and its content is that of the latest pane.
pub trait AsView<T> {
    /// The one value of each window. Two are an error of the run, and so is to look at a window that has none.
    ///
    /// Of results of a grouping with several panes it is the latest. Under another trigger than the default one there
    /// may be several values in a pane; then it is the one that came last.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::{combiners::Sum, transforms::*};
    /// # let p = Pipeline::new("doc");
    /// let numbers = p.create("Numbers", vec![1.0, 3.0]);
    /// let total = numbers.combine_globally("Sum", Sum::of(|n: &f64| *n)).as_singleton_view("Total");
    /// let shares = numbers.map_with_side_input("Share", &total, |n, total| n / total);
    /// ```
    fn as_singleton_view(&self, name: &str) -> SingletonView<T>;

    /// As [`as_singleton_view`](Self::as_singleton_view), but windows without a value have `default`.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let factor = p.create("Settings", Vec::<i64>::new()).as_singleton_view_or("Factor", 1);
    /// let scaled = p.create("Numbers", vec![1, 2]).map_with_side_input("Scale", &factor, |n, factor| n * factor);
    /// ```
    fn as_singleton_view_or(&self, name: &str, default: T) -> SingletonView<T>;

    /// All elements of each window, in no order: Beam's `asIterable` and `asList`.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let limits = p.create("Limits", vec![10, 100]).as_iterable_view("AllLimits");
    /// let levels = p.create("Numbers", vec![50]).map_with_side_input("Level", &limits, |n, limits| {
    ///     limits.iter().filter(|limit| n > *limit).count()
    /// });
    /// ```
    fn as_iterable_view(&self, name: &str) -> IterableView<T>;
}

/// `as_map_view` and `as_multimap_view`: a collection of pairs as a table to look things up in.
pub trait AsMapView<K, V> {
    /// A table per window with one value per key. A key twice is an error of the run.
    ///
    /// Of results of a grouping with several panes it is the latest. Under another trigger than the default one a key
    /// may come several times in a pane; then it is the value that came last.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::{Duration, FixedWindows};
    /// # let p = Pipeline::new("doc");
    /// # let (prices, orders) = (p.create("Prices", vec![(7, 99)]), p.create("Orders", vec![7]));
    /// // The prices of each day, for the orders of each hour of it.
    /// let prices = prices.window("Daily", FixedWindows::of(Duration::days(1))).as_map_view("PriceOf");
    /// let orders = orders.window("Hourly", FixedWindows::of(Duration::hours(1)));
    /// let priced = orders.map_with_side_input("Price", &prices, |item, prices| (*item, prices.get(item).copied()));
    /// ```
    fn as_map_view(&self, name: &str) -> MapView<K, V>;

    /// A table per window with any number of values per key.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let tags = p.create("Tags", vec![(1, "new".to_owned()), (1, "red".to_owned())]).as_multimap_view("TagsOf");
    /// let tagged = p.create("Items", vec![1, 2]).map_with_side_input("Count", &tags, |item, tags| tags.get(item).len());
    /// ```
    fn as_multimap_view(&self, name: &str) -> MultimapView<K, V>;
}

impl<T: Coded + Sync> AsView<T> for PCollection<T> {
    fn as_singleton_view(&self, name: &str) -> SingletonView<T> {
        singleton(self, name, None)
    }

    fn as_singleton_view_or(&self, name: &str, default: T) -> SingletonView<T> {
        singleton(self, name, Some(default))
    }

    fn as_iterable_view(&self, name: &str) -> IterableView<T> {
        all(self, name, Vec::new(), |values| values)
    }
}

impl<K: Key + Sync, V: Coded + Sync> AsMapView<K, V> for PCollection<(K, V)> {
    fn as_map_view(&self, name: &str) -> MapView<K, V> {
        map(self, name)
    }

    fn as_multimap_view(&self, name: &str) -> MultimapView<K, V> {
        all(self, name, SideMultimap::of([]), SideMultimap::of)
    }
}

/// Whether two values for one place are a mistake, or one comes after the other.
fn is_strict<T: Data>(side: &PCollection<T>) -> bool {
    side.windowing().trigger == Trigger::Default
}

fn singleton<T: Coded + Sync>(side: &PCollection<T>, name: &str, default: Option<T>) -> View<T> {
    let newest = with_panes(side, name)
        .key_by("window", |_| ())
        .combine_per_key(&format!("{name}.group"), NewestValue(PhantomData));
    let strict = is_strict(side);
    view(&newest, name, default, move |newest| match newest {
        Some(Newest { twice: true, .. }) if strict => Err(Error::data(
            "the side input has two values in a window, but a singleton view has one: combine them first \
             (`combine_globally`), or use `as_iterable_view`",
        )),
        newest => Ok(newest.map(|newest| newest.value)),
    })
}

fn map<K: Key + Sync, V: Coded + Sync>(side: &PCollection<(K, V)>, name: &str) -> View<SideMap<K, V>> {
    let by_window = with_panes(side, name).key_by("window", |_| ());
    let newest = by_window.combine_per_key(&format!("{name}.group"), NewestPerKey(PhantomData));
    let strict = is_strict(side);
    view(&newest, name, Some(SideMap(HashMap::default())), move |newest| {
        if strict && newest.0.values().any(|newest| newest.twice) {
            return Err(Error::data(
                "the side input has a key twice in a window, but a map view has one value per key: combine the \
                 values per key first, or use `as_multimap_view`",
            ));
        }
        let rows: HashMap<K, V, RandomState> = newest.0.into_iter().map(|(key, newest)| (key, newest.value)).collect();
        Ok((!rows.is_empty()).then_some(SideMap(rows)))
    })
}

/// All elements of each pane.
fn all<R: Coded + Sync, C: Send + Sync + 'static>(
    side: &PCollection<R>,
    name: &str,
    empty: C,
    build: impl Fn(Vec<R>) -> C + Send + Sync + 'static,
) -> View<C> {
    let panes = side.key_by("window", |_| ()).group_by_key(&format!("{name}.group"));
    view(&panes, name, Some(empty), move |rows| Ok((!rows.is_empty()).then(|| build(rows))))
}

/// Makes a content of what each pane has. None of a pane without elements, which says only that nothing is new.
fn view<R: Data, C: Send + Sync + 'static>(
    panes: &PCollection<((), R)>,
    name: &str,
    empty: Option<C>,
    build: impl Fn(R) -> Result<Option<C>> + Send + Sync + 'static,
) -> View<C> {
    let windows = panes.windowing().window_fn;
    if windows.is_merging() {
        panes.report(
            name,
            format!(
                "its windows are {windows}, which differ from key to key, so there is no telling which one belongs to \
                 a window of the main input: use fixed, sliding or global windows for a side input"
            ),
        );
    }
    let build = Arc::new(build);
    let contents =
        panes.apply_operator(StepSpec::new(name, "View"), move |_| Ok(ContentOperator(build.clone(), PhantomData)));
    View { name: name.to_owned(), contents, empty: empty.map(Arc::new) }
}

struct ContentOperator<R, C, F>(Arc<F>, Types<(R, C)>);

impl<R, C, F> Operator for ContentOperator<R, C, F>
where
    R: Data,
    C: Send + Sync + 'static,
    F: Fn(R) -> Result<Option<C>> + Send + Sync + 'static,
{
    type In = ((), R);
    type Out = (Content<C>,);

    fn batch(&mut self, input: &mut Batch<((), R)>, (mut out,): (Emitter<'_, Content<C>>,)) -> Result<()> {
        out.try_with(|o| {
            for ((), rows) in input.values.drain(..) {
                o.values.push((self.0)(rows)?.map(Arc::new));
            }
            o.take_meta(input);
            Ok(())
        })
    }

    stateless!();
}

/// Elements with the numbers of their panes, by which a later result takes the place of an earlier one.
fn with_panes<T: Data>(side: &PCollection<T>, name: &str) -> PCollection<(u32, T)> {
    side.apply_operator(StepSpec::new(&format!("{name}.panes"), "Map"), |_| Ok(PaneOperator(PhantomData)))
}

struct PaneOperator<T>(Types<T>);

impl<T: Data> Operator for PaneOperator<T> {
    type In = T;
    type Out = ((u32, T),);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, (u32, T)>,)) -> Result<()> {
        out.with(|o| {
            let pane = |i| input.panes.get(i).index;
            o.values.extend(input.values.drain(..).enumerate().map(|(i, value)| (pane(i), value)));
            o.take_meta(input);
        })
    }

    stateless!();
}
