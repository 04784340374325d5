//! All values of each key and window.

use super::Types;
use super::key_by::{KeyedCollection, Keying};
use super::keyed_windows::KeyedWindows;
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Coded, Counter, Data, PCollection, Result};
use dataflow_windows::Timestamp;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

type KeyOf<C> = <<C as KeyedCollection>::Keying as Keying<<C as KeyedCollection>::Element>>::Key;
type ValueOf<C> = <<C as KeyedCollection>::Keying as Keying<<C as KeyedCollection>::Element>>::Value;

/// `group_by_key`: all values of each key and window.
pub trait GroupByKey: KeyedCollection {
    /// Gathers the values of each key and window, and gives them when the watermark passes the window's end. All values
    /// of a window are kept until then: where they are to be combined, `combine_per_key` keeps far less.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let by_parity = p.create("Numbers", vec![1, 2, 3]).key_by("Parity", |n| n % 2).group_by_key("Group");
    /// ```
    fn group_by_key(&self, name: &str) -> PCollection<(KeyOf<Self>, Vec<ValueOf<Self>>)>
    where
        ValueOf<Self>: Coded;
}

impl<C: KeyedCollection> GroupByKey for C {
    fn group_by_key(&self, name: &str) -> PCollection<(KeyOf<Self>, Vec<ValueOf<Self>>)>
    where
        ValueOf<Self>: Coded,
    {
        let keyed = self.keyed();
        let keying = keyed.keying.clone();
        keyed.collection.apply_operator(keyed.grouping_step(name, "GroupByKey"), move |context| {
            Ok(GroupOperator {
                keying: keying.clone(),
                windows: KeyedWindows::default(),
                dropped_late: context.counter("dropped_late"),
                element: PhantomData,
            })
        })
    }
}

struct GroupOperator<T, G: Keying<T>> {
    keying: Arc<G>,
    windows: KeyedWindows<G::Key, Vec<G::Value>>,
    dropped_late: Counter,
    element: Types<T>,
}

impl<T: Data, G: Keying<T, Value: Coded>> Operator for GroupOperator<T, G> {
    type In = T;
    type Out = ((G::Key, Vec<G::Value>),);

    fn batch(&mut self, input: &mut Batch<T>, _: (Emitter<'_, (G::Key, Vec<G::Value>)>,)) -> Result<()> {
        let keying = &*self.keying;
        let values = std::mem::take(&mut input.values);
        let len = values.len();
        let mut values = values.into_iter();
        let mut cursor = Cursor::default();
        let late = self.windows.for_each_run(input, len, |table, run| {
            // Late elements before this run are still in the way.
            for element in values.by_ref().skip(run.start - cursor.0).take(run.len()) {
                let (key, value) = keying.pair(element);
                table.row(Cow::Owned(key), Vec::new).push(value);
            }
            cursor.0 = run.end;
        });
        if late > 0 {
            self.dropped_late.add(late);
        }
        Ok(())
    }

    fn watermark(
        &mut self,
        watermark: Timestamp,
        (mut out,): (Emitter<'_, (G::Key, Vec<G::Value>)>,),
    ) -> Result<Advance> {
        self.windows.advance(watermark, &mut out, |key, values| Some((key, values)))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.windows.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.windows.restore(from)
    }
}
