//! How long a pipeline of one `create` and one `map` takes, from an empty process' `main` to its end: median of five.

use dataflow_core::{Pipeline, PipelineOptions, Result};
use dataflow_exec::transforms::*;
use runner_direct::DirectRunner;
use std::time::Instant;

fn main() -> Result<()> {
    let mut milliseconds = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let p = Pipeline::new("startup");
        p.create("Numbers", vec![1, 2, 3]).map("Double", |n| n * 2);
        p.run_on(&DirectRunner::new(), &PipelineOptions::default())?.wait_until_finish()?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("first {:.3} ms", milliseconds[0]);
    milliseconds.sort_by(f64::total_cmp);
    println!("median of five {:.3} ms", milliseconds[2]);
    Ok(())
}
