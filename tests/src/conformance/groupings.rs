//! Windowing vectors: `TestStream -> window -> group_by_key`.

use super::Settings;
use super::stream::test_stream;
use crate::vectors::{Dropped, Ending, Outcome, Pane, Strategy, WindowingVector};
use dataflow_core::{Element, Pipeline};
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
pub fn panes(
    strategy: &Strategy,
    events: &[crate::vectors::Event],
    settings: &Settings,
) -> Result<(Vec<Pane>, Dropped), Ending> {
    let stream = test_stream(events, settings, |e| (settings.key(&e.key), e.value));
    let p = Pipeline::new("vector");
    let windowed = p.test_stream("Events", &stream).window("Window", strategy.to_engine());
    let out = windowed.group_by_key("Group").collect("Out");
    let metrics = settings.run(&p)?;
    let panes = out.elements().into_iter().map(|e| pane(e, settings)).collect();
    Ok((panes, Dropped { lateness: metrics.get("Group", "dropped_late"), ..Dropped::default() }))
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
