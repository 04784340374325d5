//! User code with state that a small stream changes, the same on all shards.

use super::flatten::FlattenOperator;
use super::key_by::KeyBy;
use super::par_do::process_each;
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, SideOperator, StateReader, StateWriter};
use dataflow_core::{BroadcastDoFn, Data, Element, Error, PCollection, Result, StepSpec};
use dataflow_windows::Timestamp;
use std::marker::PhantomData;

/// `par_do_with_broadcast`: user code with broadcast state.
pub trait Broadcast<T: Data> {
    /// Calls a [`BroadcastDoFn`] for each element, with the state that the `rules` so far have made.
    ///
    /// All rules go through one thread on their way to all, so that each sees them in the same order. The run goes on
    /// until both inputs have ended; the watermark is that of the elements.
    ///
    /// ```
    /// # use dataflow_core::{BoxError, BroadcastDoFn, Element, Output, Pipeline};
    /// # use dataflow_exec::transforms::*;
    /// #[derive(Clone)]
    /// struct Block;
    ///
    /// impl BroadcastDoFn for Block {
    ///     type In = String;
    ///     type Rule = String;
    ///     type Out = String;
    ///     type State = Vec<String>;
    ///
    ///     fn process_broadcast(&self, blocked: &mut Vec<String>, user: Element<String>) -> Result<(), BoxError> {
    ///         blocked.push(user.value);
    ///         Ok(())
    ///     }
    ///
    ///     fn process(&mut self, user: Element<String>, blocked: &Vec<String>, out: &mut Output<'_, String>) -> Result<(), BoxError> {
    ///         if !blocked.contains(&user.value) {
    ///             out.emit(user.value);
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let p = Pipeline::new("doc");
    /// # let (logins, bans) = (p.create("Logins", vec!["ann".to_owned()]), p.create("Bans", vec!["bob".to_owned()]));
    /// let allowed = logins.par_do_with_broadcast("Block", &bans, Block);
    /// ```
    fn par_do_with_broadcast<D>(&self, name: &str, rules: &PCollection<D::Rule>, do_fn: D) -> PCollection<D::Out>
    where
        D: BroadcastDoFn<In = T> + Sync;
}

impl<T: Data> Broadcast<T> for PCollection<T> {
    fn par_do_with_broadcast<D>(&self, name: &str, rules: &PCollection<D::Rule>, do_fn: D) -> PCollection<D::Out>
    where
        D: BroadcastDoFn<In = T> + Sync,
    {
        let one_place = rules.key_by("one place", |_| ()).step(&format!("{name}.rules"), "Reshuffle");
        let rules = rules.apply_operator(one_place, |_| Ok(FlattenOperator(PhantomData)));
        self.apply_side_operator(StepSpec::new(name, "ParDo"), &rules, move |context| {
            let (do_fn, first_shard) = (do_fn.clone(), context.shard == 0);
            let mut operator = BroadcastOperator { do_fn, state: D::State::default(), first_shard };
            operator.do_fn.setup().map_err(Error::user)?;
            Ok(operator)
        })
    }
}

struct BroadcastOperator<D: BroadcastDoFn> {
    do_fn: D,
    state: D::State,
    first_shard: bool,
}

impl<D: BroadcastDoFn> Drop for BroadcastOperator<D> {
    fn drop(&mut self) {
        self.do_fn.teardown();
    }
}

impl<D: BroadcastDoFn> Operator for BroadcastOperator<D> {
    type In = D::In;
    type Out = (D::Out,);

    fn batch(&mut self, input: &mut Batch<D::In>, (mut out,): (Emitter<'_, D::Out>,)) -> Result<()> {
        let (do_fn, state) = (&mut self.do_fn, &self.state);
        process_each(input, &mut out, |element, output| do_fn.process(element, state, output))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        // All shards have seen the same rules.
        if self.first_shard { to.shared(&(), &self.state) } else { Ok(()) }
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        if let Some(((), state)) = from.shared()?.pop() {
            self.state = state;
        }
        Ok(())
    }
}

impl<D: BroadcastDoFn> SideOperator for BroadcastOperator<D> {
    type Side = D::Rule;

    fn side_batch(&mut self, rules: &mut Batch<D::Rule>, _: (Emitter<'_, D::Out>,)) -> Result<()> {
        rules.explode();
        let mut cursor = Cursor::default();
        for (i, rule) in std::mem::take(&mut rules.values).into_iter().enumerate() {
            cursor.0 = i;
            self.do_fn.process_broadcast(&mut self.state, Element::of(rules, i, rule)).map_err(Error::user)?;
        }
        Ok(())
    }

    fn side_watermark(&mut self, _: Timestamp, main: Timestamp, _: (Emitter<'_, D::Out>,)) -> Result<Advance> {
        Ok(Advance::to(main))
    }
}
