//! Columns mean what rows do: the shipped vectors of windows by way of columns, and random scripts against the model.

#![allow(clippy::unwrap_used)]

mod random;

use dataflow_tests::conformance::{ColumnForm, Settings, column_panes, difference, run_columns};
use dataflow_tests::model::group_by_key;
use dataflow_tests::vectors::*;
use dataflow_tests::{WAYS, Way};
use proptest::prelude::*;
use random::{cases, script, session_script, settings};
use std::path::Path;

/// The windowing vectors that must pass.
fn vectors() -> Vec<WindowingVector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let files = find_files(&folder).unwrap().into_iter().filter(|f| !f.ends_with("quirks.jsonl"));
    let vectors = files.flat_map(|file| read_file(&file).unwrap()).map(|vector| vector.unwrap().vector);
    let windowing = |vector| if let Vector::Windowing(v) = vector { Some(v) } else { None };
    vectors.filter_map(windowing).collect()
}

/// Runs all vectors in all forms.
fn all_pass(way: Way) {
    let settings = Settings { way, ..Settings::default() };
    let vectors = vectors();
    for vector in &vectors {
        for form in ColumnForm::BY_KEY {
            let (expected, found) = run_columns(vector, form, &settings);
            if let Some(difference) = difference(&expected, &found) {
                panic!("{} as {form:?}, {way:?}:\n{difference}", vector.name);
            }
        }
    }
    assert_eq!(vectors.len(), 325);
}

#[test]
fn all_vectors_of_windows_pass_as_columns_on_one_thread() {
    all_pass(Way::on(1));
}

#[test]
fn all_vectors_of_windows_pass_as_columns_on_several_threads() {
    all_pass(Way::on(2));
    all_pass(Way::on(2).seed(2));
    all_pass(Way::on(3).seed(7));
}

#[test]
fn all_vectors_of_windows_pass_as_columns_over_restarts() {
    all_pass(Way::on(1).restart_every(1));
    all_pass(Way::on(2).restart_every(3).seed(4));
}

#[test]
fn the_first_vectors_of_each_kind_pass_as_columns_in_every_way() {
    for way in WAYS {
        for vector in vectors().iter().step_by(10) {
            for form in ColumnForm::BY_KEY {
                let (expected, found) = run_columns(vector, form, &Settings { way, ..Settings::default() });
                assert_eq!(difference(&expected, &found), None, "{} as {form:?}, {way:?}", vector.name);
            }
        }
    }
}

fn same_as_the_model(script: &Script, settings: &Settings) -> Result<(), TestCaseError> {
    for form in ColumnForm::ALL {
        let mut events = script.events.clone();
        for event in &mut events {
            if let (ColumnForm::Totals, Event::Element(e)) = (form, event) {
                e.key = "all".to_owned();
            }
        }
        let (mut panes, dropped) = group_by_key(&script.strategy, &events, settings.bundle);
        panes.iter_mut().for_each(|pane| pane.values = form.of(&pane.values));
        let found = column_panes(&script.strategy, &events, form, settings);
        let (found, found_dropped) = found.map_err(|e| TestCaseError::fail(format!("{form:?}: {e:?}")))?;
        let expected = Outcome::of(&panes, dropped);
        if let Some(difference) = expected.difference(&Outcome::of(&found, found_dropped)) {
            return Err(TestCaseError::fail(format!("columns as {form:?} differ from the model:\n{difference}")));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn panes_of_columns_are_those_of_the_model(script in script(), settings in settings(1usize..5)) {
        same_as_the_model(&script, &settings)?;
    }

    #[test]
    fn panes_of_joined_sessions_of_columns_are_those_of_the_model(
        script in session_script(),
        settings in settings(1usize..5),
    ) {
        same_as_the_model(&script, &settings)?;
    }
}
