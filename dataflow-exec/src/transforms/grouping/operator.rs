//! The operator of all groupings of elements that come one by one.

use super::{Accumulate, Groups, Run, WithGroups, choose, path};
use crate::transforms::Types;
use crate::transforms::key_by::{Keyed, Keying};
use dataflow_core::graph::Routing;
use dataflow_core::plane::{Advance, Batch, Emitter, ErasedBatch, Operator, Ports, StateReader, StateWriter, typed};
use dataflow_core::{Counter, Data, PCollection, PortCollections, Result, StepSpec};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowingStrategy};
use std::marker::PhantomData;
use std::sync::Arc;

/// How elements of `T` come into the state.
pub(in crate::transforms) trait Feed<T: Data>: Accumulate + Sync + Sized {
    /// Whether they are left as they were.
    const READS_ONLY: bool;

    /// Adds the elements of a batch to the rows of `groups`, and what is too late to `late`.
    fn feed<S: Groups<Self>>(&self, groups: &mut S, input: &mut Batch<T>, late: &mut Late<'_, T>) -> Result<()>;

    /// How elements come to the owners of their keys if they can be combined on the way. `late_is_shown` says that those
    /// that come too late are an output.
    fn lifted(self: &Arc<Self>, _: &WindowingStrategy, _late_is_shown: bool) -> Option<Routing> {
        None
    }

    /// Adds what elements were combined to on the way.
    fn feed_combined<S: Groups<Self>>(
        &self,
        _: &mut S,
        input: &mut dyn ErasedBatch,
        _: &mut Late<'_, T>,
    ) -> Result<()> {
        typed::<T>(input).map(|_| ()) // they were not
    }
}

/// Takes elements that come too late for a window.
pub(in crate::transforms) struct Late<'a, T> {
    dropped: u64,
    out: Option<Emitter<'a, T>>,
    batch: Batch<T>,
}

impl<T: Data> Late<'_, T> {
    /// Whether anybody wants to see them.
    pub(in crate::transforms) fn is_wanted(&self) -> bool {
        self.out.is_some()
    }

    /// So many elements are too late for so many windows.
    pub(in crate::transforms) fn count(&mut self, elements: u64, windows: &[Window]) {
        self.dropped += elements * windows.len() as u64;
    }

    /// Shows one of them.
    pub(in crate::transforms) fn show(&mut self, value: &T, t: Timestamp, pane: PaneInfo, windows: &[Window]) {
        for window in windows {
            self.batch.push_in(value.clone(), t, *window, pane);
        }
    }

    /// Takes the elements of a run that are too late for some windows, or all.
    #[cold]
    pub(in crate::transforms) fn take<'v, R, U>(
        &mut self,
        run: &Run<'_, R>,
        values: impl IntoIterator<Item = &'v T>,
        meta: &Batch<U>,
    ) {
        self.count(run.elements.len() as u64, run.late);
        if self.is_wanted() {
            for (i, value) in run.elements.clone().zip(values) {
                self.show(value, meta.times.get(i), meta.panes.get(i), run.late);
            }
        }
    }

    fn send(mut self, dropped: &Counter) -> Result<()> {
        if self.dropped > 0 {
            dropped.add(self.dropped);
        }
        match &mut self.out {
            Some(out) if !self.batch.is_empty() => out.forward(&mut self.batch),
            _ => Ok(()),
        }
    }
}

/// Whether a grouping has an output for elements that come too late.
pub(in crate::transforms) trait LatePort: Send + Sync + 'static {
    /// Its outputs.
    type Out<O: Data, T: Data>: Ports + PortCollections;
    /// Their names.
    const TAGS: &'static [&'static str];
    /// Whether late elements are one.
    const IS_SHOWN: bool;

    /// The emitters of results and of late elements.
    fn split<'a, O: Data, T: Data>(
        out: <Self::Out<O, T> as Ports>::Emitters<'a>,
    ) -> (Emitter<'a, O>, Option<Emitter<'a, T>>)
    where
        'a: 'a;
}

/// Late elements are dropped and counted.
pub(in crate::transforms) struct Dropped;

/// Late elements are an output.
pub(in crate::transforms) struct Shown;

impl LatePort for Dropped {
    type Out<O: Data, T: Data> = (O,);
    const TAGS: &'static [&'static str] = &["main"];
    const IS_SHOWN: bool = false;

    fn split<'a, O: Data, T: Data>((out,): (Emitter<'a, O>,)) -> (Emitter<'a, O>, Option<Emitter<'a, T>>)
    where
        'a: 'a,
    {
        (out, None)
    }
}

