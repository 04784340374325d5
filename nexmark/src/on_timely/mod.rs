//! Some of the queries as a user of timely-dataflow would write them, on the same events.
//!
//! Event time is the timestamp of the dataflow: a chunk of events is sent at the watermark before it, and operators hold
//! back what belongs to a window until the frontier has passed its end. So do the queries of Megaphone
//! (<https://github.com/strymon-system/megaphone>), which those of nexmark for timely go back to.

mod host;
mod q11;
mod q3;
mod q5;
mod q7;
mod q8;
mod stateless;

use crate::event::Event;
use crate::measure::{Input, Run};
use ::timely::dataflow::channels::pact::Pipeline;
use ::timely::dataflow::operators::generic::Operator;
use dataflow::prelude::*;

/// Runs the query of that name, if it is there: by value or by reference as the path says, but q2 by reference always.
///
/// # Errors
/// If it panics.
pub fn run(query: &str, path: &str, input: &Input, threads: u16) -> Option<Result<Run>> {
    Some(match (query, path) {
        ("q0", "fast") => host::run(input, threads, stateless::q0),
        ("q0", "by_ref") => host::run(input, threads, stateless::q0_in_place),
        ("q1", "fast") => host::run(input, threads, stateless::q1),
        ("q1", "by_ref") => host::run(input, threads, stateless::q1_by_ref),
        ("q2", "fast" | "by_ref") => host::run(input, threads, stateless::q2),
        ("q3", "fast") => host::run(input, threads, q3::q3),
        ("q5", "fast") => host::run(input, threads, q5::q5),
        ("q7", "fast") => host::run(input, threads, q7::q7),
        ("q8", "fast") => host::run(input, threads, q8::q8),
        ("q11", "fast") => host::run(input, threads, q11::q11),
        _ => return None,
    })
}

/// A stream of the dataflows here. Times are microseconds since 1970.
type Stream<'scope, T> = ::timely::dataflow::StreamVec<'scope, u64, T>;

/// What `make` makes of events, which are looked at where they are: timely's own `flat_map` takes each out of its vector.
fn filter_map_ref<'scope, T, F>(events: Stream<'scope, Event>, make: F) -> Stream<'scope, T>
where
    T: 'static,
    F: Fn(&Event) -> Option<T> + 'static,
{
    events.unary(Pipeline, "FilterMap", |_, _| {
        move |input, output| {
            input.for_each(|time, events| {
                output.session(&time).give_iterator(events.iter().filter_map(&make));
                events.clear();
            });
        }
    })
}

/// The time of the dataflow that an event has.
#[inline]
fn micros(t: Timestamp) -> u64 {
    t.as_micros().max(0).unsigned_abs()
}

/// Where the window of `size` ends that has `t`.
#[inline]
fn window_end(t: Timestamp, size: Duration) -> u64 {
    let size = size.as_micros().unsigned_abs();
    (micros(t) / size + 1) * size
}
