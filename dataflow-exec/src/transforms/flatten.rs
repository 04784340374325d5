//! Several collections as one.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Emitter, Operator};
use dataflow_core::{Data, PCollection, Result, StepSpec};
use std::marker::PhantomData;

/// `flatten`: several collections as one.
pub trait Flatten<T: Data> {
    /// All elements of this collection and of `others`. They must be windowed alike.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let all = p.create("A", vec![1, 2]).flatten("All", &[p.create("B", vec![3]), p.create("C", vec![4])]);
    /// ```
    fn flatten(&self, name: &str, others: &[PCollection<T>]) -> PCollection<T>;
}

impl<T: Data> Flatten<T> for PCollection<T> {
    fn flatten(&self, name: &str, others: &[PCollection<T>]) -> PCollection<T> {
        self.apply_to_all(StepSpec::new(name, "Flatten"), others, |_| Ok(FlattenOperator(PhantomData)))
    }
}

/// Passes all on as it is.
pub(super) struct FlattenOperator<T>(pub(super) Types<T>);

impl<T: Data> Operator for FlattenOperator<T> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        out.forward(input)
    }

    stateless!();
}
