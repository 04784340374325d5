//! One value per window.

use super::key_by::{ByFirst, Keyed};
use super::{Types, combine};
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{CombineFn, Data, PCollection, Result, StepSpec};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowFn};
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
        let global = self.windowing().window_fn == WindowFn::Global;
        let partial = combine.clone();
        let partials =
            self.apply_operator(StepSpec::new(&format!("{name}.partial"), "Combine.Globally"), move |context| {
                // One shard adds an accumulator of nothing, so that there is a result.
                let empty = global && context.shard == 0;
                Ok(PartialOperator { combine: partial.clone(), empty, element: PhantomData::<fn() -> T> })
            });
        let keyed = Keyed { collection: partials, detail: "partial results".to_owned(), keying: Arc::new(ByFirst) };
        use super::Map;
        let merged = combine::apply(keyed, name, Merge(combine), Some);
        merged.map(&format!("{name}.value"), |((), value)| value)
    }
}

/// Combines accumulators.
#[derive(Clone)]
struct Merge<F>(F);

impl<F: CombineFn> CombineFn for Merge<F> {
    type In = F::Acc;
    type Acc = F::Acc;
    type Out = F::Out;

    fn create(&self) -> F::Acc {
        self.0.create()
    }
    fn add(&self, acc: &mut F::Acc, value: &F::Acc) {
        self.0.merge(acc, value.clone());
    }
    fn merge(&self, acc: &mut F::Acc, other: F::Acc) {
        self.0.merge(acc, other);
    }
    fn extract(&self, acc: F::Acc) -> F::Out {
        self.0.extract(acc)
    }
}

/// Combines the elements of each batch, window by window: what is left to exchange is an accumulator a batch.
struct PartialOperator<T, F> {
    combine: F,
    empty: bool,
    element: Types<T>,
}

impl<T: Data, F: CombineFn<In = T>> Operator for PartialOperator<T, F> {
    type In = T;
    type Out = (((), F::Acc),);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, ((), F::Acc)>,)) -> Result<()> {
        let mut cursor = Cursor::default();
        out.with(|o| {
            let mut run: Option<(Window, Timestamp, F::Acc)> = None;
            for (i, value) in input.values.iter().enumerate() {
                cursor.0 = i;
                let (window, time) = (input.window(i), input.times.get(i));
                match &mut run {
                    Some((w, t, acc)) if *w == window => {
                        *t = (*t).max(time); // the latest, so that it is as little late as its elements
                        self.combine.add(acc, value);
                    }
                    _ => {
                        let mut acc = self.combine.create();
                        self.combine.add(&mut acc, value);
                        if let Some((window, time, acc)) = run.replace((window, time, acc)) {
                            o.push_in(((), acc), time, window, PaneInfo::NO_FIRING);
                        }
                    }
                }
            }
            if let Some((window, time, acc)) = run {
                o.push_in(((), acc), time, window, PaneInfo::NO_FIRING);
            }
        })?;
        input.values.clear();
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, (mut out,): (Emitter<'_, ((), F::Acc)>,)) -> Result<Advance> {
        if self.empty && watermark == Timestamp::MAX {
            self.empty = false;
            let (window, acc) = (Window::GLOBAL, self.combine.create());
            out.with(|o| o.push_in(((), acc), window.max_timestamp(), window, PaneInfo::NO_FIRING))?;
        }
        Ok(Advance::to(watermark))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        to.shard(&self.empty)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        // The shard that is to add an accumulator of nothing may have done so before.
        self.empty &= from.all_shards::<bool>()?.contains(&true);
        Ok(())
    }
}
