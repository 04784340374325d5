//! User code with state and timers.

mod incoming;
mod machine;
mod rows;

use super::Types;
use super::key_by::{Keyed, KeyedCollection, Keying};
use super::selected::{Selected, selecting};
use super::sort_by_time;
use dataflow_core::graph::{Lifting, Routing};
use dataflow_core::plane::{Advance, Batch, Emitter, ErasedBatch, Operator, StateReader, StateWriter};
use dataflow_core::state::StateRow;
use dataflow_core::{Coded, Data, KeyedDoFn, PCollection, PTransform, Result, StepSpec};
use dataflow_windows::{Timestamp, WindowingStrategy};
pub(crate) use machine::Machine;
use std::marker::PhantomData;
use std::sync::Arc;

type ElementOf<C> = <C as KeyedCollection>::Element;
type KeyOf<C> = <<C as KeyedCollection>::Keying as Keying<ElementOf<C>>>::Key;
type ValueOf<C> = <<C as KeyedCollection>::Keying as Keying<ElementOf<C>>>::Value;

/// `par_do_stateful`: user code with state and timers of a key.
pub trait ParDoStateful: KeyedCollection + Sized {
    /// Calls a [`KeyedDoFn`] for each element, with the state of its key and window. Elements whose window has expired are
    /// dropped, and counted as `dropped_late`; [`late_data`](super::LateData::late_data) gives them as an output. See
    /// [`dataflow_core::state`].
    ///
    /// It is the watermark that makes an element late, not its timestamp: one that is behind the end of its own window, as
    /// `Timestamp::MAX` is behind that of the global window, is processed unless the window has expired.
    ///
    /// ```
    /// use dataflow_core::state::{KeyContext, StateRow, Value};
    /// use dataflow_core::{BoxError, Element, KeyedDoFn, Output, Pipeline};
    /// use dataflow_derive::StateRow;
    /// use dataflow_exec::transforms::*;
    ///
    /// #[derive(Default, StateRow)]
    /// struct Seen {
    ///     count: Value<u64>,
    /// }
    ///
    /// /// Numbers the elements of each key.
    /// #[derive(Clone)]
    /// struct Number;
    ///
    /// impl KeyedDoFn for Number {
    ///     type Key = String;
    ///     type In = f64;
    ///     type Out = (u64, f64);
    ///     type State = Seen;
    ///
    ///     fn process(
    ///         &mut self,
    ///         _: &KeyContext<'_, String>,
    ///         element: Element<f64>,
    ///         seen: &mut Seen,
    ///         out: &mut Output<'_, (u64, f64)>,
    ///     ) -> Result<(), BoxError> {
    ///         let count = seen.count.or_default();
    ///         *count += 1;
    ///         out.emit((*count, element.value));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let p = Pipeline::new("doc");
    /// let readings = p.create("Readings", vec![("indoor".to_owned(), 21.5), ("outdoor".to_owned(), 3.0)]);
    /// let numbered = readings.par_do_stateful("Number", Number);
    /// # assert!(p.check().is_ok());
    /// ```
    fn par_do_stateful<D>(&self, name: &str, do_fn: D) -> PCollection<D::Out>
    where
        D: KeyedDoFn<Key = KeyOf<Self>, In = ValueOf<Self>> + Sync,
    {
        let keyed = self.keyed();
        let spec = step::<_, _, D>(&keyed, name);
        apply(keyed, spec, do_fn)
    }

    /// As [`par_do_stateful`](Self::par_do_stateful), with the elements of a key in the order of their timestamps, and the
    /// timers of event time between them: two steps, `name/SortByTime` (see
    /// [`sort_by_time`](super::SortByTime::sort_by_time) for late elements) and `name/ParDo`.
    fn par_do_stateful_time_sorted<D>(&self, name: &str, do_fn: D) -> PCollection<D::Out>
    where
        D: KeyedDoFn<Key = KeyOf<Self>, In = ValueOf<Self>> + Sync,
        ElementOf<Self>: Coded,
    {
        let Keyed { collection, detail, keying } = self.keyed();
        collection.apply(name, TimeSorted { detail, keying, do_fn })
    }
}

impl<C: KeyedCollection> ParDoStateful for C {}

/// The step, which needs windows that stay as they are.
fn step<T: Data, G: Keying<T>, D: KeyedDoFn>(keyed: &Keyed<T, G>, name: &str) -> StepSpec {
    if let Err(message) = check_windows(&keyed.collection.windowing()) {
        keyed.collection.report(name, message);
    }
    let mut spec = keyed.step(name, "ParDo.Stateful");
    if D::READS_ONLY {
        let keying = keyed.keying.clone();
        let exchange = Arc::new(move |shards| selecting::<T, G>(keying.clone(), shards));
        spec.routing = Routing::ByKey(exchange, Lifting::NotAsked);
    }
    spec
}

/// Refuses windows whose state would have to be merged.
pub(crate) fn check_windows(strategy: &WindowingStrategy) -> Result<(), String> {
    if !strategy.is_merging() {
        return Ok(());
    }
    Err(format!(
        "a stateful DoFn on merging windows ({strategy}): the state of windows that become one cannot be merged; use \
         `window` with fixed, sliding or global windows before it, and a timer for the end of a session"
    ))
}

/// Sorting, then the DoFn on the same thread.
struct TimeSorted<G, D> {
    detail: String,
    keying: Arc<G>,
    do_fn: D,
}

