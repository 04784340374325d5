use io_parquet::ArrowRow;
use std::collections::HashMap;

#[derive(Clone, ArrowRow)]
struct Row {
    id: u64,
    tags: HashMap<String, String>,
}

fn main() {}
