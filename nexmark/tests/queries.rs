//! Each query gives the same rows in the engine, on any number of threads, and in both loops.

#![allow(clippy::unwrap_used)]

use dataflow::prelude::*;
use nexmark::for_all_queries;
use nexmark::generator::{Config, Generator};
use nexmark::input::{Filled, Preloaded};
use nexmark::query::Query;
use std::sync::{Arc, Mutex};

const EVENTS: u64 = 16_000;
/// Threads take turns every so many events.
const STRETCH: u64 = 1_500;

/// Slow, so that there are windows: 40 seconds in all. In order; out of order by two and a half seconds, and by more than
/// four; other events.
fn configs() -> [Config; 3] {
    let config = |out_of_order_group, seed| Config {
        first_rate: 400,
        next_rate: 400,
        out_of_order_group,
        seed,
        ..Config::default()
    };
    [config(1, 0), config(1_000, 0), config(1_700, 1)]
}

fn sorted<R: Ord>(mut rows: Vec<R>) -> Vec<R> {
    rows.sort();
    rows
}

fn by_hand<Q: Query>(events: &Filled) -> Vec<Q::Row> {
    let mut rows = Vec::new();
    Q::by_hand(events.feed(), |row| rows.push(row));
    sorted(rows)
}

fn by_hand_on_two<Q: Query>(events: &Filled) -> Vec<Q::Row> {
    let rows = [Mutex::default(), Mutex::default()];
    let out = |rows: &'_ Mutex<Vec<Q::Row>>, row| rows.lock().unwrap().push(row);
    Q::by_hand_on_two(events.feeds(), [&rows[0], &rows[1]].map(|rows| move |row| out(rows, row)));
    sorted(rows.into_iter().flat_map(|rows| rows.into_inner().unwrap()).collect())
}

fn engine<Q: Query>(p: &Pipeline, events: &PCollection<nexmark::event::Event>, threads: u16) -> Vec<Q::Row> {
    let rows = Q::pipeline(events).collect("Rows");
    p.run(&PipelineOptions::default().with_threads(threads)).unwrap().wait_until_finish().unwrap();
    rows.sorted()
}

#[track_caller]
fn assert_same<Q: Query>(rows: &[Q::Row], oracle: &[Q::Row], which: &str) {
    let (name, path) = (Q::NAME, Q::PATH);
    let differing = rows.iter().zip(oracle).find(|(row, expected)| row != expected);
    assert!(differing.is_none(), "{name} ({path}), {which}: {differing:?}");
    assert_eq!(rows.len(), oracle.len(), "{name} ({path}), {which}");
}

fn check<Q: Query>() {
    for config in configs() {
        let group = config.out_of_order_group;
        let generator = Arc::new(Generator::new(config));
        let filled = Filled::new(generator.clone(), EVENTS).stretches_of(STRETCH);
        let oracle = by_hand::<Q>(&filled);
        assert!(!oracle.is_empty(), "{} has no results to compare", Q::NAME);
        assert_same::<Q>(&by_hand_on_two::<Q>(&filled), &oracle, &format!("two threads by hand, groups of {group}"));
        for threads in [1, 2, 3] {
            let p = Pipeline::new(Q::NAME);
            let rows = engine::<Q>(&p, &p.read("Events", filled.clone()), threads);
            assert_same::<Q>(&rows, &oracle, &format!("filled, {threads} threads, groups of {group}"));
        }
        for threads in [1, 2] {
            let preloaded = Preloaded::new(generator.clone(), EVENTS, threads.into()).stretches_of(STRETCH);
            let p = Pipeline::new(Q::NAME);
            let rows = engine::<Q>(&p, &p.read("Events", preloaded), threads);
            assert_same::<Q>(&rows, &oracle, &format!("preloaded, {threads} threads, groups of {group}"));
        }
    }
}

macro_rules! check_all {
    ($($query:ty,)*) => {
        #[test]
        fn engine_and_loops_agree_row_by_row() {
            $(check::<$query>();)*
        }
    };
}

for_all_queries!(check_all);

#[test]
fn a_query_and_its_path_are_there_once() {
    let all = nexmark::measure::all();
    let mut names: Vec<_> = all.iter().map(|query| (query.name(), query.path())).collect();
    let number = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), number, "{names:?}");
}
