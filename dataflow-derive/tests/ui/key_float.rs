use dataflow_derive::Key;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Serialize, Deserialize, Key)]
struct Point {
    x: f64,
}

impl Eq for Point {}
impl std::hash::Hash for Point {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

fn main() {}
