//! Random pipelines on the engine and on a naive model of what they mean: the results are the same, on any number of
//! threads and over restarts.

use dataflow_core::{PCollection, Pipeline};
use dataflow_exec::transforms::*;
use dataflow_tests::{Way, cases};
use dataflow_windows::{Duration, FixedWindows, Timestamp, Window};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A step of a random pipeline.
#[derive(Clone, Debug)]
enum Op {
    Add(i64),
    KeepIfDivisible(i64),
    Repeat(i64),
    LookUp(i64),
    Window(i64),
    WithItself,
    Deduplicate,
    SumPerKey(i64),
    GroupAndCount(i64),
}

/// An element of the model.
type Row = (i64, Timestamp, Window);

fn model(op: &Op, rows: Vec<Row>) -> Vec<Row> {
    let per_key = |keys: i64, of: fn(&[i64]) -> i64| {
        let mut groups: BTreeMap<(Window, i64), Vec<i64>> = BTreeMap::new();
        for (n, _, w) in &rows {
            groups.entry((*w, n.rem_euclid(keys))).or_default().push(*n);
        }
        groups.into_iter().map(|((w, k), ns)| (of(&ns) * keys + k, w.max_timestamp(), w)).collect()
    };
    match op {
        Op::Add(k) => rows.into_iter().map(|(n, t, w)| (n + k, t, w)).collect(),
        Op::KeepIfDivisible(by) => rows.into_iter().filter(|(n, ..)| n % by == 0).collect(),
        Op::Repeat(k) => rows.into_iter().flat_map(|r| std::iter::repeat_n(r, r.0.rem_euclid(*k) as usize)).collect(),
        Op::LookUp(keys) => rows.into_iter().map(|(n, t, w)| (looked_up(n, *keys), t, w)).collect(),
        Op::Window(seconds) => {
            let fixed = FixedWindows::of(Duration::seconds(*seconds));
            rows.into_iter().map(|(n, t, _)| (n, t, fixed.assign(t))).collect()
        }
        Op::WithItself => rows.iter().chain(&rows).copied().collect(),
        Op::Deduplicate => {
            let mut seen = BTreeSet::new();
            rows.into_iter().filter(|(n, ..)| seen.insert(*n)).collect()
        }
        Op::SumPerKey(keys) => per_key(*keys, |ns| ns.iter().sum()),
        Op::GroupAndCount(keys) => per_key(*keys, |ns| ns.len() as i64),
    }
}

/// The table of `LookUp` has the even ones of its keys.
fn looked_up(n: i64, keys: i64) -> i64 {
    let key = n.rem_euclid(keys);
    if key % 2 == 0 { n + key * 1_000 } else { n }
}

fn engine(op: &Op, at: usize, input: &PCollection<i64>) -> PCollection<i64> {
    let name = |what: &str| format!("{what}{at}");
    match op.clone() {
        Op::Add(k) => input.map(&name("Add"), move |n| n + k),
        Op::KeepIfDivisible(by) => input.filter(&name("Keep"), move |n| n % by == 0),
        Op::Repeat(k) => input.flat_map(&name("Repeat"), move |n| std::iter::repeat_n(n, n.rem_euclid(k) as usize)),
        Op::LookUp(keys) => {
            let table = (0..keys).step_by(2).map(|k| (k, k * 1_000));
            let table = input.pipeline().create(&name("Table"), table.collect::<Vec<_>>()).as_map_view(&name("View"));
            input.map_with_side_input(&name("LookUp"), &table, move |n, table| {
                n + table.get(&n.rem_euclid(keys)).copied().unwrap_or(0)
            })
        }
        Op::Window(seconds) => input.window(&name("Window"), FixedWindows::of(Duration::seconds(seconds))),
        Op::WithItself => input.flatten(&name("Twice"), std::slice::from_ref(input)),
        Op::Deduplicate => input.deduplicate(&name("Once"), Duration::days(30_000), |n| *n),
        Op::SumPerKey(keys) => {
            let sums = input.key_by(&name("Key"), move |n| n.rem_euclid(keys)).sum(&name("Sum"), |n| *n);
            sums.map(&name("Value"), move |(k, sum)| sum * keys + k)
        }
        Op::GroupAndCount(keys) => {
            let groups = input.key_by(&name("Key"), move |n| n.rem_euclid(keys)).group_by_key(&name("Group"));
            groups.map(&name("Size"), move |(k, ns)| ns.len() as i64 * keys + k)
        }
    }
}

/// Steps in an order that has one meaning: what is deduplicated must be alike in all but its place.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let stateless = || {
        prop_oneof![
            (-5i64..5).prop_map(Op::Add),
            (1i64..4).prop_map(Op::KeepIfDivisible),
            (2i64..4).prop_map(Op::Repeat),
            Just(Op::WithItself),
        ]
    };
    let mixed = prop_oneof![
        3 => stateless(),
        1 => (1i64..20).prop_map(Op::LookUp),
        2 => (1i64..100).prop_map(Op::Window),
        1 => (1i64..20).prop_map(Op::SumPerKey),
        1 => (1i64..20).prop_map(Op::GroupAndCount),
    ];
    (prop::collection::vec(stateless(), 0..3), any::<bool>(), prop::collection::vec(mixed, 0..6)).prop_map(
        |(mut ops, once, rest)| {
            ops.extend(once.then_some(Op::Deduplicate));
            ops.extend(rest);
            ops
        },
    )
}

fn ways() -> impl Strategy<Value = Way> {
    (1u16..5, prop::option::of(1u64..6), prop::option::of(any::<u64>()))
        .prop_map(|(threads, restart_every, seed)| Way { threads, restart_every, seed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_model(
        numbers in prop::collection::vec(-200i64..200, 0..60),
        copies in 1usize..60,
        ops in ops(),
        way in ways(),
    ) {
        // A number stands for its time, so that equal ones are alike.
        let numbers: Vec<i64> = numbers.iter().copied().cycle().take(numbers.len() * copies).collect();
        let timed = |n: i64| (n, Timestamp::from_seconds(n * 7));
        let mut rows: Vec<Row> = numbers.iter().map(|n| (*n, timed(*n).1, Window::GLOBAL)).collect();
        let p = Pipeline::new("random");
        let mut collection = p.create_timestamped("Numbers", numbers.iter().map(|n| timed(*n)));
        for (at, op) in ops.iter().enumerate() {
            if rows.len() > 20_000 {
                break;
            }
            rows = model(op, rows);
            collection = engine(op, at, &collection);
        }
        let out = collection.collect("Out");
        let metrics = way.run(&p).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut found: Vec<Row> = out.elements().iter().map(|e| (e.value, e.timestamp, e.window())).collect();
        found.sort_unstable();
        rows.sort_unstable();
        prop_assert_eq!(found, rows);
        prop_assert_eq!(metrics.sum("dropped_late"), 0);
    }
}
