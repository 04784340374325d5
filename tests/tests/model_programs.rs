//! Random programs with state, timers and side inputs: the engine and the naive model give the same outputs.

mod random;

use dataflow_tests::conformance::{Settings, difference, run};
use dataflow_tests::model;
use dataflow_tests::vectors::{ProgramVector, Vector};
use proptest::prelude::*;
use random::programs::{with_side_input, with_side_input_on_time, with_timers, with_timers_on_time, without_timers};
use random::{cases, settings};

fn same(vector: ProgramVector, settings: &Settings) -> Result<(), TestCaseError> {
    let vector = Vector::Program(vector);
    let wrong = |e: String| TestCaseError::fail(format!("not a vector: {e}"));
    let expected = model::expect(&vector).map_err(wrong)?;
    let found = run(&vector, settings).map_err(wrong)?;
    match difference(&expected, &found) {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(format!("the engine differs from the model:\n{difference}"))),
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn timers_fire_as_in_the_model(script in with_timers(), settings in settings(Just(1))) {
        same(script.0, &settings)?;
    }
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn state_is_that_of_the_model_however_elements_are_bundled(
        script in without_timers(),
        settings in settings(1usize..6),
    ) {
        same(script.0, &settings)?;
    }

    #[test]
    fn timers_fire_however_elements_are_bundled_that_are_not_late(
        script in with_timers_on_time(),
        settings in settings(2usize..6),
    ) {
        same(script.0, &settings)?;
    }

    #[test]
    fn side_inputs_of_one_pane_do_not_hang_on_bundles(
        script in with_side_input_on_time(),
        settings in settings(2usize..6),
    ) {
        same(script.0, &settings)?;
    }

    #[test]
    fn side_inputs_are_those_of_the_model(script in with_side_input(), settings in settings(Just(1))) {
        same(script.0, &settings)?;
    }
}
