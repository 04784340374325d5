//! Some of the elements.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Emitter, Operator};
use dataflow_core::{Data, PCollection, Result, StepSpec};
use std::marker::PhantomData;
use std::sync::Arc;

/// `filter`: keeps some of the elements.
pub trait Filter<T: Data> {
    /// Keeps the elements for which `keep` is true.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let even = p.create("Numbers", vec![1, 2, 3]).filter("Even", |n| n % 2 == 0);
    /// ```
    fn filter(&self, name: &str, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> PCollection<T>;
}

impl<T: Data> Filter<T> for PCollection<T> {
    fn filter(&self, name: &str, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> PCollection<T> {
        let keep = Arc::new(keep);
        self.apply_operator(StepSpec::new(name, "Filter"), move |_| {
            Ok(FilterOperator { keep: keep.clone(), selection: Vec::new(), types: PhantomData })
        })
    }
}

struct FilterOperator<T, F> {
    keep: Arc<F>,
    selection: Vec<u32>,
    types: Types<T>,
}

impl<T: Data, F: Fn(&T) -> bool + Send + Sync + 'static> Operator for FilterOperator<T, F> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        input.retain(&mut self.selection, |_, v, _| (self.keep)(v));
        out.forward(input)
    }

    stateless!();
}
