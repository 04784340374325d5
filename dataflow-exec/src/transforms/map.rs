//! One element for each.

use super::{Types, emptied, stateless};
use dataflow_core::plane::{Batch, Cursor, Emitter, Operator};
use dataflow_core::{Data, Element, PCollection, Result, StepSpec};
use std::marker::PhantomData;
use std::sync::Arc;

/// `map`, `map_ref`, `map_element` and `update`: one element for each.
pub trait Map<T: Data> {
    /// Makes an element of each, by value.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let numbers = p.create("Numbers", vec![1, 2, 3]);
    /// let squares = numbers.map("Square", |n| n * n);
    /// ```
    fn map<O: Data>(&self, name: &str, f: impl Fn(T) -> O + Send + Sync + 'static) -> PCollection<O>;

    /// Makes an element of each, by reference: faster where the new element takes little of a large old one, and where
    /// other steps read the same collection, which then share its elements without copies.
    fn map_ref<O: Data>(&self, name: &str, f: impl Fn(&T) -> O + Send + Sync + 'static) -> PCollection<O>;

    /// Makes an element of each and of what is known of it: its timestamp, its window, its pane.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let counts = p.create("Words", vec!["beam", "flink"]).key_by("Length", |w| w.len()).count("Count");
    /// let corrected = counts.map_element("Mark", |e| (e.value, e.window().end(), e.pane.index > 0));
    /// ```
    fn map_element<O: Data>(&self, name: &str, f: impl Fn(Element<T>) -> O + Send + Sync + 'static) -> PCollection<O>;

    /// Changes each element in place: the fastest form where the type stays.
    fn update(&self, name: &str, f: impl Fn(&mut T) + Send + Sync + 'static) -> PCollection<T>;
}

impl<T: Data> Map<T> for PCollection<T> {
    fn map<O: Data>(&self, name: &str, f: impl Fn(T) -> O + Send + Sync + 'static) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "Map"), move |_| Ok(MapOperator(f.clone(), PhantomData)))
    }

    fn map_ref<O: Data>(&self, name: &str, f: impl Fn(&T) -> O + Send + Sync + 'static) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "Map"), move |_| Ok(MapRefOperator(f.clone(), PhantomData)))
    }

    fn map_element<O: Data>(&self, name: &str, f: impl Fn(Element<T>) -> O + Send + Sync + 'static) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "Map"), move |_| Ok(MapElementOperator(f.clone(), PhantomData)))
    }

    fn update(&self, name: &str, f: impl Fn(&mut T) + Send + Sync + 'static) -> PCollection<T> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "Map"), move |_| Ok(UpdateOperator(f.clone(), PhantomData)))
    }
}

struct MapOperator<T, O, F>(Arc<F>, Types<(T, O)>);

impl<T: Data, O: Data, F: Fn(T) -> O + Send + Sync + 'static> Operator for MapOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        let f = &*self.0;
        out.with(|o| {
            let mut cursor = Cursor::default();
            // Counted by hand: a large element in a pair with its number would be copied once more.
            let mut i = 0;
            let made = |v| {
                cursor.0 = i;
                i += 1;
                f(v)
            };
            if const { size_of::<T>() == size_of::<O>() && align_of::<T>() == align_of::<O>() } {
                // The standard library collects such elements in place.
                let values = std::mem::take(&mut input.values).into_iter().map(made).collect();
                input.values = emptied(std::mem::replace(&mut o.values, values));
            } else {
                o.values.extend(input.values.drain(..).map(made));
            }
            o.take_meta(input);
        })
    }

    stateless!();
}

struct MapRefOperator<T, O, F>(Arc<F>, Types<(T, O)>);

impl<T: Data, O: Data, F: Fn(&T) -> O + Send + Sync + 'static> Operator for MapRefOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    const READS_ONLY: bool = true;

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        let f = &*self.0;
        out.with(|o| {
            let mut cursor = Cursor::default();
            input.look(|meta, values| {
                o.values.reserve(values.len());
                values.each(values.len(), |v| {
                    o.values.push(f(v));
                    cursor.0 += 1;
                });
                o.copy_meta(meta);
            });
        })
    }

    stateless!();
}

struct MapElementOperator<T, O, F>(Arc<F>, Types<(T, O)>);

impl<T: Data, O: Data, F: Fn(Element<T>) -> O + Send + Sync + 'static> Operator for MapElementOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        input.explode();
        let f = &*self.0;
        out.with(|o| {
            let mut cursor = Cursor::default();
            let mut values = std::mem::take(&mut input.values);
            o.values.extend(values.drain(..).map(|v| {
                let made = f(Element::of(input, cursor.0, v));
                cursor.0 += 1;
                made
            }));
            input.values = values; // its memory is used again
            o.take_meta(input);
        })
    }

    stateless!();
}

struct UpdateOperator<T, F>(Arc<F>, Types<T>);

impl<T: Data, F: Fn(&mut T) + Send + Sync + 'static> Operator for UpdateOperator<T, F> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        {
            let mut cursor = Cursor::default();
            for (i, v) in input.values.iter_mut().enumerate() {
                cursor.0 = i;
                (self.0)(v);
            }
        }
        out.forward(input)
    }

    stateless!();
}
