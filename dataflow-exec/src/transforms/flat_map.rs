//! Any number of elements for each.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Cursor, Emitter, Operator};
use dataflow_core::{Data, Element, Output, PCollection, Result, StepSpec};
use std::marker::PhantomData;
use std::sync::Arc;

/// `flat_map`, `filter_map` and their forms by reference: any number of elements for each.
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

    /// Makes any number of elements of each, by reference: `f` hands them to the output.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let lines = p.create("Lines", vec!["to be".to_owned(), "or not".to_owned()]);
    /// let words = lines.flat_map_ref("Words", |line, words| {
    ///     for word in line.split(' ') {
    ///         words.emit(word.to_owned());
    ///     }
    /// });
    /// ```
    fn flat_map_ref<O: Data>(
        &self,
        name: &str,
        f: impl Fn(&T, &mut Output<'_, O>) + Send + Sync + 'static,
    ) -> PCollection<O>;

    /// Makes one element or none of each, by value.
    fn filter_map<O: Data>(&self, name: &str, f: impl Fn(T) -> Option<O> + Send + Sync + 'static) -> PCollection<O>;

    /// Makes one element or none of each, by reference: faster where the new element takes little of a large old one, and
    /// where other steps read the same collection, which then share its elements without copies.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let orders = p.create("Orders", vec![("ann".to_owned(), Some(7)), ("bob".to_owned(), None)]);
    /// let paid = orders.filter_map_ref("Paid", |o| o.1);
    /// let open = orders.filter_map_ref("Open", |o| o.1.is_none().then(|| o.0.clone()));
    /// ```
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
        self.apply_operator(spec(name), move |_| Ok(FlatMapOperator { f: f.clone(), rows: vec![], types: PhantomData }))
    }

    fn flat_map_ref<O: Data>(
        &self,
        name: &str,
        f: impl Fn(&T, &mut Output<'_, O>) + Send + Sync + 'static,
    ) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(spec(name), move |_| Ok(FlatMapRefOperator(f.clone(), PhantomData)))
    }

    fn filter_map<O: Data>(&self, name: &str, f: impl Fn(T) -> Option<O> + Send + Sync + 'static) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(spec(name), move |_| {
            Ok(FilterMapOperator { f: f.clone(), rows: vec![], types: PhantomData })
        })
    }

    fn filter_map_ref<O: Data>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Option<O> + Send + Sync + 'static,
    ) -> PCollection<O> {
        let f = Arc::new(f);
        self.apply_operator(spec(name), move |_| {
            Ok(FilterMapRefOperator { f: f.clone(), rows: vec![], types: PhantomData })
        })
    }
}

fn spec(name: &str) -> StepSpec {
    StepSpec::new(name, "FlatMap")
}

struct FlatMapOperator<T, I, F> {
    f: Arc<F>,
    /// Which element each of the new ones is from.
    rows: Vec<u32>,
    types: Types<(T, I)>,
}

impl<T, I, F> Operator for FlatMapOperator<T, I, F>
where
    T: Data,
    I: IntoIterator<Item: Data> + 'static,
    F: Fn(T) -> I + Send + Sync + 'static,
{
    type In = T;
    type Out = (I::Item,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, I::Item>,)) -> Result<()> {
        let (f, rows) = (&*self.f, &mut self.rows);
        let mut taken = std::mem::take(&mut input.values);
        let mut values = taken.drain(..);
        let mut cursor = Cursor::default();
        while values.len() > 0 {
            // An element may become very many: cut the output into batches between elements.
            out.with(|o| {
                rows.clear();
                while o.len() < Batch::<I::Item>::target_len() {
                    let Some(v) = values.next() else { break };
                    o.values.extend(f(v));
                    rows.resize(o.len(), cursor.0 as u32);
                    cursor.0 += 1;
                }
                o.meta_of_rows(input, rows);
            })?;
        }
        drop(values);
        input.values = taken; // its memory is used again
        Ok(())
    }

    stateless!();
}

struct FlatMapRefOperator<T, O, F>(Arc<F>, Types<(T, O)>);

impl<T: Data, O: Data, F: Fn(&T, &mut Output<'_, O>) + Send + Sync + 'static> Operator for FlatMapRefOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    const READS_ONLY: bool = true;

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        let mut values = input.values.iter().enumerate();
        let mut cursor = Cursor::default();
        while values.len() > 0 {
            out.with(|o| {
                Output::prepare(o, input);
                while o.len() < Batch::<O>::target_len() {
                    let Some((i, v)) = values.next() else { break };
                    cursor.0 = i;
                    (self.0)(v, &mut Output::new(o, Some(Element::of(input, i, ()))));
                }
            })?;
        }
        Ok(())
    }

    stateless!();
}

struct FilterMapOperator<T, O, F> {
    f: Arc<F>,
    /// Which element each of the new ones is from.
    rows: Vec<u32>,
    types: Types<(T, O)>,
}

impl<T: Data, O: Data, F: Fn(T) -> Option<O> + Send + Sync + 'static> Operator for FilterMapOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        let (f, rows) = (&*self.f, &mut self.rows);
        out.with(|o| {
            rows.clear();
            let mut cursor = Cursor::default();
            for v in input.values.drain(..) {
                if let Some(made) = f(v) {
                    o.values.push(made);
                    rows.push(cursor.0 as u32);
                }
                cursor.0 += 1;
            }
            o.meta_of_rows(input, rows);
        })
    }

    stateless!();
}

struct FilterMapRefOperator<T, O, F> {
    f: Arc<F>,
    /// Which element each of the new ones is from.
    rows: Vec<u32>,
    types: Types<(T, O)>,
}

impl<T: Data, O: Data, F: Fn(&T) -> Option<O> + Send + Sync + 'static> Operator for FilterMapRefOperator<T, O, F> {
    type In = T;
    type Out = (O,);

    const READS_ONLY: bool = true;

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        let (f, rows) = (&*self.f, &mut self.rows);
        out.with(|o| {
            rows.clear();
            let mut cursor = Cursor::default();
            input.look(|meta, values| {
                values.each(values.len(), |v| {
                    if let Some(made) = f(v) {
                        o.values.push(made);
                        rows.push(cursor.0 as u32);
                    }
                    cursor.0 += 1;
                });
                o.meta_of_rows(meta, rows);
            });
        })
    }

    stateless!();
}
