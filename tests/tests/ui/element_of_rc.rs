use dataflow_core::Pipeline;
use dataflow_exec::transforms::*;
use std::rc::Rc;

fn main() {
    let p = Pipeline::new("wrong");
    p.create("Numbers", [1, 2]).map("Share", |n| Rc::new(n));
}
