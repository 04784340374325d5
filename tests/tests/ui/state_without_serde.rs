use dataflow_core::Pipeline;
use dataflow_exec::transforms::*;

#[derive(Clone)]
struct Sale(u64);

fn main() {
    let p = Pipeline::new("wrong");
    p.create("Sales", [Sale(1), Sale(2)]).key_by("Amount", |sale| sale.0).group_by_key("Group");
}
