//! Programs with timers that get their names while they run.

use super::{Context, Done, Line, Out, say, times};
use dataflow_core::state::{EventTimer, EventTimerFamily, Value};
use dataflow_core::{Element, KeyedDoFn};
use dataflow_derive::StateRow;
use dataflow_windows::Duration;

#[derive(Default, StateRow)]
pub(super) struct Family {
    n: Value<u64>,
    timers: EventTimerFamily,
}

/// Sets one of four timers for each element.
#[derive(Clone)]
pub(super) struct Dynamic {
    pub(super) unit: Duration,
}

impl KeyedDoFn for Dynamic {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Family;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Family, _: &mut Out<'_>) -> Done {
        let at = c.within_window(element.timestamp + times(self.unit, element.value));
        state.timers.set(&format!("t{}", element.value % 4), at);
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: FamilyTimer, state: &mut Family, out: &mut Out<'_>) -> Done {
        let FamilyTimer::Timers(id) = timer;
        *state.n.or_default() += 1;
        say(c, out, format!("{id} #{}", state.n.get_or_default()));
        Ok(())
    }
}

#[derive(Default, StateRow)]
pub(super) struct Chained {
    n: Value<u64>,
    timers: EventTimerFamily,
    next: EventTimer,
}

/// Sets a timer whenever one of three others fires, maybe for a time before it.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) unit: Duration,
    pub(super) chain: Duration,
}

impl KeyedDoFn for Chain {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Chained;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Chained, _: &mut Out<'_>) -> Done {
        let at = c.within_window(element.timestamp + times(self.unit, element.value));
        state.timers.set(&format!("a{}", element.value % 3), at);
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: ChainedTimer, state: &mut Chained, out: &mut Out<'_>) -> Done {
        *state.n.or_default() += 1;
        let n = state.n.get_or_default();
        match timer {
            ChainedTimer::Timers(id) => {
                say(c, out, format!("{id} #{n}"));
                state.next.set(c.within_window(c.fired_at() + self.chain));
            }
            ChainedTimer::Next => say(c, out, format!("b #{n}")),
        }
        Ok(())
    }
}
