//! When runs restart.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::{Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Pipeline, Result, StepSpec, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::Way;
use dataflow_windows::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells which of the operators made so far it is, for each element.
struct Which(u64);

impl Operator for Which {
    type In = u64;
    type Out = (u64,);
    fn batch(&mut self, input: &mut Batch<u64>, (mut out,): (Emitter<'_, u64>,)) -> Result<()> {
        out.with(|o| input.values.drain(..).for_each(|_| o.push(self.0, Timestamp::MAX)))
    }
    fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
        Ok(())
    }
    fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}

/// How many events there were between restarts.
fn runs(run: impl Fn(&Pipeline) -> Result<dataflow_core::Metrics>) -> Vec<usize> {
    let mut stream = TestStream::new();
    for n in 0..60 {
        stream.add(n, Timestamp::from_seconds(1));
    }
    let p = Pipeline::new("test");
    let made = Arc::new(AtomicU64::new(0));
    let which = p
        .test_stream("Events", &stream)
        .apply_operator(StepSpec::new("Which", "ParDo"), move |_| Ok(Which(made.fetch_add(1, Ordering::SeqCst))));
    let out = which.collect("Out");
    run(&p).unwrap();
    let all = out.values();
    all.chunk_by(|a, b| a == b).map(<[u64]>::len).collect()
}

#[test]
fn exact_restarts_come_after_as_many_events_each_time_also_with_a_seed() {
    for n in [1, 4, 7] {
        for way in [Way::on(1).restart_every(n), Way::on(1).restart_every(n).seed(3)] {
            let runs = runs(|p| way.run_with_exact_restarts(p));
            let (last, full) = runs.split_last().unwrap();
            assert!(full.iter().all(|len| *len == n as usize) && *last <= n as usize, "{way:?}: {runs:?}");
        }
    }
}

#[test]
fn a_seed_makes_other_restarts_random() {
    let random = runs(|p| Way::on(1).restart_every(4).seed(3).run(p));
    assert!(random.iter().any(|len| *len < 4) && random.iter().any(|len| *len > 4), "{random:?}");
    assert_ne!(random, runs(|p| Way::on(1).restart_every(4).seed(5).run(p)));
    assert_eq!(runs(|p| Way::on(1).restart_every(4).run(p)), [4; 15]);
}
