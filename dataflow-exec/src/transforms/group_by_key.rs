//! All values of each key and window.

use super::Types;
use super::grouping::{self, Accumulate, Arrival, Dropped, Feed, Groups, Late, Rows};
use super::key_by::{KeyedCollection, Keying};
use dataflow_core::plane::{Batch, Cursor};
use dataflow_core::{Coded, Data, PCollection, Result};
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
        let by = Collecting { keying: keyed.keying.clone(), element: PhantomData };
        grouping::apply::<_, _, _, Dropped>(&keyed, name, "GroupByKey", by)
    }
}

/// How values are gathered.
pub(super) struct Collecting<T, G> {
    pub(super) keying: Arc<G>,
    pub(super) element: Types<T>,
}

impl<T: Data, G: Keying<T, Value: Coded>> Accumulate for Collecting<T, G> {
    type Key = G::Key;
    type Acc = Vec<G::Value>;
    type Out = (G::Key, Vec<G::Value>);
    const GROWS: bool = true;

    fn create(&self) -> Vec<G::Value> {
        Vec::new()
    }

    fn merge(&self, acc: &mut Vec<G::Value>, mut other: Vec<G::Value>) {
        acc.append(&mut other);
    }

    fn finish(&self, key: G::Key, acc: Vec<G::Value>) -> Option<(G::Key, Vec<G::Value>)> {
        Some((key, acc))
    }
}

impl<T: Data, G: Keying<T, Value: Coded>> Feed<T> for Collecting<T, G> {
    const READS_ONLY: bool = false;

    fn feed<S: Groups<Self>>(&self, groups: &mut S, input: &mut Batch<T>, late: &mut Late<'_, T>) -> Result<()> {
        let mut taken = std::mem::take(&mut input.values);
        let len = taken.len();
        let mut values = taken.drain(..);
        let mut cursor = Cursor::default();
        let meta = &*input;
        groups.for_each_run(meta, len, |run| {
            if !run.late.is_empty() {
                late.take(&run, &values.as_slice()[..run.elements.len()], meta);
            }
            let Some(rows) = run.rows else {
                values.by_ref().take(run.elements.len()).for_each(drop);
                return Ok(());
            };
            for i in run.elements {
                let Some(element) = values.next() else { break };
                cursor.0 = i;
                let (key, value) = self.keying.pair(element);
                let (arrival, window) = (|| Arrival::of(meta.times.get(i)), || meta.window(i));
                rows.add(self, Cow::Owned(key), arrival, window, |acc| acc.push(value)).map_err(Into::into)?;
            }
            Ok(())
        })?;
        drop(values);
        input.values = taken; // its memory is used again
        Ok(())
    }
}
