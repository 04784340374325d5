use dataflow_core::state::EventTimer;
use dataflow_derive::StateRow;

#[derive(Default, StateRow)]
struct Spree {
    count: u32,
    reset: EventTimer,
}

type Alarm = EventTimer;

#[derive(Default, StateRow)]
struct Hidden {
    alarm: Alarm,
}

fn main() {}
