//! Random programs with state, timers and side inputs, and scripts for them.

use super::events;
use dataflow_tests::vectors::*;
use proptest::prelude::*;
use std::fmt;

/// A program vector without an outcome. Its `Debug` form has its events as Rust code.
#[derive(Clone)]
pub(crate) struct Scripted(pub(crate) ProgramVector);

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProgramVector { program, params, window_fn, allowed_lateness_ms, events, .. } = &self.0;
        let side = params.side_window_fn.as_ref().map(|w| format!(", side in {}", window_fn_code(w)));
        writeln!(f, "\n// {program} with {:?}{}", params.numbers, side.unwrap_or_default())?;
        let windows = window_fn_code(window_fn);
        writeln!(f, "let windows = WindowingStrategy::of({windows})")?;
        writeln!(f, "    .allowed_lateness(Duration::millis({allowed_lateness_ms}));")?;
        f.write_str(&events_code(events))
    }
}

/// Programs that differ in what they do with timers.
const WITH_TIMERS: [&str; 11] = [
    "bag_flush_at_window_end",
    "buffer_until",
    "looping_timer",
    "session_by_timer",
    "cancel_timer",
    "output_timestamp_hold",
    "processing_time_timer",
    "both_timers",
    "dynamic_timer_family",
    "timer_chain",
    "on_window_expiration",
];

pub(crate) fn with_timers() -> impl Strategy<Value = Scripted> {
    stateful(prop::sample::select(&WITH_TIMERS[..]))
}

/// Programs and scripts without late elements: then no timer is set for the past, so that none fires between two elements
/// that come together, nor would if they came apart.
pub(crate) fn with_timers_on_time() -> impl Strategy<Value = Scripted> {
    with_timers().prop_map(|mut script| {
        let mut watermark = i64::MIN;
        script.0.events.retain(|event| match event {
            Event::Element(e) => e.timestamp_ms >= watermark,
            Event::AdvanceWatermarkToMs(to) => {
                watermark = *to;
                true
            }
            Event::AdvanceProcessingTimeByMs(_) => true,
        });
        script
    })
}

/// Programs in which it makes no difference which elements come together.
pub(crate) fn without_timers() -> impl Strategy<Value = Scripted> {
    stateful(prop::sample::select(&["running_count", "map_set_ordered"][..]))
}

fn windows() -> impl Strategy<Value = WindowFn> {
    let sliding = (1i64..6, 1i64..6)
        .prop_map(|(periods, period)| WindowFn::Sliding { size_ms: periods * period * 500, period_ms: period * 500 });
    let fixed = (1i64..20, -5i64..5);
    prop_oneof![
        1 => Just(WindowFn::Global {}),
        3 => fixed.prop_map(|(size, offset)| WindowFn::Fixed { size_ms: size * 500, offset_ms: offset * 500 }),
        1 => sliding,
    ]
}

/// Windows that end, without gaps between them.
pub(crate) fn without_gaps() -> impl Strategy<Value = WindowFn> {
    windows().prop_map(|window_fn| match window_fn {
        WindowFn::Global {} => WindowFn::Fixed { size_ms: 5_000, offset_ms: 0 },
        other => other,
    })
}

/// Lets elements come to the main or the side input of a program.
pub(crate) fn to_inputs(program: &str, events: &mut [Event], sides: impl IntoIterator<Item = bool>) {
    for (e, is_side) in elements(events).zip(sides) {
        e.input = Some(if is_side { Input::Side } else { Input::Main });
        if program == "side_map" && is_side {
            e.key = format!("k{}", e.value); // a map has a key once
        }
    }
}

