use dataflow_core::Pipeline;
use dataflow_exec::transforms::*;

fn main() {
    let p = Pipeline::new("wrong");
    p.create("Prices", [1.5, 2.5]).key_by("Price", |price: &f64| *price);
}
