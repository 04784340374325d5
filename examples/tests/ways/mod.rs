//! What the tests of the small programs share.

use dataflow::testing::TestPipeline;
use std::process::Command;

/// Does a test in several ways: on one and more threads, and with restarts from the state as bytes. The test builds the
/// pipeline and runs it.
pub(crate) fn in_every_way(test: impl Fn(&TestPipeline)) {
    for threads in [1, 2] {
        test(&TestPipeline::new().threads(threads));
        test(&TestPipeline::new().threads(threads).restart_every(1));
    }
}

/// The lines that a program prints on its own data, in order, and those that it prints to standard error.
pub(crate) fn printed(program: &str) -> (Vec<String>, Vec<String>) {
    let output = Command::new(program).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let lines = |text: &[u8]| {
        let mut lines: Vec<String> = String::from_utf8_lossy(text).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (output, errors, status) = (lines(&output.stdout), lines(&output.stderr), output.status);
    assert!(status.success(), "{program}: {status}, {errors:?}");
    (output, errors)
}
