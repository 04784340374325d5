use dataflow_core::state::{Expiring, Value};
use dataflow_derive::StateRow;

#[derive(Default, StateRow)]
struct Missing {
    card: Expiring<Value<String>>,
}

#[derive(Default, StateRow)]
struct Unreadable {
    #[state(ttl = "7 weeks")]
    card: Expiring<Value<String>>,
}

#[derive(Default, StateRow)]
struct Nothing {
    #[state(ttl = "0s")]
    card: Expiring<Value<String>>,
}

#[derive(Default, StateRow)]
struct Plain {
    #[state(ttl = "7d")]
    card: Value<String>,
}

#[derive(Default, StateRow)]
struct Unknown {
    #[state(lives = "7d")]
    card: Value<String>,
}

fn main() {}
