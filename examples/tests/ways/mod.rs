//! Runs a pipeline in several ways: on one and more threads, and with restarts from its state as bytes.

use dataflow::DirectRunner;
use dataflow::prelude::*;

/// Runs what `build` builds in each way, and hands its outputs to `check`.
pub(crate) fn in_every_way<H>(build: impl Fn(&Pipeline) -> H, check: impl Fn(H)) {
    for (threads, restart_every) in [(1, None), (2, None), (1, Some(1)), (2, Some(1))] {
        let p = Pipeline::new("test");
        let outputs = build(&p);
        let runner = DirectRunner::new().handle_signals(false);
        let runner = restart_every.map_or(runner.clone(), |n| runner.restart_every(n));
        let options = PipelineOptions::default().with_threads(threads);
        let result = p.run_on(&runner, &options).and_then(|mut result| result.wait_until_finish());
        result.unwrap_or_else(|error| panic!("{threads} threads, restart every {restart_every:?}: {error}"));
        check(outputs);
    }
}
