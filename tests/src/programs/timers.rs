//! Programs that set timers anew, unset them, and have timers of both clocks.

use super::{Context, Done, Line, Out, say};
use dataflow_core::state::{Bag, EventTimer, ProcessingTimer, Value};
use dataflow_core::{Element, KeyedDoFn};
use dataflow_derive::StateRow;
use dataflow_windows::Duration;

#[derive(Default, StateRow)]
pub(super) struct Loop {
    n: Value<u64>,
    left: Value<i64>,
    tick: EventTimer,
}

/// Ticks a number of times after an element.
#[derive(Clone)]
pub(super) struct Looping {
    pub(super) period: Duration,
    pub(super) rounds: i64,
}

impl KeyedDoFn for Looping {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Loop;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Loop, _: &mut Out<'_>) -> Done {
        *state.n.or_default() += 1;
        let at = element.timestamp + self.period;
        if state.left.is_empty() && c.window().contains(at) {
            state.left.set(self.rounds);
            state.tick.set(at);
        }
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: LoopTimer, state: &mut Loop, out: &mut Out<'_>) -> Done {
        let left = state.left.take().unwrap_or_default() - 1;
        say(c, out, format!("tick left={left} n={}", state.n.get_or_default()));
        let next = c.fired_at() + self.period;
        if left > 0 && c.window().contains(next) {
            state.left.set(left);
            state.tick.set(next);
        }
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Summed {
    sum: Value<i64>,
    due: EventTimer,
}

/// Gives out a sum a while after the last element, unless an element says not to.
#[derive(Clone)]
pub(super) struct Cancelling {
    pub(super) delay: Duration,
}

impl KeyedDoFn for Cancelling {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Summed;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Summed, out: &mut Out<'_>) -> Done {
        if element.value < 0 {
            state.due.clear();
            say(c, out, format!("cancel sum={}", state.sum.get_or_default()));
            return Ok(());
        }
        *state.sum.or_default() += element.value;
        let at = c.within_window(element.timestamp + self.delay);
        match element.value % 10 {
            8 => {
                state.due.clear();
                state.due.set(at);
            }
            9 => {
                state.due.set(at);
                state.due.clear();
            }
            _ => state.due.set(at),
        }
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, _: SummedTimer, state: &mut Summed, out: &mut Out<'_>) -> Done {
        say(c, out, format!("fire sum={}", state.sum.take().unwrap_or_default()));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Log {
    entries: Bag<String>,
    event: EventTimer,
    processing: ProcessingTimer,
}

/// Notes elements and timers of both clocks.
#[derive(Clone)]
pub(super) struct Both {
    pub(super) event: Duration,
    pub(super) processing: Duration,
    pub(super) cancels: bool,
}

impl KeyedDoFn for Both {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Log;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Log, _: &mut Out<'_>) -> Done {
        state.entries.add(element.value.to_string());
        state.event.set(c.within_window(element.timestamp + self.event));
        state.processing.set(c.processing_time() + self.processing);
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: LogTimer, state: &mut Log, out: &mut Out<'_>) -> Done {
        let name = match timer {
            LogTimer::Event => "E",
            LogTimer::Processing => "P",
        };
        state.entries.add(name.to_owned());
        say(c, out, state.entries.as_slice().join(" "));
        if self.cancels && timer == LogTimer::Event {
            state.processing.clear();
        }
        Ok(())
    }
}
