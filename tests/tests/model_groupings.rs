//! Random strategies and scripts: the engine and the naive model give the same panes.

mod random;

use dataflow_tests::conformance::{maxima, panes, sums, totals};
use dataflow_tests::model::group_by_key;
use dataflow_tests::vectors::*;
use proptest::prelude::*;
use random::{cases, events, overlapping_windows, script, session_script, settings, windows};
use std::collections::BTreeMap;

type Panes = (Vec<Pane>, Dropped);

fn same(model: &Panes, engine: &Panes) -> Result<(), TestCaseError> {
    match Outcome::of(&model.0, model.1).difference(&Outcome::of(&engine.0, engine.1)) {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(format!("the engine differs from the model:\n{difference}"))),
    }
}

fn ran(found: Result<Panes, Ending>) -> Result<Panes, TestCaseError> {
    found.map_err(|e| TestCaseError::fail(format!("{e:?}")))
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn each_pane_is_that_of_the_model(script in script(), settings in settings(1usize..5)) {
        let found = ran(panes(&script.strategy, &script.events, &settings))?;
        same(&group_by_key(&script.strategy, &script.events, settings.bundle), &found)?;
    }
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn each_pane_of_joined_sessions_is_that_of_the_model(script in session_script(), settings in settings(1usize..5)) {
        let found = ran(panes(&script.strategy, &script.events, &settings))?;
        same(&group_by_key(&script.strategy, &script.events, settings.bundle), &found)?;
    }

    #[test]
    fn each_result_of_overlapping_windows_is_that_of_the_model(
        window_fn in overlapping_windows(),
        events in events(50),
        settings in settings(1usize..5),
    ) {
        let strategy = Windowing::of(window_fn);
        let (expected, dropped) = group_by_key(&strategy, &events, 1);
        same(&(expected.clone(), dropped), &ran(panes(&strategy, &events, &settings))?)?;
        let each = |of: fn(&[i64]) -> i64| {
            let result = |pane: &Pane| Pane { values: vec![of(&pane.values)], ..pane.clone() };
            (expected.iter().map(result).collect::<Vec<_>>(), dropped)
        };
        same(&each(|values| values.iter().sum()), &ran(sums(&strategy, &events, &settings))?)?;
        let largest = each(|values| values.iter().copied().max().unwrap_or_default());
        same(&largest, &ran(maxima(&strategy, &events, &settings))?)?;
    }

    #[test]
    fn sums_are_those_of_the_panes_of_the_model(script in script(), settings in settings(1usize..5)) {
        let (mut expected, dropped) = group_by_key(&script.strategy, &script.events, settings.bundle);
        for pane in &mut expected {
            pane.values = vec![pane.values.iter().sum()];
        }
        let found = ran(sums(&script.strategy, &script.events, &settings))?;
        same(&(expected, dropped), &found)?;
    }

    #[test]
    fn totals_combined_in_advance_are_those_of_the_model(script in script(), settings in settings(1usize..5)) {
        let of_all = |event: &Event| match event {
            Event::Element(e) => Event::Element(Element { key: "all".to_owned(), ..e.clone() }),
            other => other.clone(),
        };
        let events: Vec<Event> = script.events.iter().map(of_all).collect();
        let (mut expected, dropped) = group_by_key(&script.strategy, &events, settings.bundle);
        for pane in &mut expected {
            pane.values = vec![pane.values.iter().sum()];
        }
        let found = ran(totals(&script.strategy, &events, &settings))?;
        same(&(expected, dropped), &found)?;
    }

    #[test]
    fn bundles_change_what_comes_when_and_not_what_comes(script in script(), settings in settings(2usize..6)) {
        let (strategy, events) = (&script.strategy, &script.events);
        let (expected, dropped) = group_by_key(strategy, events, 1);
        let (found, found_dropped) = ran(panes(strategy, events, &settings))?;
        prop_assert_eq!(found_dropped, dropped);
        prop_assert_eq!(content(strategy, &found, |_| true), content(strategy, &expected, |_| true));
        let is_watermark = matches!(strategy.trigger, Trigger::Default {} | Trigger::AfterWatermark { .. });
        if is_watermark && !matches!(strategy.window_fn, WindowFn::Sessions { .. }) {
            let in_time = |p: &Pane| p.pane.timing != PaneTiming::Late;
            prop_assert_eq!(content(strategy, &found, in_time), content(strategy, &expected, in_time));
        }
    }

    #[test]
    fn the_default_trigger_is_what_equal_triggers_are_on_the_general_path(
        window_fn in windows().prop_filter("a window without end", |w| *w != WindowFn::Global {}),
        events in events(40),
        settings in settings(1usize..4),
    ) {
        let fast = Windowing::of(window_fn);
        let expected = group_by_key(&fast, &events, 1);
        same(&expected, &ran(panes(&fast, &events, &settings))?)?;
        let repeated = Trigger::Repeatedly { of: Box::new(Trigger::Default {}) };
        // That many do not come: but it might fire early, which takes the general path.
        let many = Trigger::Repeatedly { of: Box::new(Trigger::AfterCount { count: 1_000 }) };
        for trigger in [many, Trigger::Never {}, Trigger::AfterWatermark { early: None, late: None }, repeated] {
            let general = Windowing { trigger, ..fast.clone() };
            same(&expected, &ran(panes(&general, &events, &settings))?)?;
        }
    }
}

/// What has come out for each key and window in these panes: all of the discarding ones, the last of the accumulating
/// ones. Which sessions there were on the way hangs on the bundles, so of those it is what came for the key.
fn content(
    strategy: &Windowing,
    panes: &[Pane],
    of: impl Fn(&Pane) -> bool,
) -> BTreeMap<(String, WindowRange), Vec<i64>> {
    let is_session = matches!(strategy.window_fn, WindowFn::Sessions { .. });
    let mut panes: Vec<&Pane> = panes.iter().filter(|p| of(p)).collect();
    panes.sort_by_key(|p| p.pane.index);
    let mut content: BTreeMap<(String, WindowRange), Vec<i64>> = BTreeMap::new();
    for pane in panes {
        let window = if is_session { WindowRange::Global } else { pane.window };
        let values = content.entry((pane.key.clone(), window)).or_default();
        match strategy.accumulation {
            Accumulation::Accumulating if !is_session => values.clone_from(&pane.values),
            _ => values.extend(&pane.values),
        }
    }
    for values in content.values_mut() {
        values.sort_unstable();
        if is_session && strategy.accumulation == Accumulation::Accumulating {
            values.dedup();
        }
    }
    content
}
