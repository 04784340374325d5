//! Where the time of [`lake_loop`](crate::lake_loop) goes: the same work, one kind at a time over blocks of events.
//!
//! Reading the clock between the phases of each event would cost more than some of them. A block stays in the caches
//! for the most part, but the sum of the phases is somewhat more than the loop's time.

use anyhow::Result;
use compact_str::CompactString;
use dataflow_windows::Timestamp;
use examples::lake::event::{EnrichedEvent, Event};
use examples::lake::simulate::Simulation;
use examples::lake::users::Users;
use examples::lake::validate;
use hashbrown::HashSet;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use crate::lake_files::Lake;
use crate::lake_metrics::Metrics;
use crate::lake_rows::EventRows;

/// Events that go through a phase together.
const BLOCK: u64 = 1024;

/// A phase and its time in nanoseconds an event read.
pub type Phase = (&'static str, f64);

/// Measures the phases over `n` events; the files go into the folder `out_dir`.
///
/// # Errors
///
/// If a file cannot be written.
pub fn run(n: u64, seed: u64, out_dir: &Path) -> Result<Vec<Phase>> {
    let users = Users::built_in();
    let simulation = Simulation::new(n, seed);
    let mut seen: HashSet<CompactString, foldhash::fast::RandomState> = HashSet::default();
    let mut lake: Lake<EventRows> = Lake::new(out_dir.join("events"));
    let mut metrics = Metrics::default();
    let (mut lines, mut ends): (Vec<u8>, Vec<usize>) = Default::default();
    let (mut events, mut rows): (Vec<Event>, Vec<EnrichedEvent>) = Default::default();
    let mut nanos = [0; 6];

    for start in (0..n).step_by(BLOCK as usize) {
        let mut clock = Instant::now();
        let mut lap = |phase: usize| {
            let now = Instant::now();
            nanos[phase] += now.duration_since(clock).as_nanos();
            clock = now;
        };
        lines.clear();
        ends.clear();
        for index in start..n.min(start + BLOCK) {
            simulation.line(index, &mut lines);
            ends.push(lines.len());
        }
        lap(0);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let ranges = starts.zip(ends.iter().copied()).map(|(start, end)| Range { start, end });
        events.extend(ranges.filter_map(|range| validate::parse(&lines[range]).ok()));
        lap(1);
        events.retain(|event| seen.insert(event.event_id.clone()));
        lap(2);
        let enrich = |event: Event| {
            let user = users.get(event.user_id);
            EnrichedEvent::new(event, user, Timestamp::MIN)
        };
        rows.extend(events.drain(..).map(enrich));
        lap(3);
        rows.iter().for_each(|row| metrics.add(row));
        metrics.close(simulation.lower_bound(start), |_| Ok(()))?;
        lap(4);
        rows.drain(..).try_for_each(|row| lake.append(&row))?;
        lap(5);
    }
    let clock = Instant::now();
    lake.finish()?;
    nanos[5] += clock.elapsed().as_nanos();
    let names = ["generate", "parse", "deduplicate", "enrich", "metrics", "encode"];
    Ok(names.into_iter().zip(nanos.map(|nanos| nanos as f64 / n.max(1) as f64)).collect())
}
