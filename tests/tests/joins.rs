//! Collections that are brought together by key, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::{Pipeline, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, cases, in_every_way};
use dataflow_windows::WindowingStrategy;
use dataflow_windows::{AfterCount, Duration, FixedWindows, GlobalWindows, Repeatedly, Timestamp, Window};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

#[test]
fn all_values_of_a_key_come_together() {
    in_every_way(
        |p| {
            let squares = p.create("Squares", (0..3000i64).map(|n| (n % 1000, n * n)));
            let names = p
                .create("Names", (500..1500i64).map(|n| n.to_string()))
                .key_by("Number", |n| n.parse::<i64>().unwrap_or(0));
            let odd = p.create("Odd", (1..1000i64).step_by(2).map(|n| (n, ())));
            let three = squares.co_group_by_key_3("Three", &names, &odd).collect("Threes");
            (squares.co_group_by_key("Two", &names).collect("Out"), three)
        },
        |(two, three), _, way| {
            let expected = |k: i64| {
                let squares = if k < 1000 { [k, k + 1000, k + 2000].map(|n| n * n).to_vec() } else { vec![] };
                let names = if k >= 500 { vec![k.to_string()] } else { vec![] };
                (squares, names, vec![(); (k % 2 == 1 && k < 1000) as usize])
            };
            let mut two = two.values();
            two.iter_mut().for_each(|(_, (squares, _))| squares.sort_unstable());
            two.sort();
            let all = |k| (k, (expected(k).0, expected(k).1));
            assert_eq!(two, (0..1500).map(all).collect::<Vec<_>>(), "{way:?}");
            let mut three = three.values();
            three.iter_mut().for_each(|(_, (squares, ..))| squares.sort_unstable());
            three.sort();
            assert_eq!(three, (0..1500).map(|k| (k, expected(k))).collect::<Vec<_>>(), "{way:?}");
        },
    );
}

#[test]
fn inputs_windowed_differently_are_refused() {
    let p = Pipeline::new("test");
    let left = p.create("Left", [(1, 'a')]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    left.join("Join", &p.create("Right", [(1, 'b')])).collect("Out");
    let message = p.check().unwrap_err().to_string();
    let expected = "step \"Join.values.union\": its inputs are windowed differently (fixed windows of 1m; global \
                    window): window them alike first";
    assert_eq!(message, expected);
}

#[test]
fn each_pane_is_joined_by_itself() {
    for way in WAYS {
        let (mut left, mut right) = (TestStream::new(), TestStream::new());
        left.add(("k".to_owned(), 1), seconds(1));
        right.add(("k".to_owned(), 10), seconds(2));
        left.add(("k".to_owned(), 2), seconds(3));
        for accumulating in [false, true] {
            let each = WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(AfterCount::at_least(1)));
            let each = if accumulating { each.accumulating() } else { each.discarding() };
            let p = Pipeline::new("test");
            let left = p.test_stream("Left", &left).window("LeftWindow", each.clone());
            let right = p.test_stream("Right", &right).window("RightWindow", each);
            let out = left.full_join("Join", &right).map("Values", |(_, values)| values).collect("Out");
            way.run(&p).unwrap();
            let expected = match accumulating {
                false => vec![(None, Some(10)), (Some(1), None), (Some(2), None)],
                // The third pane comes again when the window ends.
                true => [vec![(Some(1), None)], vec![(Some(1), Some(10)); 3], vec![(Some(2), Some(10)); 2]].concat(),
            };
            assert_eq!(out.sorted(), expected, "{way:?}, accumulating: {accumulating}");
        }
    }
}

type Rows = Vec<(u8, i64)>;

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::vec((0u8..5, 0i64..60), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(100), ..ProptestConfig::default() })]

    #[test]
    fn random_joins_agree_with_the_model(
        left in rows(), right in rows(), size in 1i64..60, threads in 1u16..4, restart_every in prop::option::of(1u64..6),
    ) {
        let fixed = FixedWindows::of(Duration::seconds(size));
        let p = Pipeline::new("random");
        let input = |name: &str, rows: &Rows| {
            let timed: Vec<_> = rows.iter().map(|row| (*row, seconds(row.1))).collect();
            p.create_timestamped(name, timed).window(&format!("{name}Windows"), fixed)
        };
        let (a, b) = (input("A", &left), input("B", &right));
        let inner = a.join("Inner", &b).collect("InnerOut");
        let outer = a.left_join("Outer", &b).collect("OuterOut");
        let full = a.full_join("Full", &b).collect("FullOut");
        Way { threads, restart_every, seed: None }.run(&p).map_err(|e| TestCaseError::fail(e.to_string()))?;

        let mut groups: BTreeMap<(u8, Window), [Vec<i64>; 2]> = BTreeMap::new();
        for (side, rows) in [&left, &right].into_iter().enumerate() {
            for (key, n) in rows {
                groups.entry((*key, fixed.assign(seconds(*n)))).or_default()[side].push(*n);
            }
        }
        let or_none = |ns: &[i64]| if ns.is_empty() { vec![None] } else { ns.iter().copied().map(Some).collect() };
        let mut expected = vec![];
        for ((key, _), [a, b]) in &groups {
            for a in or_none(a) {
                expected.extend(or_none(b).into_iter().map(|b| (*key, (a, b))));
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(full.sorted(), expected.clone());
        let outer_expected: Vec<_> = expected.iter().filter_map(|(k, (a, b))| Some((*k, ((*a)?, *b)))).collect();
        prop_assert_eq!(outer.sorted(), outer_expected.clone());
        let inner_expected: Vec<_> = outer_expected.iter().filter_map(|(k, (a, b))| Some((*k, (*a, (*b)?)))).collect();
        prop_assert_eq!(inner.sorted(), inner_expected);
    }
}
