use io_parquet::ParquetSink;

#[derive(Clone)]
struct Event {
    id: u64,
}

fn main() {
    let _ = ParquetSink::<Event>::to("out");
}
