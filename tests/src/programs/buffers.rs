//! Programs that keep elements for a while.

use super::{Context, Done, Line, Out, list, millis, say};
use dataflow_core::state::{Bag, EventTimer, Value};
use dataflow_core::{Element, KeyedDoFn, OnWindowExpiration};
use dataflow_derive::StateRow;
use dataflow_windows::{Duration, Timestamp};

#[derive(Default, StateRow)]
pub(super) struct Buffer {
    bag: Bag<i64>,
    flush: EventTimer,
}

/// Gives out all elements at the end of the window.
#[derive(Clone)]
pub(super) struct FlushAtWindowEnd;

impl KeyedDoFn for FlushAtWindowEnd {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Buffer;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Buffer, _: &mut Out<'_>) -> Done {
        state.bag.add(element.value);
        state.flush.set(c.window().max_timestamp());
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: BufferTimer, state: &mut Buffer, out: &mut Out<'_>) -> Done {
        say(c, out, format!("flush {}", list(state.bag.take())));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Until {
    bag: Bag<i64>,
    at: Value<Timestamp>,
    flush: EventTimer,
}

/// Gives out all elements a while after the earliest of them.
#[derive(Clone)]
pub(super) struct BufferUntil {
    pub(super) delay: Duration,
}

impl KeyedDoFn for BufferUntil {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Until;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Until, _: &mut Out<'_>) -> Done {
        state.bag.add(element.value);
        let at = c.within_window(element.timestamp + self.delay);
        if state.at.get().is_none_or(|earlier| at < *earlier) {
            state.at.set(at);
            state.flush.set(at);
        }
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: UntilTimer, state: &mut Until, out: &mut Out<'_>) -> Done {
        state.at.clear();
        say(c, out, format!("content {}", list(state.bag.take())));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Held {
    bag: Bag<i64>,
    is_set: Value<bool>,
    flush: EventTimer,
}

/// Gives out all elements a while after the first of them, at the first one's time if `output` says so.
#[derive(Clone)]
pub(super) struct HoldOutput {
    pub(super) delay: Duration,
    pub(super) output: Option<Duration>,
}

impl KeyedDoFn for HoldOutput {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Held;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Held, _: &mut Out<'_>) -> Done {
        state.bag.add(element.value);
        if state.is_set.get_or_default() {
            return Ok(());
        }
        state.is_set.set(true);
        let at = c.within_window(element.timestamp + self.delay);
        match self.output {
            Some(offset) => state.flush.set_with_output(at, element.timestamp + offset),
            None => state.flush.set(at),
        }
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: HeldTimer, state: &mut Held, out: &mut Out<'_>) -> Done {
        state.is_set.clear();
        say(c, out, format!("{} fired_at={}", list(state.bag.take()), millis(c.fired_at())));
        Ok(())
    }
}

/// Says what there is at the end of the window and when it expires.
#[derive(Clone)]
pub(super) struct UntilExpiration {
    pub(super) clear: bool,
}

impl UntilExpiration {
    fn expire(&mut self, c: &Context<'_>, state: &mut Buffer, out: &mut Out<'_>) -> Done {
        say(c, out, format!("expired {}", list(state.bag.take())));
        Ok(())
    }
}

impl KeyedDoFn for UntilExpiration {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Buffer;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = Some(Self::expire);

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Buffer, _: &mut Out<'_>) -> Done {
        state.bag.add(element.value);
        state.flush.set(c.window().max_timestamp());
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: BufferTimer, state: &mut Buffer, out: &mut Out<'_>) -> Done {
        say(c, out, format!("end {}", list(state.bag.iter().copied())));
        if self.clear {
            state.bag.clear();
        }
        Ok(())
    }
}