fn stateful(program: impl Strategy<Value = &'static str>) -> impl Strategy<Value = Scripted> {
    // Half a unit, so that a chained timer and another one are never set for the same time.
    let lengths = (1i64..12, 1i64..12, -6i64..6).prop_map(|(a, b, c)| (a * 500, b * 500, c * 500 + 250));
    (program, windows(), 0i64..10, lengths, any::<[bool; 2]>(), events(25)).prop_map(
        |(program, windows, lateness, (first, second, chain), [flag, other], mut events)| {
            let mut params = Params::default();
            let mut set = |name: &str, value: i64| params.numbers.insert(name.to_owned(), value);
            let mut window_fn = windows;
            match program {
                "buffer_until" | "cancel_timer" | "processing_time_timer" => _ = set("delay_ms", first),
                "looping_timer" => {
                    set("period_ms", first);
                    set("rounds", second / 500);
                }
                "session_by_timer" => {
                    set("gap_ms", first);
                    set("clamp", i64::from(flag || other));
                }
                "output_timestamp_hold" => {
                    set("delay_ms", first);
                    set("hold", i64::from(flag));
                    // The outputs of two windows are never in one pane: then it would be the bundle that counts.
                    set("downstream_fixed_ms", second);
                    let fixed = WindowFn::Fixed { size_ms: second * 3, offset_ms: 0 };
                    window_fn = if other { WindowFn::Global {} } else { fixed };
                    // What is held is held for all keys.
                    elements(&mut events).for_each(|e| e.key = "a".to_owned());
                }
                "both_timers" => {
                    set("event_delay_ms", first);
                    set("processing_delay_ms", second);
                    set("event_cancels_processing", i64::from(flag));
                }
                "dynamic_timer_family" => _ = set("unit_ms", first),
                "timer_chain" => {
                    set("unit_ms", 500);
                    set("chain_ms", chain);
                    // Cut at the end of a window, times would be equal.
                    window_fn = WindowFn::Global {};
                    elements(&mut events).for_each(|e| e.timestamp_ms -= e.timestamp_ms.rem_euclid(500));
                }
                "on_window_expiration" => _ = set("clear", i64::from(flag)),
                _ => {}
            }
            if matches!(program, "cancel_timer" | "map_set_ordered") {
                elements(&mut events).for_each(|e| {
                    if e.value % 3 == 0 {
                        e.value = -e.value
                    }
                });
            }
            scripted(program, params, window_fn, lateness * 500, events)
        },
    )
}

fn elements(events: &mut [Event]) -> impl Iterator<Item = &mut Element> {
    events.iter_mut().filter_map(|event| match event {
        Event::Element(e) => Some(e),
        _ => None,
    })
}

fn scripted(program: &str, params: Params, window_fn: WindowFn, lateness: i64, events: Vec<Event>) -> Scripted {
    Scripted(ProgramVector {
        name: "random".to_owned(),
        tags: vec![],
        program: program.to_owned(),
        params,
        window_fn,
        allowed_lateness_ms: lateness,
        events,
        expected: None,
        dropped: None,
        rejected: None,
        fails: None,
    })
}

const WITH_SIDE_INPUT: [&str; 6] =
    ["side_latest", "side_sum", "side_singleton_default", "side_iterable", "side_map", "side_multimap"];

/// Programs whose side input has one pane a window: what it has when it ends.
pub(crate) fn with_side_input_on_time() -> impl Strategy<Value = Scripted> {
    with_side_input_of(&WITH_SIDE_INPUT[1..], Just(0))
}

/// Programs with a side input, which may have late elements.
pub(crate) fn with_side_input() -> impl Strategy<Value = Scripted> {
    with_side_input_of(&WITH_SIDE_INPUT, 0i64..10)
}

/// Programs with a side input. No main element comes when its side window has expired: what it sees then is open.
fn with_side_input_of(
    programs: &'static [&'static str],
    lateness: impl Strategy<Value = i64>,
) -> impl Strategy<Value = Scripted> {
    let sides = prop::collection::vec(any::<bool>(), 30);
    let program = prop::sample::select(programs);
    (program, windows(), windows(), lateness, events(30), sides).prop_map(
        |(program, mut main, mut side, lateness, mut events, sides)| {
            let global = WindowFn::Global {};
            let fixed = WindowFn::Fixed { size_ms: 5_000, offset_ms: 0 };
            if program == "side_latest" {
                side = global;
            } else {
                main = if main == global { fixed.clone() } else { main };
                side = if side == global { fixed } else { side };
            }
            to_inputs(program, &mut events, sides);
            let params = Params { side_window_fn: Some(side), ..Params::default() };
            let mut script = scripted(program, params, main, lateness * 500, events);
            script.0.events = dataflow_tests::model::without_expired_sides(&script.0);
            script
        },
    )
}
