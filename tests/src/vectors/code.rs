//! Scripts as the Rust code that a test would have.

use super::{Accumulation, Closing, Event, OnTime, TimestampCombiner, Trigger, WindowFn, Windowing};
use std::fmt::{self, Write};

/// A strategy and what happens. Its `Debug` form is Rust code.
#[derive(Clone, PartialEq)]
pub struct Script {
    /// How elements are windowed, and when panes come out.
    pub strategy: Windowing,
    /// What happens.
    pub events: Vec<Event>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nlet strategy = {};", strategy_code(&self.strategy))?;
        f.write_str(&events_code(&self.events))
    }
}

/// The events as a test stream of (key, value).
pub fn events_code(events: &[Event]) -> String {
    let mut code = String::from("let mut events = TestStream::new();\nevents");
    for event in events {
        let _ = match event {
            Event::Element(e) => {
                let side = e.input.map(|i| format!(" /* {i:?} */")).unwrap_or_default();
                let (key, value, t) = (&e.key, e.value, e.timestamp_ms);
                write!(code, "\n    .add(({key:?}.to_owned(), {value}), Timestamp::from_millis({t})){side}")
            }
            Event::AdvanceWatermarkToMs(to) => {
                write!(code, "\n    .advance_watermark_to(Timestamp::from_millis({to}))")
            }
            Event::AdvanceProcessingTimeByMs(by) => {
                write!(code, "\n    .advance_processing_time(Duration::millis({by}))")
            }
        };
    }
    code.push_str(";\n");
    code
}

/// A window function.
pub fn window_fn_code(window_fn: &WindowFn) -> String {
    match window_fn {
        WindowFn::Global {} => "GlobalWindows".to_owned(),
        WindowFn::Fixed { size_ms, offset_ms: 0 } => format!("FixedWindows::of(Duration::millis({size_ms}))"),
        WindowFn::Fixed { size_ms, offset_ms } => {
            format!("FixedWindows::of(Duration::millis({size_ms})).offset(Duration::millis({offset_ms}))")
        }
        WindowFn::Sliding { size_ms, period_ms } => {
            format!("SlidingWindows::of(Duration::millis({size_ms})).every(Duration::millis({period_ms}))")
        }
        WindowFn::Sessions { gap_ms } => format!("Sessions::with_gap(Duration::millis({gap_ms}))"),
    }
}

fn strategy_code(strategy: &Windowing) -> String {
    let mut code = format!("WindowingStrategy::of({})", window_fn_code(&strategy.window_fn));
    if strategy.trigger != (Trigger::Default {}) {
        let _ = write!(code, "\n    .triggering({})", trigger_code(&strategy.trigger));
    }
    if strategy.allowed_lateness_ms > 0 {
        let _ = write!(code, "\n    .allowed_lateness(Duration::millis({}))", strategy.allowed_lateness_ms);
    }
    if strategy.accumulation == Accumulation::Accumulating {
        code.push_str("\n    .accumulating()");
    }
    match strategy.timestamp_combiner {
        TimestampCombiner::EndOfWindow => {}
        other => {
            let _ = write!(code, "\n    .timestamp_combiner(TimestampCombiner::{other:?})");
        }
    }
    if strategy.closing == Closing::FireAlways {
        code.push_str("\n    .closing(ClosingBehavior::FireAlways)");
    }
    if strategy.on_time == OnTime::FireIfNonEmpty {
        code.push_str("\n    .on_time(OnTimeBehavior::FireIfNonEmpty)");
    }
    code
}

fn trigger_code(trigger: &Trigger) -> String {
    let boxed = |t: &Trigger| format!("Box::new({})", trigger_code(t));
    let optional = |t: Option<&Trigger>| t.map_or("None".to_owned(), |t| format!("Some({})", boxed(t)));
    let all = |of: &[Trigger]| of.iter().map(trigger_code).collect::<Vec<_>>().join(", ");
    match trigger {
        Trigger::Default {} => "Trigger::Default".to_owned(),
        Trigger::Never {} => "Trigger::Never".to_owned(),
        Trigger::AfterCount { count } => format!("Trigger::AfterCount({count})"),
        Trigger::AfterProcessingTime { delay_ms } => {
            format!("Trigger::AfterProcessingTime {{ delay: Duration::millis({delay_ms}), align_to: None }}")
        }
        Trigger::AfterWatermark { early, late } => {
            let (early, late) = (optional(early.as_deref()), optional(late.as_deref()));
            format!("Trigger::AfterWatermark {{ early: {early}, late: {late} }}")
        }
        Trigger::Repeatedly { of } => format!("Trigger::Repeatedly({})", boxed(of)),
        Trigger::AfterEach { of } => format!("Trigger::AfterEach(vec![{}])", all(of)),
        Trigger::AfterAll { of } => format!("Trigger::AfterAll(vec![{}])", all(of)),
        Trigger::AfterAny { of } => format!("Trigger::AfterAny(vec![{}])", all(of)),
        Trigger::OrFinally { of, until } => format!("Trigger::OrFinally({}, {})", boxed(of), boxed(until)),
    }
}
