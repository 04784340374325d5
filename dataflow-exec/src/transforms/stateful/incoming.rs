//! Elements on their way to a KeyedDoFn, by value or by reference.

use crate::transforms::Keying;
use dataflow_core::plane::Batch;
use dataflow_core::state::KeyContext;
use dataflow_core::{BoxError, Data, Element, KeyedDoFn, Output};
use dataflow_windows::Window;
use std::borrow::Cow;
use std::ops::Range;
use std::vec::Drain;

/// The elements of a batch, in order.
pub(super) trait Incoming<'a, D: KeyedDoFn> {
    /// What the DoFn gets.
    type Value;

    /// The key and the value of element `i`, which is the next one.
    fn next(&mut self, i: usize) -> Option<(Cow<'a, D::Key>, Self::Value)>;

    /// The elements of a run, the next ones, come too late for their window.
    fn too_late(&mut self, run: Range<usize>, window: Window);

    /// Calls the DoFn.
    fn process(
        do_fn: &mut D,
        context: &KeyContext<'_, D::Key>,
        element: Element<Self::Value>,
        state: &mut D::State,
        out: &mut Output<'_, D::Out>,
    ) -> Result<(), BoxError>;
}

/// Elements that are moved out of their batch.
pub(super) struct Taken<'a, T, G> {
    pub(super) values: Drain<'a, T>,
    /// What else is known of them.
    pub(super) meta: &'a Batch<T>,
    pub(super) keying: &'a G,
    pub(super) late: Option<&'a mut Batch<T>>,
}

impl<'a, T, G, D> Incoming<'a, D> for Taken<'a, T, G>
where
    T: Data,
    G: Keying<T, Key = D::Key, Value = D::In>,
    D: KeyedDoFn,
{
    type Value = D::In;

    #[inline]
    fn next(&mut self, _: usize) -> Option<(Cow<'a, D::Key>, D::In)> {
        let (key, value) = self.keying.pair(self.values.next()?);
        Some((Cow::Owned(key), value))
    }

    fn too_late(&mut self, run: Range<usize>, window: Window) {
        let elements = run.clone().zip(self.values.by_ref().take(run.len()));
        match &mut self.late {
            Some(late) => elements
                .for_each(|(i, value)| late.push_in(value, self.meta.times.get(i), window, self.meta.panes.get(i))),
            None => elements.for_each(drop),
        }
    }

    #[inline]
    fn process(
        do_fn: &mut D,
        context: &KeyContext<'_, D::Key>,
        element: Element<D::In>,
        state: &mut D::State,
        out: &mut Output<'_, D::Out>,
    ) -> Result<(), BoxError> {
        do_fn.process(context, element, state, out)
    }
}

/// Elements that are looked at where they are.
pub(super) struct LookedAt<'a, T, G> {
    pub(super) values: &'a [T],
    /// The numbers of those that are meant, with what else is known of them.
    pub(super) rows: &'a Batch<u32>,
    pub(super) keying: &'a G,
    pub(super) late: Option<&'a mut Batch<T>>,
}

impl<'a, T, G, D> Incoming<'a, D> for LookedAt<'a, T, G>
where
    T: Data,
    G: Keying<T, Key = D::Key, Value = D::In>,
    D: KeyedDoFn,
{
    type Value = &'a D::In;

    #[inline]
    fn next(&mut self, i: usize) -> Option<(Cow<'a, D::Key>, &'a D::In)> {
        let element = &self.values[self.rows.values[i] as usize];
        Some((self.keying.key(element), self.keying.value(element)))
    }

    fn too_late(&mut self, run: Range<usize>, window: Window) {
        let Some(late) = &mut self.late else { return };
        for i in run {
            let value = self.values[self.rows.values[i] as usize].clone();
            late.push_in(value, self.rows.times.get(i), window, self.rows.panes.get(i));
        }
    }

    #[inline]
    fn process(
        do_fn: &mut D,
        context: &KeyContext<'_, D::Key>,
        element: Element<&'a D::In>,
        state: &mut D::State,
        out: &mut Output<'_, D::Out>,
    ) -> Result<(), BoxError> {
        do_fn.process_ref(context, element, state, out)
    }
}
