//! Windowing vectors: `TestStream -> window -> group_by_key`.

use super::Settings;
use super::stream::test_stream;
use crate::vectors::{Dropped, Ending, Event, Outcome, Pane, Windowing, WindowingVector};
use dataflow_core::{Element, Metrics, Pipeline};
use dataflow_exec::combiners::Sum;
use dataflow_exec::transforms::*;

/// What comes of a windowing vector.
pub(super) fn run(vector: &WindowingVector, settings: &Settings) -> Ending {
    match panes(&vector.strategy, &vector.events, settings) {
        Ok((panes, dropped)) => Ending::Outputs(Outcome::of(&panes, dropped)),
        Err(ending) => ending,
    }
}

/// The panes that the engine gives for a script, and what it drops.
///
/// # Errors
/// How it ended, if not well.
pub fn panes(strategy: &Windowing, events: &[Event], settings: &Settings) -> Result<(Vec<Pane>, Dropped), Ending> {
    let stream = test_stream(events, settings, |e| (settings.key(&e.key), e.value));
    let p = Pipeline::new("vector");
    let windowed = p.test_stream("Events", &stream).window("Window", strategy.to_engine());
    let out = windowed.group_by_key("Group").collect("Out");
    let metrics = settings.run(&p)?;
    let panes = out.elements().into_iter().map(|e| pane(e, settings)).collect();
    Ok((panes, dropped(&metrics)))
}

/// The same with the sum of the values in place of them.
///
/// # Errors
/// How it ended, if not well.
pub fn sums(strategy: &Windowing, events: &[Event], settings: &Settings) -> Result<(Vec<Pane>, Dropped), Ending> {
    let stream = test_stream(events, settings, |e| (settings.key(&e.key), e.value));
    let p = Pipeline::new("vector");
    let windowed = p.test_stream("Events", &stream).window("Window", strategy.to_engine());
    let summed = windowed.key_by("Key", |(key, _)| key.clone()).sum("Group", |(_, value)| *value);
    let out = summed.map("List", |(key, sum)| (key, vec![sum])).collect("Out");
    let metrics = settings.run(&p)?;
    let panes = out.elements().into_iter().map(|e| pane(e, settings)).collect();
    Ok((panes, dropped(&metrics)))
}

/// As [`sums`], with the largest of the values. It cannot be told from the largest of more values, as a sum can.
///
/// # Errors
/// How the run ended otherwise.
pub fn maxima(strategy: &Windowing, events: &[Event], settings: &Settings) -> Result<(Vec<Pane>, Dropped), Ending> {
    let stream = test_stream(events, settings, |e| (settings.key(&e.key), e.value));
    let p = Pipeline::new("vector");
    let windowed = p.test_stream("Events", &stream).window("Window", strategy.to_engine());
    let largest = windowed.key_by("Key", |(key, _)| key.clone()).max("Group", |(_, value)| *value);
    let out = largest.map("List", |(key, max)| (key, vec![max])).collect("Out");
    let metrics = settings.run(&p)?;
    let panes = out.elements().into_iter().map(|e| pane(e, settings)).collect();
    Ok((panes, dropped(&metrics)))
}

/// As [`sums`], of all elements whatever their key, which are combined in advance: panes have the key `all`.
///
/// # Errors
/// How the run ended otherwise.
pub fn totals(strategy: &Windowing, events: &[Event], settings: &Settings) -> Result<(Vec<Pane>, Dropped), Ending> {
    let stream = test_stream(events, settings, |e| e.value);
    let p = Pipeline::new("vector");
    let windowed = p.test_stream("Events", &stream).window("Window", strategy.to_engine());
    let total = windowed.combine_globally("Group", Sum::of(|value: &i64| *value));
    let out = total.map("List", |total| (String::new(), vec![total])).collect("Out");
    let metrics = settings.run(&p)?;
    let panes = out.elements().into_iter().map(|e| Pane { key: "all".to_owned(), ..pane(e, settings) }).collect();
    Ok((panes, dropped(&metrics)))
}

pub(super) fn dropped(metrics: &Metrics) -> Dropped {
    Dropped { lateness: metrics.get("Group", "dropped_late"), ..Dropped::default() }
}

fn pane(element: Element<(String, Vec<i64>)>, settings: &Settings) -> Pane {
    let window = element.window().into();
    let (key, mut values) = element.value;
    values.sort_unstable();
    Pane {
        key: settings.script_key(&key),
        values,
        window,
        timestamp_ms: element.timestamp.as_millis(),
        pane: element.pane.into(),
    }
}
