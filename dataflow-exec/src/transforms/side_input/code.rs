//! The forms of user code that looks at a side input.

use crate::transforms::Types;
use crate::transforms::par_do::process_each;
use dataflow_core::plane::{Batch, Cursor, Emitter};
use dataflow_core::{Data, Element, Error, Output, Result, SideInputDoFn};
use std::sync::Arc;

/// User code that looks at a content of type `C`.
pub(super) trait Code<T, C>: Send + 'static {
    type Out: Data;

    /// Whether it is to see an element once for each of its windows.
    const PER_WINDOW: bool;

    /// Takes all elements of `input`, which share a content.
    fn process(&mut self, input: &mut Batch<T>, content: &C, out: &mut Emitter<'_, Self::Out>) -> Result<()>;

    fn finish_bundle(&mut self, _out: &mut Emitter<'_, Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// One element for each.
pub(super) struct MapCode<O, F>(pub(super) Arc<F>, pub(super) Types<O>);

impl<T: Data, C: 'static, O: Data, F: Fn(&T, &C) -> O + Send + Sync + 'static> Code<T, C> for MapCode<O, F> {
    type Out = O;
    const PER_WINDOW: bool = false;

    fn process(&mut self, input: &mut Batch<T>, content: &C, out: &mut Emitter<'_, O>) -> Result<()> {
        let f = &*self.0;
        out.with(|o| {
            let mut cursor = Cursor::default();
            o.values.extend(input.values.iter().enumerate().map(|(i, v)| {
                cursor.0 = i;
                f(v, content)
            }));
            o.take_meta(input);
        })?;
        input.values.clear();
        Ok(())
    }
}

/// Any number of elements for each.
pub(super) struct FlatMapCode<I, F>(pub(super) Arc<F>, pub(super) Types<I>);

impl<T, C, I, F> Code<T, C> for FlatMapCode<I, F>
where
    T: Data,
    C: 'static,
    I: IntoIterator<Item: Data> + 'static,
    F: Fn(T, &C) -> I + Send + Sync + 'static,
{
    type Out = I::Item;
    const PER_WINDOW: bool = false;

    fn process(&mut self, input: &mut Batch<T>, content: &C, out: &mut Emitter<'_, I::Item>) -> Result<()> {
        let mut values = std::mem::take(&mut input.values).into_iter().enumerate().peekable();
        let mut cursor = Cursor::default();
        while values.peek().is_some() {
            out.with(|o| {
                Output::prepare(o, input);
                while o.len() < Batch::<I::Item>::target_len() {
                    let Some((i, value)) = values.next() else { break };
                    cursor.0 = i;
                    let now = Element::of(input, i, ());
                    for made in (self.0)(value, content) {
                        o.push_like(made, now.timestamp, now.pane, || now.window());
                    }
                }
            })?;
        }
        Ok(())
    }
}

/// Code with a life cycle.
pub(super) struct DoFnCode<D: SideInputDoFn> {
    do_fn: D,
    in_bundle: bool,
}

impl<D: SideInputDoFn> DoFnCode<D> {
    pub(super) fn new(do_fn: D) -> Result<Self> {
        let mut code = DoFnCode { do_fn, in_bundle: false };
        code.do_fn.setup().map_err(Error::user)?;
        Ok(code)
    }
}

impl<D: SideInputDoFn> Drop for DoFnCode<D> {
    fn drop(&mut self) {
        self.do_fn.teardown();
    }
}

impl<D: SideInputDoFn> Code<D::In, D::Side> for DoFnCode<D> {
    type Out = D::Out;
    const PER_WINDOW: bool = true;

    fn process(&mut self, input: &mut Batch<D::In>, side: &D::Side, out: &mut Emitter<'_, D::Out>) -> Result<()> {
        if !std::mem::replace(&mut self.in_bundle, true) {
            self.do_fn.start_bundle().map_err(Error::user)?;
        }
        let do_fn = &mut self.do_fn;
        process_each(input, out, |element, output| do_fn.process(element, side, output))
    }

    fn finish_bundle(&mut self, out: &mut Emitter<'_, D::Out>) -> Result<()> {
        if !std::mem::take(&mut self.in_bundle) {
            return Ok(());
        }
        out.try_with(|o| self.do_fn.finish_bundle(&mut Output::new(o, None)).map_err(Error::user))
    }
}
