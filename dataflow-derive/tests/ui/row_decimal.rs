use io_parquet::ArrowRow;

#[derive(Clone, ArrowRow)]
struct Price {
    amount: i128,
}

#[derive(Clone, ArrowRow)]
struct Text {
    #[arrow(decimal(18, 2))]
    amount: String,
}

#[derive(Clone, ArrowRow)]
struct TooMany {
    #[arrow(decimal(39, 2))]
    amount: i128,
}

fn main() {}