impl LatePort for Shown {
    type Out<O: Data, T: Data> = (O, T);
    const TAGS: &'static [&'static str] = &["main", "late_data"];
    const IS_SHOWN: bool = true;

    fn split<'a, O: Data, T: Data>(
        (out, late): (Emitter<'a, O>, Emitter<'a, T>),
    ) -> (Emitter<'a, O>, Option<Emitter<'a, T>>)
    where
        'a: 'a,
    {
        (out, Some(late))
    }
}

/// The collections that come out of a grouping.
type Outputs<L, O, T> = <<L as LatePort>::Out<O, T> as PortCollections>::Collections;

/// Adds a grouping, with the state that its windowing asks for.
pub(in crate::transforms) fn apply<T, G, A, L>(
    keyed: &Keyed<T, G>,
    name: &str,
    transform: &'static str,
    by: A,
) -> Outputs<L, A::Out, T>
where
    T: Data,
    G: Keying<T>,
    A: Feed<T>,
    L: LatePort,
{
    let strategy = keyed.collection.windowing();
    let mut spec = keyed.grouping_step(name, transform);
    (spec.windowing, spec.tags) = (Some(strategy.after_grouping()), L::TAGS);
    spec.path = Some(path(&by, &strategy));
    let by = Arc::new(by);
    if let Some(routing) = by.lifted(&strategy, L::IS_SHOWN) {
        spec.routing = routing;
    }
    let step = Step { collection: &keyed.collection, spec, by: by.clone(), late: PhantomData::<fn() -> L> };
    choose(&*by, &strategy, step)
}

/// The step of a grouping, but for its state.
struct Step<'a, T, A, L> {
    collection: &'a PCollection<T>,
    spec: StepSpec,
    by: Arc<A>,
    late: Types<L>,
}

impl<T: Data, A: Feed<T>, L: LatePort> WithGroups<A> for Step<'_, T, A, L> {
    type Out = Outputs<L, A::Out, T>;

    fn with<S: Groups<A>>(self, state: impl Fn() -> S + Send + Sync + 'static) -> Self::Out {
        let by = self.by;
        self.collection.apply_operator(self.spec, move |context| {
            let dropped = context.counter("dropped_late");
            Ok(GroupingOperator::<T, A, S, L>::new(by.clone(), state(), dropped))
        })
    }
}

struct GroupingOperator<T, A, S, L> {
    by: Arc<A>,
    groups: S,
    dropped_late: Counter,
    types: Types<(T, L)>,
}

impl<T, A, S, L> GroupingOperator<T, A, S, L> {
    fn new(by: Arc<A>, groups: S, dropped_late: Counter) -> Self {
        GroupingOperator { by, groups, dropped_late, types: PhantomData }
    }
}

impl<T, A, S, L> Operator for GroupingOperator<T, A, S, L>
where
    T: Data,
    A: Feed<T>,
    S: Groups<A>,
    L: LatePort,
{
    type In = T;
    type Out = L::Out<A::Out, T>;

    const READS_ONLY: bool = A::READS_ONLY;

    fn batch(&mut self, input: &mut Batch<T>, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        let (_, out) = L::split::<A::Out, T>(out);
        let mut late = Late { dropped: 0, out, batch: Batch::default() };
        self.by.feed(&mut self.groups, input, &mut late)?;
        late.send(&self.dropped_late)
    }

    fn combined(&mut self, input: &mut dyn ErasedBatch, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        let (_, out) = L::split::<A::Out, T>(out);
        let mut late = Late { dropped: 0, out, batch: Batch::default() };
        self.by.feed_combined(&mut self.groups, input, &mut late)?;
        late.send(&self.dropped_late)
    }

    fn finish_bundle(&mut self, out: <Self::Out as Ports>::Emitters<'_>) -> Result<()> {
        self.groups.finish_bundle(&self.by, &mut L::split::<A::Out, T>(out).0)
    }

    fn watermark(&mut self, watermark: Timestamp, out: <Self::Out as Ports>::Emitters<'_>) -> Result<Advance> {
        self.groups.advance(&self.by, watermark, &mut L::split::<A::Out, T>(out).0)
    }

    fn processing_time(&mut self, now: Timestamp, out: <Self::Out as Ports>::Emitters<'_>) -> Result<bool> {
        self.groups.processing_time(&self.by, now, &mut L::split::<A::Out, T>(out).0)
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.groups.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.groups.restore(&self.by, from)
    }
}
