//! The model gives what the shipped vectors expect.

#![allow(clippy::unwrap_used)]

use dataflow_tests::model;
use dataflow_tests::vectors::{Ending, Located, Vector, find_files, read_file};
use std::path::Path;

fn shipped() -> Vec<Located> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let files = find_files(&folder).unwrap().into_iter().filter(|f| !f.to_string_lossy().ends_with("quirks.jsonl"));
    files.flat_map(|f| read_file(&f).unwrap()).map(Result::unwrap).collect()
}

fn check(is_chosen: impl Fn(&Vector) -> bool) -> usize {
    let mut failures = String::new();
    let mut seen = 0;
    for Located { vector, file, .. } in shipped().into_iter().filter(|l| is_chosen(&l.vector)) {
        seen += 1;
        let found = model::expect(&vector).unwrap_or_else(|e| panic!("{}: {e}", vector.name()));
        let difference = match (vector.ending(), found) {
            (Ending::Rejected(_), Ending::Rejected(_)) | (Ending::Fails(_), Ending::Fails(_)) => None,
            (Ending::Outputs(expected), Ending::Outputs(found)) => expected.difference(&found),
            (expected, found) => Some(format!("  {found:?} instead of {expected:?}\n")),
        };
        if let Some(difference) = difference {
            failures.push_str(&format!("{} of {}\n{difference}", vector.name(), file.display()));
        }
    }
    assert!(failures.is_empty(), "{failures}");
    seen
}

#[test]
fn the_model_gives_the_panes_of_all_core_windowing_vectors() {
    assert_eq!(check(|v| matches!(v, Vector::Windowing(_))), 325);
}

#[test]
fn the_model_gives_the_outputs_of_all_core_program_vectors() {
    assert_eq!(check(|v| matches!(v, Vector::Program(_))), 325);
}
