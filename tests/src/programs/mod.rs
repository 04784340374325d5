//! The programs of the vectors, as users would write them. What each does is described in
//! `tests/conformance/state/README.md`.

mod buffers;
mod collections;
mod counts;
mod families;
mod side;
mod timers;

pub use side::looked_up;

use crate::vectors::Params;
use dataflow_core::state::KeyContext;
use dataflow_core::{BoxError, Output, PCollection};
use dataflow_exec::transforms::*;
use dataflow_windows::{Duration, Timestamp};

/// What comes out of a program: a key and what there is to say of it.
pub type Line = (String, String);

type Context<'a> = KeyContext<'a, String>;
type Out<'a> = Output<'a, Line>;
type Done = Result<(), BoxError>;

/// What the program with this name makes of its input; nothing if there is none.
///
/// # Errors
/// If parameters are missing.
pub fn stateful(
    program: &str,
    params: &Params,
    input: &PCollection<(String, i64)>,
) -> Result<Option<PCollection<Line>>, String> {
    let duration = |name: &str| params.get(name).map(Duration::millis);
    let name = "Program";
    Ok(Some(match program {
        "running_count" => input.par_do_stateful(name, counts::RunningCount),
        "session_by_timer" => {
            let clamp = params.get_or("clamp", 1) != 0;
            input.par_do_stateful(name, counts::SessionByTimer { gap: duration("gap_ms")?, clamp })
        }
        "processing_time_timer" => input.par_do_stateful(name, counts::Batches { delay: duration("delay_ms")? }),
        "bag_flush_at_window_end" => input.par_do_stateful(name, buffers::FlushAtWindowEnd),
        "buffer_until" => input.par_do_stateful(name, buffers::BufferUntil { delay: duration("delay_ms")? }),
        "output_timestamp_hold" => {
            let hold = params.get("hold")? == 1;
            let output = hold.then(|| Duration::millis(params.get_or("output_offset_ms", 0)));
            input.par_do_stateful(name, buffers::HoldOutput { delay: duration("delay_ms")?, output })
        }
        "on_window_expiration" => {
            input.par_do_stateful(name, buffers::UntilExpiration { clear: params.get("clear")? == 1 })
        }
        "looping_timer" => {
            let (period, rounds) = (duration("period_ms")?, params.get("rounds")?);
            input.par_do_stateful(name, timers::Looping { period, rounds })
        }
        "cancel_timer" => input.par_do_stateful(name, timers::Cancelling { delay: duration("delay_ms")? }),
        "both_timers" => {
            let cancels = params.get("event_cancels_processing")? == 1;
            let (event, processing) = (duration("event_delay_ms")?, duration("processing_delay_ms")?);
            input.par_do_stateful(name, timers::Both { event, processing, cancels })
        }
        "dynamic_timer_family" => input.par_do_stateful(name, families::Dynamic { unit: duration("unit_ms")? }),
        "timer_chain" => {
            let (unit, chain) = (duration("unit_ms")?, duration("chain_ms")?);
            input.par_do_stateful(name, families::Chain { unit, chain })
        }
        "map_set_ordered" => input.par_do_stateful(name, collections::Collections),
        _ => return Ok(None),
    }))
}

/// Says which parameter a program does not have, if one is given to it.
///
/// # Errors
/// If there is one.
pub fn check_parameters(program: &str, params: &Params) -> Result<(), String> {
    let known: &[&str] = match program {
        "buffer_until" | "cancel_timer" | "processing_time_timer" => &["delay_ms"],
        "looping_timer" => &["period_ms", "rounds"],
        "session_by_timer" => &["gap_ms", "clamp"],
        "output_timestamp_hold" => &["delay_ms", "hold", "output_offset_ms"],
        "both_timers" => &["event_delay_ms", "processing_delay_ms", "event_cancels_processing"],
        "dynamic_timer_family" => &["unit_ms"],
        "timer_chain" => &["unit_ms", "chain_ms"],
        "on_window_expiration" => &["clear"],
        _ => &[],
    };
    let is_known = |name: &str| known.contains(&name) || name == "downstream_fixed_ms";
    match params.numbers.keys().find(|name| !is_known(name)) {
        Some(name) => Err(format!("the program {program} has no parameter {name}")),
        None => Ok(()),
    }
}

fn say(context: &Context<'_>, out: &mut Out<'_>, text: impl Into<String>) {
    out.emit((context.key().clone(), text.into()));
}

/// Numbers in ascending order: `[1, 2]`.
fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut numbers: Vec<i64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    format!("{numbers:?}")
}

/// Vectors know milliseconds.
fn millis(t: Timestamp) -> i64 {
    t.as_millis()
}

/// So many times as long.
fn times(unit: Duration, n: i64) -> Duration {
    Duration::micros(unit.as_micros().saturating_mul(n))
}
