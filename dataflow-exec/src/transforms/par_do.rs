//! User code with a life cycle.

use super::stateless;
use dataflow_core::plane::{Batch, Cursor, Emitter, Operator};
use dataflow_core::{BoxError, Data, DoFn, Element, Error, Output, PCollection, Result, StepSpec};

/// `par_do`: user code with a life cycle.
pub trait ParDo<T: Data> {
    /// Calls a [`DoFn`] for each element.
    fn par_do<D: DoFn<In = T> + Sync>(&self, name: &str, do_fn: D) -> PCollection<D::Out>;
}

impl<T: Data> ParDo<T> for PCollection<T> {
    fn par_do<D: DoFn<In = T> + Sync>(&self, name: &str, do_fn: D) -> PCollection<D::Out> {
        self.apply_operator(StepSpec::new(name, "ParDo"), move |_| {
            let mut operator = ParDoOperator { do_fn: do_fn.clone(), in_bundle: false };
            operator.do_fn.setup().map_err(Error::user)?;
            Ok(operator)
        })
    }
}

struct ParDoOperator<D: DoFn> {
    do_fn: D,
    in_bundle: bool,
}

impl<D: DoFn> Drop for ParDoOperator<D> {
    fn drop(&mut self) {
        self.do_fn.teardown();
    }
}

impl<D: DoFn> Operator for ParDoOperator<D> {
    type In = D::In;
    type Out = (D::Out,);

    fn batch(&mut self, input: &mut Batch<D::In>, (mut out,): (Emitter<'_, D::Out>,)) -> Result<()> {
        if !std::mem::replace(&mut self.in_bundle, true) {
            self.do_fn.start_bundle().map_err(Error::user)?;
        }
        let do_fn = &mut self.do_fn;
        process_each(input, &mut out, |element, output| do_fn.process(element, output))
    }

    fn finish_bundle(&mut self, (mut out,): (Emitter<'_, D::Out>,)) -> Result<()> {
        if !std::mem::take(&mut self.in_bundle) {
            return Ok(());
        }
        out.try_with(|o| self.do_fn.finish_bundle(&mut Output::new(o, None)).map_err(Error::user))
    }

    stateless!();
}

/// Calls user code for each element of a batch, in each of its windows, and sends what it makes batch by batch.
#[inline]
pub(super) fn process_each<T: Data, O: Data>(
    input: &mut Batch<T>,
    out: &mut Emitter<'_, O>,
    mut process: impl FnMut(Element<T>, &mut Output<'_, O>) -> std::result::Result<(), BoxError>,
) -> Result<()> {
    input.explode();
    let mut taken = std::mem::take(&mut input.values);
    let mut values = taken.drain(..);
    let mut cursor = Cursor::default();
    while values.len() > 0 {
        out.try_with(|o| {
            Output::prepare(o, input);
            while o.len() < Batch::<O>::target_len() {
                let Some(value) = values.next() else { break };
                let i = cursor.0;
                let mut output = Output::new(o, Some(Element::of(input, i, ())));
                process(Element::of(input, i, value), &mut output).map_err(Error::user)?;
                cursor.0 += 1;
            }
            Ok::<(), Error>(())
        })?;
    }
    drop(values);
    input.values = taken; // its memory is used again
    Ok(())
}
