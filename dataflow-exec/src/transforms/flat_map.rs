//! Any number of elements for each.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Cursor, Emitter, Operator};
use dataflow_core::{Data, Element, Output, PCollection, Result, StepSpec};
use std::marker::PhantomData;
use std::sync::Arc;

/// `flat_map`, `filter_map` and `filter_map_ref`: any number of elements for each.
pub trait FlatMap<T: Data> {
    /// Makes any number of elements of each.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let lines = p.create("Lines", vec!["to be".to_owned(), "or not".to_owned()]);
    /// let words = lines.flat_map("Words", |l| l.split(' ').map(str::to_owned).collect::<Vec<_>>());
    /// ```
    fn flat_map<I>(&self, name: &str, f: impl Fn(T) -> I + Send + Sync + 'static) -> PCollection<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static;

    /// Makes one element or none of each, by value.
    fn filter_map<O: Data>(&self, name: &str, f: impl Fn(T) -> Option<O> + Send + Sync + 'static) -> PCollection<O>;

    /// Makes one element or none of each, by reference.
    fn filter_map_ref<O: Data>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Option<O> + Send + Sync + 'static,
    ) -> PCollection<O>;
}

impl<T: Data> FlatMap<T> for PCollection<T> {
    fn flat_map<I>(&self, name: &str, f: impl Fn(T) -> I + Send + Sync + 'static) -> PCollection<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static,
    {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "FlatMap"), move |_| Ok(FlatMapOperator(f.clone(), PhantomData)))
    }

    fn filter_map<O: Data>(&self, name: &str, f: impl Fn(T) -> Option<O> + Send + Sync + 'static) -> PCollection<O> {
        self.flat_map(name, f)
    }

    fn filter_map_ref<O: Data>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Option<O> + Send + Sync + 'static,
    ) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "FlatMap"), move |_| Ok(FilterMapRefOperator(f.clone(), PhantomData)))
    }
}

struct FlatMapOperator<T, I, F>(Arc<F>, Types<(T, I)>);

impl<T, I, F> Operator for FlatMapOperator<T, I, F>
where
    T: Data,
    I: IntoIterator<Item: Data> + 'static,
    F: Fn(T) -> I + Send + Sync + 'static,
{
    type In = T;
    type Out = (I::Item,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, I::Item>,)) -> Result<()> {
        let values = std::mem::take(&mut input.values);
        let mut cursor = Cursor::default();
        let mut values = values.into_iter().enumerate().peekable();
        while values.peek().is_some() {
            // An element may become very many: cut the output into batches between elements.
            out.with(|o| {
                Output::prepare(o, input);
                while o.len() < Batch::<I::Item>::target_len() {
                    let Some((i, v)) = values.next() else { break };
                    cursor.0 = i;
                    let now = Element::of(input, i, ());
                    for made in (self.0)(v) {
                        o.push_like(made, now.timestamp, now.pane, || now.window());
                    }
                }
            })?;
        }
        Ok(())
    }

    stateless!();
}

struct FilterMapRefOperator<T, O, F>(Arc<F>, Types<(T, O)>);

impl<T: Data, O: Data, F: Fn(&T) -> Option<O> + Send + Sync + 'static> Operator for FilterMapRefOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        out.with(|o| {
            Output::prepare(o, input);
            o.values.reserve(input.len());
            let mut cursor = Cursor::default();
            for (i, v) in input.values.iter().enumerate() {
                cursor.0 = i;
                if let Some(made) = (self.0)(v) {
                    let now = Element::of(input, i, ());
                    o.push_like(made, now.timestamp, now.pane, || now.window());
                }
            }
        })?;
        input.values.clear();
        Ok(())
    }

    stateless!();
}
