//! Program vectors: `TestStream -> window -> program`.

use super::Settings;
use super::stream::test_stream;
use crate::programs;
use crate::vectors::{Dropped, Ending, Input, Outcome, PaneTiming, ProgramVector, Text, WindowFn, side_strategy};
use dataflow_core::{Element, Metrics, PCollection, Pipeline};
use dataflow_exec::transforms::*;
use dataflow_windows::{Duration, FixedWindows, WindowingStrategy};

/// What comes of a program vector.
///
/// # Errors
/// If its program is not known, or parameters are missing.
pub(super) fn run(vector: &ProgramVector, settings: &Settings) -> Result<Ending, String> {
    let p = Pipeline::new("vector");
    let has_side = vector.program.starts_with("side_");
    let lines = if has_side {
        with_side_input(&p, vector, vector.params.side_window_fn()?, settings)
    } else {
        stateful(&p, vector, settings)?
    };
    let lines = lines.ok_or_else(|| format!("there is no program \"{}\"", vector.program))?;
    programs::check_parameters(&vector.program, &vector.params)?;
    let (out, downstream) = match vector.params.numbers.get("downstream_fixed_ms") {
        Some(size_ms) => (after(&lines, *size_ms, vector.allowed_lateness_ms).collect("Out"), true),
        None => (lines.collect("Out"), false),
    };
    let metrics = match settings.run(&p) {
        Ok(metrics) => metrics,
        Err(ending) => return Ok(ending),
    };
    let dropped = Dropped {
        lateness: if has_side { by_the_side(&metrics) } else { late(&metrics, "Program") },
        downstream: if downstream { late(&metrics, "Downstream") } else { 0 },
        closed_window: 0,
    };
    let texts: Vec<Text> = out.elements().into_iter().map(|e| text(e, settings)).collect();
    Ok(Ending::Outputs(Outcome::of(&texts, dropped)))
}

fn late(metrics: &Metrics, step: &str) -> u64 {
    metrics.get(step, "dropped_late")
}

/// What the steps drop through which the side input goes.
fn by_the_side(metrics: &Metrics) -> u64 {
    metrics.sum("dropped_late") - late(metrics, "LookUp")
}

fn stateful(
    p: &Pipeline,
    vector: &ProgramVector,
    settings: &Settings,
) -> Result<Option<PCollection<programs::Line>>, String> {
    let stream = test_stream(&vector.events, settings, |e| (settings.key(&e.key), e.value));
    let windowing = WindowingStrategy::of(vector.window_fn.to_engine());
    let windowing = windowing.allowed_lateness(Duration::millis(vector.allowed_lateness_ms));
    let input = p.test_stream("Events", &stream).window("Window", windowing);
    programs::stateful(&vector.program, &vector.params, &input)
}

fn with_side_input(
    p: &Pipeline,
    vector: &ProgramVector,
    side: &WindowFn,
    settings: &Settings,
) -> Option<PCollection<programs::Line>> {
    let stream = test_stream(&vector.events, settings, |e| match e.input {
        Some(Input::Side) => (true, e.key.clone(), e.value),
        _ => (false, settings.key(&e.key), e.value),
    });
    let both = p.test_stream("Events", &stream);
    let lateness = Duration::millis(vector.allowed_lateness_ms);
    let side = side_strategy(&vector.program, side, vector.allowed_lateness_ms).to_engine();
    let pairs = |name: &str, is_side: bool| {
        both.filter_map_ref(name, move |(s, key, value): &(bool, String, i64)| {
            (*s == is_side).then(|| (key.clone(), *value))
        })
    };
    let main = WindowingStrategy::of(vector.window_fn.to_engine()).allowed_lateness(lateness);
    let main = pairs("MainElements", false).window("MainWindow", main);
    programs::looked_up(&vector.program, &main, &pairs("SideElements", true).window("SideWindow", side))
}

/// The panes of the outputs of a program in fixed windows.
fn after(lines: &PCollection<programs::Line>, size_ms: i64, lateness_ms: i64) -> PCollection<programs::Line> {
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::millis(size_ms)))
        .allowed_lateness(Duration::millis(lateness_ms))
        .discarding();
    lines.window("DownstreamWindow", windowing).group_by_key("Downstream").par_do("Panes", DescribePane)
}

/// Puts timing and texts of a pane into one text.
#[derive(Clone)]
struct DescribePane;

impl dataflow_core::DoFn for DescribePane {
    type In = (String, Vec<String>);
    type Out = programs::Line;

    fn process(
        &mut self,
        pane: Element<(String, Vec<String>)>,
        out: &mut dataflow_core::Output<'_, programs::Line>,
    ) -> Result<(), dataflow_core::BoxError> {
        let timing = crate::vectors::PaneNumbers::from(pane.pane).timing;
        let timing = if timing == PaneTiming::OnTime { "on_time".to_owned() } else { timing.to_string() };
        let (key, mut texts) = pane.value;
        texts.sort_unstable();
        out.emit((key, format!("{timing} [{}]", texts.join(", "))));
        Ok(())
    }
}

pub(super) fn text(element: Element<programs::Line>, settings: &Settings) -> Text {
    let window = element.window().into();
    let (key, text) = element.value;
    Text { key: settings.script_key(&key), text, timestamp_ms: element.timestamp.as_millis(), window }
}
