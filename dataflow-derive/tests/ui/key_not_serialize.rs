use dataflow_derive::Key;

#[derive(Clone, PartialEq, Eq, Hash, Key)]
struct Id(u64);

fn main() {}
