//! One value per window.

use super::grouping::{self, Accumulate, Arrival, Dropped, Feed, Groups, Late, OfNothing, Partial, Rows, run_end};
use super::key_by::{ByFirst, Keyed};
use super::{Map, Types};
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{CombineFn, Data, Output, PCollection, Result, StepSpec};
use dataflow_windows::{PaneInfo, Timestamp};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// `combine_globally`: one value per window, of all elements.
pub trait CombineGlobally<T: Data> {
    /// Combines all elements of each window, on all threads and then together. In the global window there is always a
    /// result, also of no elements.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::{combiners::Sum, transforms::*};
    /// # let p = Pipeline::new("doc");
    /// let total = p.create("Numbers", vec![1, 2, 3]).combine_globally("Total", Sum::of(|n: &i32| *n));
    /// ```
    fn combine_globally<F: CombineFn<In = T>>(&self, name: &str, combine: F) -> PCollection<F::Out>;
}

impl<T: Data> CombineGlobally<T> for PCollection<T> {
    fn combine_globally<F: CombineFn<In = T>>(&self, name: &str, combine: F) -> PCollection<F::Out> {
        let windowing = self.windowing();
        let partial = combine.clone();
        let partials =
            self.apply_operator(StepSpec::new(&format!("{name}.partial"), "Combine.Globally"), move |context| {
                let (combine, of_nothing) = (partial.clone(), OfNothing::new(&windowing, context.shard));
                Ok(PartialOperator { combine, of_nothing, element: PhantomData::<fn() -> T> })
            });
        merge_partials(&partials, name, combine).map(&format!("{name}.value"), |((), value)| value)
    }
}

/// Adds a step that combines what was combined in advance: for crates that have batches of a kind of their own.
pub fn merge_partials<F: CombineFn>(
    partials: &PCollection<((), Partial<F::Acc>)>,
    name: &str,
    combine: F,
) -> PCollection<((), F::Out)> {
    let (collection, detail) = (partials.clone(), "partial results".to_owned());
    let keyed = Keyed { collection, detail, keying: Arc::new(ByFirst) };
    grouping::apply::<_, _, _, Dropped>(&keyed, name, "Combine.PerKey", Merging(combine))
}

/// Combines what was combined in advance.
struct Merging<F>(F);

impl<F: CombineFn> Accumulate for Merging<F> {
    type Key = ();
    type Acc = F::Acc;
    type Out = ((), F::Out);

    fn create(&self) -> F::Acc {
        self.0.create()
    }
    fn merge(&self, acc: &mut F::Acc, other: F::Acc) {
        self.0.merge(acc, other);
    }
    fn finish(&self, (): (), acc: F::Acc) -> Option<((), F::Out)> {
        Some(((), self.0.extract(acc)))
    }
    fn retracts(&self) -> bool {
        self.0.retracts()
    }
    fn retract(&self, acc: &mut F::Acc, other: F::Acc) {
        self.0.retract(acc, other);
    }
}

impl<F: CombineFn> Feed<((), Partial<F::Acc>)> for Merging<F> {
    const READS_ONLY: bool = true;

    fn feed<S: Groups<Self>>(
        &self,
        groups: &mut S,
        input: &mut Batch<((), Partial<F::Acc>)>,
        late: &mut Late<'_, ((), Partial<F::Acc>)>,
    ) -> Result<()> {
        let input = &*input;
        let mut cursor = Cursor::default();
        groups.for_each_run(input, input.len(), |run| {
            let first = run.elements.start;
            let partials = &input.values[run.elements];
            late.count(partials.iter().map(|(_, p)| p.arrival.elements).sum(), run.late);
            let Some(rows) = run.rows else { return Ok(()) };
            for (i, ((), partial)) in partials.iter().enumerate() {
                cursor.0 = first + i;
                let window = || input.window(first + i);
                rows.add(
                    self,
                    Cow::Owned(()),
                    || partial.arrival,
                    window,
                    |acc| self.0.merge(acc, partial.acc.clone()),
                )
                .map_err(Into::into)?;
            }
            Ok(())
        })
    }
}

/// Combines the elements of each batch, run by run of elements of the same windows: what is left to exchange is an
/// accumulator a run, with the number of its elements and the times of those that were not late.
struct PartialOperator<T, F> {
    combine: F,
    of_nothing: OfNothing,
    element: Types<T>,
}

impl<T: Data, F: CombineFn<In = T>> Operator for PartialOperator<T, F> {
    type In = T;
    type Out = (((), Partial<F::Acc>),);

    const READS_ONLY: bool = true;

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, ((), Partial<F::Acc>)>,)) -> Result<()> {
        let mut cursor = Cursor::default();
        out.with(|o| {
            Output::prepare(o, input);
            input.look(|meta, elements| {
                let (mut start, len) = (0, elements.len());
                while start < len {
                    let end = run_end(meta, len, start);
                    let (mut acc, mut arrival) = (self.combine.create(), Arrival::NONE);
                    let mut time = Timestamp::MIN; // the latest, so that it is as little late as its elements
                    meta.times.for_each(start..end, |t| {
                        time = time.max(t);
                        arrival.add(Arrival::of(t).late_before(self.of_nothing.watermark()));
                    });
                    elements.each(end - start, |value| {
                        self.combine.add(&mut acc, value);
                        cursor.0 += 1;
                    });
                    let pane = PaneInfo::NO_FIRING;
                    o.push_like(((), Partial { acc, arrival }), time, pane, || meta.window(start));
                    start = end;
                }
            });
        })
    }

    fn watermark(
        &mut self,
        watermark: Timestamp,
        (mut out,): (Emitter<'_, ((), Partial<F::Acc>)>,),
    ) -> Result<Advance> {
        out.with(|o| self.of_nothing.advance(watermark, || self.combine.create(), o))?;
        Ok(Advance::to(watermark))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.of_nothing.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.of_nothing.restore(from)
    }
}
