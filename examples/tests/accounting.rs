//! What lands is what a program without an engine computes, on any number of threads and over restarts.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, events, metrics};
use dataflow::DirectRunner;
use dataflow_windows::Timestamp;
use examples::lake::event::{Action, EnrichedEvent};
use examples::lake::options::RunOptions;
use examples::lake::rows::MetricRow;
use examples::lake::simulate::{self, Simulation};
use examples::lake::summary::Summary;
use examples::lake::users::Users;
use examples::lake::{run, validate};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const N: u64 = 80_000;
const SEED: u64 = 7;

/// All that is in a lake, but for the processing time, which nobody can foretell.
type Content = (Vec<EnrichedEvent>, Vec<MetricRow>);

fn content(lake: &Path) -> Content {
    let events = events(lake).into_iter().map(|event| EnrichedEvent { ingested_at: Timestamp::MIN, ..event });
    (events.collect(), metrics(lake))
}

/// The same by hand.
fn expected(simulation: Simulation) -> Content {
    let users = Users::built_in();
    let mut events = BTreeMap::new();
    let mut line = Vec::new();
    for number in 0..simulation.len() {
        line.clear();
        simulation.line(number, &mut line);
        if let Ok(event) = validate::parse(&line) {
            let user = users.get(event.user_id);
            events.entry(event.event_id.clone()).or_insert(EnrichedEvent::new(event, user, Timestamp::MIN));
        }
    }
    let mut minutes: BTreeMap<(i64, Action), (u64, i128, BTreeSet<u64>)> = BTreeMap::new();
    for event in events.values() {
        let minute = event.ts.as_micros() / 60_000_000;
        let (count, revenue, users) = minutes.entry((minute, event.action)).or_default();
        *count += 1;
        *revenue += (event.amount * 100.0).round() as i128 * 10_000; // simulated amounts are whole cents
        users.insert(event.user_id);
    }
    let row = |((minute, action), (count, revenue, users)): (_, (_, _, BTreeSet<u64>))| MetricRow {
        window_start: Timestamp::from_seconds(minute * 60),
        action,
        count,
        revenue,
        distinct_users: users.len() as u64,
    };
    (events.into_values().collect(), minutes.into_iter().map(row).collect())
}

fn check(summary: &Summary, lake: &Path, expected: &Content, way: &str) {
    let truth = simulate::truth(N, SEED);
    assert_eq!(
        (summary.read, summary.written, summary.rejected, summary.duplicates, summary.dropped_late),
        (N, truth.valid, truth.invalid, truth.duplicates, 0),
        "{way}"
    );
    assert_eq!(summary.rejected_by_reason, truth.rejected_by_reason, "{way}");
    let files = common::visible(lake);
    assert_eq!(summary.files, files.len() as u64, "{way}");
    assert_eq!(summary.bytes, files.iter().map(|file| file.metadata().unwrap().len()).sum::<u64>(), "{way}");
    let content = content(lake);
    assert_eq!(content.0.len(), expected.0.len(), "{way}");
    for (landed, expected) in content.0.iter().zip(&expected.0) {
        assert_eq!(landed, expected, "{way}");
    }
    assert_eq!(content.1, expected.1, "{way}");
}

#[test]
fn the_lake_is_what_a_program_without_an_engine_computes() {
    let simulation = Simulation::new(N, SEED);
    let expected = expected(simulation);
    for (threads, restart_every) in [(1, None), (2, None), (3, None), (1, Some(40)), (2, Some(25)), (3, Some(60))] {
        let place = Place::new();
        let mut options = RunOptions::simulate(simulation, place.out());
        options.pipeline = options.pipeline.with_threads(threads);
        let mut runner = DirectRunner::new().handle_signals(false);
        if let Some(batches) = restart_every {
            runner = runner.restart_every(batches);
        }
        let summary = run::run(&options, &runner, |_| {}).unwrap();
        check(&summary, &place.out(), &expected, &format!("{threads} threads, restart every {restart_every:?}"));
    }
}

#[test]
fn a_file_gives_the_same_lake_as_the_simulation_it_was_made_by() {
    let simulation = Simulation::new(N, SEED);
    let mut text = Vec::new();
    for number in 0..N {
        simulation.line(number, &mut text);
        text.push(b'\n');
    }
    let place = Place::new();
    place.file("events.ndjson", text);
    for threads in ["1", "3"] {
        place.land(&["--input", "events.ndjson", "--threads", threads, "--overwrite"]);
        let summary: Summary = summary(&place);
        check(&summary, &place.out(), &expected(simulation), &format!("a file, {threads} threads"));
    }
}

fn summary(place: &Place) -> Summary {
    serde_json::from_value(place.summary()).unwrap()
}
