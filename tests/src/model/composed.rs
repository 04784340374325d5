//! A whole pipeline: the models of a grouping, of a program with state and of a side input, one behind the other.

use super::grouping::Grouping;
use super::side::Lookup;
use super::state::Running;
use super::windows::assign;
use crate::vectors::{Composed, Dropped, END_OF_TIME, Event, Input, Outcome, Pane, Text, WindowRange, side_strategy};

/// What must come of a pipeline, each element by itself: the texts, and how much all steps drop.
///
/// # Errors
/// If it has a program that the model does not know, parameters are missing, or the program fails.
pub fn compose(composed: &Composed) -> Result<(Vec<Text>, Outcome), String> {
    let strategy = &composed.script.strategy;
    let program = composed.stateful();
    let side = side_strategy(&composed.side_program, &composed.side_fn, composed.side_lateness_ms);
    let mut grouping = Grouping::new(strategy);
    let mut running = Running::new(&program);
    let mut lookup = Lookup::new(&composed.side_program, &side);
    let (mut panes, mut texts) = (0, 0);
    for event in composed.script.events.iter().chain([&Event::AdvanceWatermarkToMs(END_OF_TIME)]) {
        match event {
            Event::Element(e) if e.input == Some(Input::Side) => lookup.side_element(e),
            Event::Element(e) => grouping.element(&e.key, e.value, e.timestamp_ms),
            Event::AdvanceWatermarkToMs(to) => {
                lookup.side.watermark(*to);
                grouping.watermark(*to);
            }
            Event::AdvanceProcessingTimeByMs(by) => grouping.processing_time(*by),
        }
        // The panes of an event come before the watermark that made them.
        let mut result = Ok(());
        for pane in &grouping.panes[panes..] {
            let total: i64 = pane.values.iter().sum();
            let mut take = |window| running.element_in(window, &pane.key, total, pane.timestamp_ms);
            result = result.and_then(|()| windows_of(composed, pane).into_iter().try_for_each(&mut take));
        }
        panes = grouping.panes.len();
        result = result.and_then(|()| running.settle());
        if let Event::AdvanceWatermarkToMs(to) = event {
            result = result.and_then(|()| running.watermark(*to));
        }
        result?;
        running.texts[texts..].iter().for_each(|text| lookup.main(text.clone()));
        texts = running.texts.len();
        lookup.settle()?;
    }
    let lateness = grouping.dropped + running.dropped + lookup.side.dropped;
    let outcome = Outcome::of(&lookup.texts, Dropped { lateness, ..Dropped::default() });
    Ok((lookup.texts, outcome))
}

fn windows_of(composed: &Composed, pane: &Pane) -> Vec<WindowRange> {
    match composed.again_ms {
        Some(_) => assign(&composed.stateful().window_fn, pane.timestamp_ms),
        None => vec![pane.window],
    }
}
