//! Programs that count.

use super::{Context, Done, Line, Out, say};
use dataflow_core::state::{Combining, EventTimer, ProcessingTimer, Value};
use dataflow_core::{CombineFn, Element, KeyedDoFn};
use dataflow_derive::StateRow;
use dataflow_windows::Duration;

#[derive(Clone, Default)]
pub(super) struct SumFn;

impl CombineFn for SumFn {
    type In = i64;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        0
    }
    fn add(&self, acc: &mut i64, value: &i64) {
        *acc += value;
    }
    fn merge(&self, acc: &mut i64, other: i64) {
        *acc += other;
    }
    fn extract(&self, acc: i64) -> i64 {
        acc
    }
}

#[derive(Default, StateRow)]
pub(super) struct Counted {
    n: Value<u64>,
    sum: Combining<SumFn>,
}

/// Says how many elements there were and what they come to, at each.
#[derive(Clone)]
pub(super) struct RunningCount;

impl KeyedDoFn for RunningCount {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Counted;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Counted, out: &mut Out<'_>) -> Done {
        *state.n.or_default() += 1;
        state.sum.add(&element.value);
        say(c, out, format!("n={} sum={}", state.n.get_or_default(), state.sum.get()));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Session {
    n: Value<u64>,
    end: EventTimer,
}

/// Counts elements until none has come for a while.
#[derive(Clone)]
pub(super) struct SessionByTimer {
    pub(super) gap: Duration,
    pub(super) clamp: bool,
}

impl KeyedDoFn for SessionByTimer {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Session;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Session, _: &mut Out<'_>) -> Done {
        *state.n.or_default() += 1;
        let end = element.timestamp + self.gap;
        state.end.set(if self.clamp { c.within_window(end) } else { end });
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: SessionTimer, state: &mut Session, out: &mut Out<'_>) -> Done {
        say(c, out, format!("session n={}", state.n.take().unwrap_or_default()));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Batch {
    n: Value<u64>,
    due: ProcessingTimer,
}

/// Counts elements for a while after the first.
#[derive(Clone)]
pub(super) struct Batches {
    pub(super) delay: Duration,
}

impl KeyedDoFn for Batches {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Batch;

    fn process(&mut self, c: &Context<'_>, _: Element<i64>, state: &mut Batch, _: &mut Out<'_>) -> Done {
        if state.n.is_empty() {
            state.due.set(c.processing_time() + self.delay);
        }
        *state.n.or_default() += 1;
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: BatchTimer, state: &mut Batch, out: &mut Out<'_>) -> Done {
        say(c, out, format!("batch n={}", state.n.take().unwrap_or_default()));
        Ok(())
    }
}
