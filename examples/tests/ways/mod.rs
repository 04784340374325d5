//! What the tests of the small programs share.

use dataflow::DirectRunner;
use dataflow::prelude::*;
use std::process::Command;

/// Runs what `build` builds in several ways: on one and more threads, and with restarts from its state as bytes. It hands its outputs to `check`.
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

/// The lines that a program prints on its own data, in order, and those that it prints to standard error.
pub(crate) fn printed(program: &str) -> (Vec<String>, Vec<String>) {
    let output = Command::new(program).output().unwrap();
    let lines = |text: &[u8]| {
        let mut lines: Vec<String> = String::from_utf8_lossy(text).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (output, errors, status) = (lines(&output.stdout), lines(&output.stderr), output.status);
    assert!(status.success(), "{program}: {status}, {errors:?}");
    (output, errors)
}
