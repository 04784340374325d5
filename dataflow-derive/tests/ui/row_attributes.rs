use io_parquet::ArrowRow;

#[derive(Clone, ArrowRow)]
struct Unknown {
    #[arrow(name = "x")]
    a: u64,
}

#[derive(Clone, ArrowRow)]
struct Twice {
    a: u64,
    #[arrow(rename = "a")]
    b: u64,
}

#[derive(Clone, ArrowRow)]
struct Both {
    #[arrow(dictionary, timestamp = "ms")]
    a: i64,
}

#[derive(Clone, ArrowRow)]
struct Seconds {
    #[arrow(timestamp = "s")]
    a: i64,
}

fn main() {}