impl<T, G, D> PTransform<PCollection<T>> for TimeSorted<G, D>
where
    T: Coded,
    G: Keying<T>,
    D: KeyedDoFn<Key = G::Key, In = G::Value> + Sync,
{
    type Out = PCollection<D::Out>;

    fn expand(self, collection: PCollection<T>) -> PCollection<D::Out> {
        let TimeSorted { detail, keying, do_fn } = self;
        let keyed = Keyed { collection, detail, keying };
        let sorted = sort_by_time::apply(&keyed, "SortByTime", D::State::TIMED);
        let spec = step::<_, _, D>(&keyed, "ParDo");
        let keyed = Keyed { collection: sorted, ..keyed };
        apply(keyed, StepSpec { routing: Routing::Forward, ..spec }, do_fn)
    }
}

/// Adds the step.
fn apply<T, G, D>(keyed: Keyed<T, G>, spec: StepSpec, do_fn: D) -> PCollection<D::Out>
where
    T: Data,
    G: Keying<T>,
    D: KeyedDoFn<Key = G::Key, In = G::Value> + Sync,
{
    let (keying, strategy) = (keyed.keying, keyed.collection.windowing());
    keyed.collection.apply_operator(spec, move |context| {
        let machine = Machine::new(do_fn.clone(), strategy.clone(), context.counter("dropped_late"))?;
        Ok(StatefulOperator { keying: keying.clone(), machine, element: PhantomData })
    })
}

/// Adds the step, with an output for late data.
pub(super) fn with_late_data<T, G, D>(
    keyed: &Keyed<T, G>,
    name: &str,
    do_fn: D,
) -> (PCollection<D::Out>, PCollection<T>)
where
    T: Data,
    G: Keying<T>,
    D: KeyedDoFn<Key = G::Key, In = G::Value> + Sync,
{
    let spec = StepSpec { tags: &["main", "late_data"], ..step::<_, _, D>(keyed, name) };
    let (keying, strategy) = (keyed.keying.clone(), keyed.collection.windowing());
    keyed.collection.apply_operator(spec, move |context| {
        let machine = Machine::new(do_fn.clone(), strategy.clone(), context.counter("dropped_late"))?;
        Ok(WithLateOutput { keying: keying.clone(), machine, late: Batch::default() })
    })
}

struct StatefulOperator<T, G, D: KeyedDoFn> {
    keying: Arc<G>,
    machine: Machine<D>,
    element: Types<T>,
}

/// What is the same with and without late data.
macro_rules! timed_by_the_machine {
    ($out:pat => $main:ident) => {
        fn watermark(
            &mut self,
            watermark: Timestamp,
            $out: <Self::Out as dataflow_core::plane::Ports>::Emitters<'_>,
        ) -> Result<Advance> {
            self.machine.advance(watermark, &mut $main)
        }

        /// Timers that were set for the past fire now; those there is no room for, with the next watermark.
        fn finish_bundle(&mut self, $out: <Self::Out as dataflow_core::plane::Ports>::Emitters<'_>) -> Result<()> {
            self.machine.fire(&mut $main).map(|_| ())
        }

        fn processing_time(
            &mut self,
            now: Timestamp,
            _: <Self::Out as dataflow_core::plane::Ports>::Emitters<'_>,
        ) -> Result<bool> {
            Ok(self.machine.processing_time(now))
        }

        fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
            self.machine.snapshot(to)
        }

        fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
            self.machine.restore(from)
        }
    };
}

impl<T, G, D> Operator for StatefulOperator<T, G, D>
where
    T: Data,
    G: Keying<T>,
    D: KeyedDoFn<Key = G::Key, In = G::Value>,
{
    type In = T;
    type Out = (D::Out,);

    const READS_ONLY: bool = D::READS_ONLY;

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, D::Out>,)) -> Result<()> {
        self.machine.batch(&*self.keying, input, &mut out, None)
    }

    fn combined(&mut self, input: &mut dyn ErasedBatch, (mut out,): (Emitter<'_, D::Out>,)) -> Result<()> {
        let look = |values: &[T], rows: &mut Batch<u32>| self.machine.look(&*self.keying, values, rows, &mut out, None);
        Selected::look_at(input, look)
    }

    timed_by_the_machine!((mut out,) => out);
}

struct WithLateOutput<T, G, D: KeyedDoFn> {
    keying: Arc<G>,
    machine: Machine<D>,
    late: Batch<T>,
}

impl<T, G, D> Operator for WithLateOutput<T, G, D>
where
    T: Data,
    G: Keying<T>,
    D: KeyedDoFn<Key = G::Key, In = G::Value>,
{
    type In = T;
    type Out = (D::Out, T);

    const READS_ONLY: bool = D::READS_ONLY;

    fn batch(
        &mut self,
        input: &mut Batch<T>,
        (mut out, mut late): (Emitter<'_, D::Out>, Emitter<'_, T>),
    ) -> Result<()> {
        self.machine.batch(&*self.keying, input, &mut out, Some(&mut self.late))?;
        if self.late.is_empty() { Ok(()) } else { late.forward(&mut self.late) }
    }

    fn combined(
        &mut self,
        input: &mut dyn ErasedBatch,
        (mut out, mut late): (Emitter<'_, D::Out>, Emitter<'_, T>),
    ) -> Result<()> {
        let look = |values: &[T], rows: &mut Batch<u32>| {
            self.machine.look(&*self.keying, values, rows, &mut out, Some(&mut self.late))
        };
        Selected::look_at(input, look)?;
        if self.late.is_empty() { Ok(()) } else { late.forward(&mut self.late) }
    }

    timed_by_the_machine!((mut out, _) => out);
}
