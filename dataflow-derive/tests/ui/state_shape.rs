use dataflow_core::state::Value;
use dataflow_derive::StateRow;

#[derive(Default, StateRow)]
struct Pair(Value<u32>, Value<u32>);

#[derive(Default, StateRow)]
enum Either {
    #[default]
    One,
}

#[derive(Default, StateRow)]
struct Twice {
    count: Value<u32>,
    #[state(rename = "count")]
    total: Value<u32>,
}

fn main() {}
