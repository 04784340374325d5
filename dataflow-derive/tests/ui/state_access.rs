use dataflow_core::state::{EventTimer, StateRow, Value};
use dataflow_derive::StateRow;

#[derive(Default, StateRow)]
struct Spree {
    count: Value<u32>,
    reset: EventTimer,
}

fn main() {
    let mut spree = Spree::default();
    spree.cuont.set(1);
    spree.count.set("one");
    spree.count.set_relative(1);
    let _ = Spree::TIMERS;
}
