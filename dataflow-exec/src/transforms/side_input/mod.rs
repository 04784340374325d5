//! Something to look things up in, beside the elements.

mod code;
mod mapping;
mod newest;
mod operator;
mod side_map;
mod view;
mod waiting;

pub use side_map::{SideMap, SideMultimap};
pub use view::{AsMapView, AsView, IterableView, MapView, MultimapView, SingletonView, View};

use code::{Code, DoFnCode, FlatMapCode, MapCode};
use dataflow_core::{Coded, Data, PCollection, Result, SideInputDoFn, StepSpec};
use dataflow_windows::WindowFn;
use operator::{Plan, SideInputOperator};
use std::marker::PhantomData;
use std::sync::Arc;

/// `map_with_side_input` and its like: user code that looks at a [`View`] of another collection.
///
/// An element looks at the content of one window of the side input: the one that holds the last timestamp of the
/// element's own window, the earliest of them if there are several. A side input in the global window serves all.
///
/// It waits until that window is ready: until a pane of it has come, or the watermark of the side input has passed its
/// end, so that it is known to be empty. What waits holds the watermark and is part of snapshots; other elements go
/// ahead. What an element sees is the latest pane at the moment it is let through, of those that have
/// elements.
///
/// The content of a window is forgotten when no elements for it are to come any more: the watermark of the main input
/// has passed its end by the allowed lateness. What comes later is dropped, and counted as `dropped_late`.
pub trait SideInput<T: Coded> {
    /// Makes an element of each and of the side input, by reference.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let names = p.create("Names", vec![(1, "one".to_owned()), (2, "two".to_owned())]).as_map_view("NameOf");
    /// let named = p.create("Numbers", vec![2, 3]).map_with_side_input("Name", &names, |n, names| {
    ///     names.get(n).cloned().unwrap_or_else(|| "many".to_owned())
    /// });
    /// ```
    fn map_with_side_input<C: Coded + Sync, O: Data>(
        &self,
        name: &str,
        side: &View<C>,
        f: impl Fn(&T, &C) -> O + Send + Sync + 'static,
    ) -> PCollection<O>;

    /// Makes any number of elements of each and of the side input.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let followers = p.create("Follows", vec![("a".to_owned(), 7), ("a".to_owned(), 8)]).as_multimap_view("Followers");
    /// let told = p.create("Posts", vec!["a".to_owned()]).flat_map_with_side_input("Tell", &followers, |author, followers| {
    ///     followers.get(&author).to_vec()
    /// });
    /// ```
    fn flat_map_with_side_input<C: Coded + Sync, I>(
        &self,
        name: &str,
        side: &View<C>,
        f: impl Fn(T, &C) -> I + Send + Sync + 'static,
    ) -> PCollection<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static;

    /// Calls a [`SideInputDoFn`] for each element, with its timestamp and window: once for each window that it is in.
    ///
    /// ```
    /// # use dataflow_core::{BoxError, Element, Output, Pipeline, SideInputDoFn};
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::Timestamp;
    /// /// Gives each element with its time, if that is not before the start.
    /// #[derive(Clone)]
    /// struct FromStart;
    ///
    /// impl SideInputDoFn for FromStart {
    ///     type In = i64;
    ///     type Side = Timestamp;
    ///     type Out = (Timestamp, i64);
    ///
    ///     fn process(&mut self, n: Element<i64>, start: &Timestamp, out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
    ///         if n.timestamp >= *start {
    ///             out.emit((n.timestamp, n.value));
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let p = Pipeline::new("doc");
    /// # let (numbers, start) = (p.create("Numbers", vec![1]), p.create("Starts", vec![Timestamp::from_seconds(1)]));
    /// let later = numbers.par_do_with_side_input("FromStart", &start.as_singleton_view("Start"), FromStart);
    /// ```
    fn par_do_with_side_input<D>(&self, name: &str, side: &View<D::Side>, do_fn: D) -> PCollection<D::Out>
    where
        D: SideInputDoFn<In = T, Side: Coded + Sync> + Sync;
}

impl<T: Coded> SideInput<T> for PCollection<T> {
    fn map_with_side_input<C: Coded + Sync, O: Data>(
        &self,
        name: &str,
        side: &View<C>,
        f: impl Fn(&T, &C) -> O + Send + Sync + 'static,
    ) -> PCollection<O> {
        let f = Arc::new(f);
        look_up(self, name, side, move || Ok(MapCode(f.clone(), PhantomData)))
    }

    fn flat_map_with_side_input<C: Coded + Sync, I>(
        &self,
        name: &str,
        side: &View<C>,
        f: impl Fn(T, &C) -> I + Send + Sync + 'static,
    ) -> PCollection<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static,
    {
        let f = Arc::new(f);
        look_up(self, name, side, move || Ok(FlatMapCode(f.clone(), PhantomData)))
    }

    fn par_do_with_side_input<D>(&self, name: &str, side: &View<D::Side>, do_fn: D) -> PCollection<D::Out>
    where
        D: SideInputDoFn<In = T, Side: Coded + Sync> + Sync,
    {
        look_up(self, name, side, move || DoFnCode::new(do_fn.clone()))
    }
}

fn look_up<T: Coded, C: Coded + Sync, U: Code<T, C>>(
    main: &PCollection<T>,
    name: &str,
    view: &View<C>,
    code: impl Fn() -> Result<U> + Send + Sync + 'static,
) -> PCollection<U::Out> {
    let plan = Plan {
        view: view.name.clone(),
        empty: view.empty.clone(),
        side: view.contents.windowing(),
        main: main.windowing(),
    };
    if plan.main.window_fn == WindowFn::Global && plan.side.window_fn != WindowFn::Global {
        let message = format!(
            "its main input is in the global window, but its side input \"{}\" in {}, so there is no telling which of \
             them to look at: use `window` on the main input first",
            plan.view, plan.side
        );
        main.report(name, message);
    }
    let plan = Arc::new(plan);
    main.apply_side_operator(StepSpec::new(name, "ParDo"), &view.contents, move |context| {
        Ok(SideInputOperator::new(plan.clone(), code()?, context.shard, context.counter("dropped_late")))
    })
}
