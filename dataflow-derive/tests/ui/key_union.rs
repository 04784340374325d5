use dataflow_derive::Key;

#[derive(Key)]
union Either {
    a: u32,
    b: i32,
}

fn main() {}
