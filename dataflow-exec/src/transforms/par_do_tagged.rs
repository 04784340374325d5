//! User code with several outputs.

use super::stateless;
use dataflow_core::plane::{Batch, Cursor, Operator, Ports};
use dataflow_core::{Data, Element, Error, PCollection, PortCollections, Result, StepSpec, TaggedDoFn, TaggedOutputs};

/// `par_do_tagged`: user code with several outputs.
pub trait ParDoTagged<T: Data> {
    /// Calls a [`TaggedDoFn`] for each element; gives a collection for each of its outputs.
    fn par_do_tagged<D>(&self, name: &str, do_fn: D) -> <D::Out as PortCollections>::Collections
    where
        D: TaggedDoFn<In = T, Out: PortCollections> + Sync;
}

impl<T: Data> ParDoTagged<T> for PCollection<T> {
    fn par_do_tagged<D>(&self, name: &str, do_fn: D) -> <D::Out as PortCollections>::Collections
    where
        D: TaggedDoFn<In = T, Out: PortCollections> + Sync,
    {
        if D::TAGS.len() != D::Out::type_names().len() {
            let (tags, outputs) = (D::TAGS.len(), D::Out::type_names().len());
            self.report(name, format!("its DoFn has {outputs} outputs, but {tags} TAGS: name each output once"));
        }
        let spec = StepSpec { tags: D::TAGS, ..StepSpec::new(name, "ParDo") };
        self.apply_operator(spec, move |_| {
            let batches = <D::Out as TaggedOutputs>::Batches::default();
            let mut operator = TaggedOperator { do_fn: do_fn.clone(), batches, in_bundle: false };
            operator.do_fn.setup().map_err(Error::user)?;
            Ok(operator)
        })
    }
}

struct TaggedOperator<D: TaggedDoFn> {
    do_fn: D,
    batches: <D::Out as TaggedOutputs>::Batches,
    in_bundle: bool,
}

impl<D: TaggedDoFn> Drop for TaggedOperator<D> {
    fn drop(&mut self) {
        self.do_fn.teardown();
    }
}

impl<D: TaggedDoFn> Operator for TaggedOperator<D> {
    type In = D::In;
    type Out = D::Out;

    fn batch(&mut self, input: &mut Batch<D::In>, out: <D::Out as Ports>::Emitters<'_>) -> Result<()> {
        if !std::mem::replace(&mut self.in_bundle, true) {
            self.do_fn.start_bundle().map_err(Error::user)?;
        }
        input.explode();
        D::Out::prepare(&mut self.batches, input);
        let mut cursor = Cursor::default();
        let mut values = std::mem::take(&mut input.values);
        for value in values.drain(..) {
            let i = cursor.0;
            let outputs = D::Out::outputs(&mut self.batches, Some(Element::of(input, i, ())));
            self.do_fn.process(Element::of(input, i, value), outputs).map_err(Error::user)?;
            cursor.0 += 1;
        }
        input.values = values; // its memory is used again
        D::Out::send(&mut self.batches, out)
    }

    fn finish_bundle(&mut self, out: <D::Out as Ports>::Emitters<'_>) -> Result<()> {
        if !std::mem::take(&mut self.in_bundle) {
            return Ok(());
        }
        let outputs = D::Out::outputs(&mut self.batches, None);
        self.do_fn.finish_bundle(outputs).map_err(Error::user)?;
        D::Out::send(&mut self.batches, out)
    }

    stateless!();
}
