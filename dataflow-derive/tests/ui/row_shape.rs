use io_parquet::{ArrowEnum, ArrowRow};

#[derive(Clone, ArrowRow)]
struct Tuple(u64, u64);

#[derive(Clone, ArrowRow)]
enum Choice {
    A,
    B,
}

#[derive(Clone, Copy, ArrowEnum)]
enum WithFields {
    A(u64),
    B,
}

fn main() {}
