//! Random pipelines of window, trigger, state and side input: the engine and the naive model give the same outputs.

mod random;

use dataflow_tests::conformance::{Settings, composed};
use dataflow_tests::model::compose;
use dataflow_tests::vectors::{Accumulation, Composed, Outcome, Text, WindowRange};
use proptest::prelude::*;
use random::composed::{with_any_trigger, with_one_pane, with_prompt_triggers};
use random::{cases, settings};
use std::collections::BTreeMap;

type Found = (Vec<Text>, Outcome);

fn both(pipeline: &Composed, settings: &Settings) -> Result<[Found; 2], TestCaseError> {
    let expected = compose(pipeline).map_err(|e| TestCaseError::fail(format!("the model fails: {e}")))?;
    let found = composed(pipeline, settings).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
    Ok([expected, found])
}

fn same(pipeline: &Composed, settings: &Settings) -> Result<(), TestCaseError> {
    let [expected, found] = both(pipeline, settings)?;
    match expected.1.difference(&found.1) {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(format!("the engine differs from the model:\n{difference}"))),
    }
}

/// What a running count has come to, of each key and window.
fn last_sums(texts: &[Text]) -> BTreeMap<(String, WindowRange), i64> {
    let number = |text: &str, name: &str| {
        let of_name = |part: &str| part.strip_prefix(name).and_then(|n| n.parse::<i64>().ok());
        text.split(' ').find_map(of_name).unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    let mut last: BTreeMap<(String, WindowRange), (i64, i64)> = BTreeMap::new();
    for Text { key, text, window, .. } in texts {
        let found = (number(text, "n="), number(text, "sum="));
        let known = last.entry((key.clone(), *window)).or_default();
        *known = found.max(*known);
    }
    last.into_iter().map(|(place, (_, sum))| (place, sum)).collect()
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn state_and_side_inputs_behind_any_trigger_are_those_of_the_model(
        pipeline in with_any_trigger(),
        settings in settings(Just(1)),
    ) {
        same(&pipeline, &settings)?;
    }

    #[test]
    fn timers_and_side_inputs_behind_a_trigger_are_those_of_the_model(
        pipeline in with_prompt_triggers(),
        settings in settings(Just(1)),
    ) {
        same(&pipeline, &settings)?;
    }

    #[test]
    fn where_each_window_has_one_pane_bundles_make_no_difference(
        pipeline in with_one_pane(),
        settings in settings(1usize..7),
    ) {
        same(&pipeline, &settings)?;
    }

    #[test]
    fn what_all_panes_come_to_does_not_hang_on_bundles(
        mut pipeline in with_any_trigger(),
        settings in settings(2usize..7),
    ) {
        pipeline.script.strategy.accumulation = Accumulation::Discarding;
        let [expected, found] = both(&pipeline, &settings)?;
        prop_assert_eq!(last_sums(&found.0), last_sums(&expected.0));
    }
}
