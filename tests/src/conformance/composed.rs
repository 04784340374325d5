//! Whole pipelines: `TestStream -> window -> sum per key -> program with state -> look up in a side input`.

use super::Settings;
use super::programs::text;
use super::stream::test_stream;
use crate::programs;
use crate::vectors::{Composed, Dropped, Ending, Input, Outcome, Text, side_strategy};
use dataflow_core::Pipeline;
use dataflow_exec::transforms::*;
use dataflow_windows::{Duration, FixedWindows, WindowingStrategy};

/// What comes of a pipeline on the engine: the texts, and how much all steps dropped.
///
/// # Errors
/// How it ended, if not well.
///
/// # Panics
/// If its programs are not known, or parameters are missing.
pub fn composed(composed: &Composed, settings: &Settings) -> Result<(Vec<Text>, Outcome), Ending> {
    let strategy = &composed.script.strategy;
    let stream = test_stream(&composed.script.events, settings, |e| match e.input {
        Some(Input::Side) => (true, e.key.clone(), e.value),
        _ => (false, settings.key(&e.key), e.value),
    });
    let p = Pipeline::new("composed");
    let both = p.test_stream("Events", &stream);
    let pairs = |name: &str, is_side: bool| {
        both.filter_map_ref(name, move |(s, key, value): &(bool, String, i64)| {
            (*s == is_side).then(|| (key.clone(), *value))
        })
    };
    let main = pairs("MainElements", false).window("MainWindow", strategy.to_engine());
    let sums = if composed.from_groups {
        main.group_by_key("Group").map("Total", |(key, values)| (key, values.iter().sum()))
    } else {
        main.key_by("Key", |(key, _)| key.clone()).sum("Group", |(_, value)| *value)
    };
    let sums = match composed.again_ms {
        Some(size_ms) => {
            let fixed = WindowingStrategy::of(FixedWindows::of(Duration::millis(size_ms)));
            sums.window("Again", fixed.allowed_lateness(Duration::millis(strategy.allowed_lateness_ms)))
        }
        None => sums,
    };
    let side = side_strategy(&composed.side_program, &composed.side_fn, composed.side_lateness_ms);
    let side = pairs("SideElements", true).window("SideWindow", side.to_engine());
    let lines = programs::stateful(&composed.program, &composed.params, &sums).unwrap_or_else(|e| panic!("{e}"));
    let lines = lines.unwrap_or_else(|| panic!("there is no program {}", composed.program));
    let looked_up = programs::looked_up(&composed.side_program, &lines, &side);
    let out = looked_up.unwrap_or_else(|| panic!("there is no program {}", composed.side_program)).collect("Out");
    let metrics = settings.run(&p)?;
    let texts: Vec<Text> = out.elements().into_iter().map(|e| text(e, settings)).collect();
    let dropped = Dropped { lateness: metrics.sum("dropped_late"), ..Dropped::default() };
    let outcome = Outcome::of(&texts, dropped);
    Ok((texts, outcome))
}
