use dataflow_core::state::{EventTimer, EventTimerFamily, StateRow, Value};
use dataflow_derive::StateRow;

#[derive(Default, StateRow)]
struct Spree {
    count: Value<u32>,
    reset: EventTimer,
    remind: EventTimerFamily,
}

fn name(timer: SpreeTimer) -> &'static str {
    match timer {
        SpreeTimer::Reset => "reset",
    }
}

fn main() {
    name(SpreeTimer::Remind("offer".to_owned()));
    let _ = Spree::TIMERS;
}
