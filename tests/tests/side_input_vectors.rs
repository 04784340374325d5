//! The engine gives what the shipped vectors of side inputs expect, in every way of running it.

use dataflow_tests::WAYS;
use dataflow_tests::conformance::{Settings, run_all};
use std::path::Path;

#[test]
fn the_engine_gives_the_outputs_of_all_side_input_vectors() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/state/side-inputs.jsonl");
    for way in WAYS {
        let mut log = Vec::new();
        let report = run_all(&[file.clone()], &Settings { way, ..Settings::default() }, false, &mut log);
        let report = report.unwrap_or_else(|e| panic!("{way:?}: {e}"));
        assert_eq!((report.passed, report.failed), (57, 0), "{way:?}\n{}", String::from_utf8_lossy(&log));
    }
}
