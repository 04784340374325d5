use dataflow_derive::Key;

#[derive(Key)]
enum Level {
    High = 10,
    Low = 1,
}

fn main() {}
