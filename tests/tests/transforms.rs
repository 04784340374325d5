//! What each transform does, in every way of running it.

#![allow(clippy::unwrap_used)]

use dataflow_core::{BoxError, DoFn, Element, Output, Outputs, PCollection, PTransform, TaggedDoFn};
use dataflow_exec::combiners::{Count, Sum};
use dataflow_exec::transforms::*;
use dataflow_tests::in_every_way;
use dataflow_windows::{Duration, FixedWindows, Timestamp, Window};

const N: u64 = 20_000;

fn seconds(s: u64) -> Timestamp {
    Timestamp::from_seconds(s as i64)
}

#[test]
fn map_filter_and_flat_map_see_each_element_once() {
    in_every_way(
        |p| {
            let numbers = p.create("Numbers", 0..N);
            let odd = numbers.map("Triple", |n| n * 3).filter("Odd", |n| n % 2 == 1).update("Less", |n| *n -= 1);
            odd.flat_map("Twice", |n| [n, n])
                .map_ref("Copy", |n| *n)
                .filter_map_ref("Some", |n| Some(*n))
                .collect("Out")
        },
        |out, metrics, way| {
            let expected: Vec<u64> =
                (0..N).map(|n| n * 3).filter(|n| n % 2 == 1).flat_map(|n| [n - 1, n - 1]).collect();
            assert_eq!(out.sorted(), expected, "{way:?}");
            assert_eq!(metrics.get("Odd", "elements_in"), N);
            assert_eq!(metrics.get("Odd", "elements_out"), N / 2);
        },
    );
}

#[test]
fn try_map_gives_good_ones_and_dead_letters() {
    in_every_way(
        |p| {
            let texts =
                p.create_timestamped("Texts", (0..1000u64).map(|n| (format!("{}", n as i64 - 500), seconds(n))));
            let (good, dead) = texts.try_map("Parse", |t: &String| t.parse::<u32>());
            (good.collect("Good"), dead.collect("Dead"))
        },
        |(good, dead), _, way| {
            assert_eq!(good.sorted(), (0..500).collect::<Vec<u32>>(), "{way:?}");
            let mut dead = dead.values();
            dead.sort_by_key(|d| d.timestamp);
            assert_eq!(dead.len(), 500);
            assert_eq!(dead[3].element, "-497");
            assert_eq!(dead[3].error, "invalid digit found in string");
            assert_eq!(dead[3].timestamp, seconds(3));
        },
    );
}

/// Numbers that come in bundles; the sum of each bundle is emitted at its end.
#[derive(Clone, Default)]
struct BundleSums {
    set_up: bool,
    sum: Option<u64>,
}

impl DoFn for BundleSums {
    type In = u64;
    type Out = u64;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.set_up = true;
        Ok(())
    }
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        assert!(self.set_up && self.sum.is_none());
        self.sum = Some(0);
        Ok(())
    }
    fn process(&mut self, n: Element<u64>, _: &mut Output<'_, u64>) -> Result<(), BoxError> {
        *self.sum.as_mut().ok_or("no bundle")? += n.value;
        Ok(())
    }
    fn finish_bundle(&mut self, out: &mut Output<'_, u64>) -> Result<(), BoxError> {
        out.emit_at(self.sum.take().ok_or("no bundle")?, seconds(7), Window::GLOBAL);
        Ok(())
    }
}

#[test]
fn a_do_fn_lives_through_its_bundles_and_loses_nothing_at_a_restart() {
    in_every_way(
        |p| p.create("Numbers", 0..N).par_do("Sums", BundleSums::default()).collect("Out"),
        |out, _, way| {
            assert_eq!(out.values().iter().sum::<u64>(), (0..N).sum::<u64>(), "{way:?}");
            assert!(out.elements().iter().all(|e| e.timestamp == seconds(7)));
        },
    );
}

#[derive(Clone)]
struct Sort;

impl TaggedDoFn for Sort {
    type In = u64;
    type Out = (u64, String, bool);
    const TAGS: &'static [&'static str] = &["even", "odd", "large"];

    fn process(&mut self, n: Element<u64>, out: Outputs<'_, Self::Out>) -> Result<(), BoxError> {
        let (mut even, mut odd, mut large) = out;
        if n.value.is_multiple_of(2) {
            even.emit(n.value)
        } else {
            odd.emit(n.value.to_string())
        }
        if n.value > 990 {
            large.emit_at(true, n.timestamp + Duration::seconds(1), n.window());
        }
        Ok(())
    }
}

#[test]
fn tagged_outputs_are_typed_and_keep_their_times() {
    in_every_way(
        |p| {
            let numbers = p.create_timestamped("Numbers", (0..1000).map(|n| (n, seconds(n))));
            let (even, odd, large) = numbers.par_do_tagged("Sort", Sort);
            (even.collect("Even"), odd.collect("Odd"), large.collect("Large"))
        },
        |(even, odd, large), _, _| {
            assert_eq!(even.sorted(), (0..1000).step_by(2).collect::<Vec<u64>>());
            assert_eq!(odd.values().len(), 500);
            let mut times: Vec<_> = large.elements().iter().map(|e| e.timestamp).collect();
            times.sort();
            assert_eq!(times, (992..=1000).map(seconds).collect::<Vec<_>>());
        },
    );
}

#[test]
fn windows_close_with_the_end_of_bounded_input_and_nothing_is_late() {
    in_every_way(
        |p| {
            // In no order of time at all: each split holds the watermark until it is read.
            let numbers = p.create_timestamped("Numbers", (0..N).map(|n| (n, seconds(n * 7919 % 3600))));
            let minutely = numbers.window("Minutely", FixedWindows::of(Duration::minutes(1)));
            minutely.key_by("Third", |n| n % 3).count("Count").collect("Out")
        },
        |out, metrics, way| {
            let mut expected = std::collections::BTreeMap::new();
            for n in 0..N {
                *expected.entry((n * 7919 % 3600 / 60, n % 3)).or_insert(0u64) += 1;
            }
            let found: std::collections::BTreeMap<_, _> = out
                .elements()
                .iter()
                .map(|e| {
                    assert_eq!(e.timestamp, e.window().max_timestamp());
                    ((e.window().start().as_micros() as u64 / 60_000_000, e.value.0), e.value.1)
                })
                .collect();
            assert_eq!(found, expected, "{way:?}");
            assert_eq!(out.values().len(), expected.len(), "{way:?}: no window twice");
            assert_eq!(metrics.sum("dropped_late"), 0);
        },
    );
}

#[test]
fn grouping_gathers_all_values_of_a_key() {
    in_every_way(
        |p| {
            let groups = p.create("Numbers", 0..N).key_by("Rest", |n| (n % 100).to_string()).group_by_key("Group");
            let pairs = p.create("Pairs", (0..N).map(|n| (n % 10, n)));
            (groups.collect("Out"), pairs.combine_per_key("Sum", Sum::of(|n: &u64| *n)).collect("Sums"))
        },
        |(groups, sums), _, way| {
            let groups = groups.values();
            assert_eq!(groups.len(), 100, "{way:?}");
            for (key, mut values) in groups {
                values.sort_unstable();
                assert_eq!(values, (0..N).filter(|n| (n % 100).to_string() == key).collect::<Vec<_>>());
            }
            let expected: Vec<(u64, u64)> = (0..10).map(|k| (k, (0..N).filter(|n| n % 10 == k).sum())).collect();
            assert_eq!(sums.sorted(), expected, "{way:?}");
        },
    );
}

#[test]
fn min_max_mean_and_top_of_each_key() {
    in_every_way(
        |p| {
            let keyed = p.create("Numbers", 0..1000i64).key_by("Parity", |n| n % 2);
            let min = keyed.min("Min", |n| *n).collect("Mins");
            let max = keyed.max("Max", |n| *n).collect("Maxs");
            let mean = keyed.mean("Mean", |n| *n as f64).collect("Means");
            (min, max, mean, keyed.top("Top", 2, |n| *n).collect("Tops"))
        },
        |(min, max, mean, top), _, way| {
            assert_eq!(min.sorted(), [(0, 0), (1, 1)], "{way:?}");
            assert_eq!(max.sorted(), [(0, 998), (1, 999)]);
            let mut mean = mean.values();
            mean.sort_by(f64_pairs);
            assert_eq!(mean, [(0, 499.0), (1, 500.0)]);
            assert_eq!(top.sorted(), [(0, vec![998, 996]), (1, vec![999, 997])]);
        },
    );
}

fn f64_pairs(a: &(i64, f64), b: &(i64, f64)) -> std::cmp::Ordering {
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

#[test]
fn combining_globally_gives_one_value_a_window_and_one_of_nothing() {
    in_every_way(
        |p| {
            let total = p.create("Numbers", 0..N).combine_globally("Total", Sum::of(|n: &u64| *n)).collect("Totals");
            let nothing =
                p.create("Nothing", Vec::<u64>::new()).combine_globally("None", Count::new()).collect("Nones");
            let numbers = p.create_timestamped("Timed", (0..100).map(|n| (n, seconds(n))));
            let windowed = numbers.window("Tens", FixedWindows::of(Duration::seconds(10)));
            (total, nothing, windowed.combine_globally("Ten", Count::new()).collect("Counts"))
        },
        |(total, nothing, windowed), metrics, way| {
            assert_eq!(total.values(), [(0..N).sum::<u64>()], "{way:?}");
            assert_eq!(nothing.values(), [0], "{way:?}");
            assert_eq!(windowed.values(), [10; 10], "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}

#[test]
fn flatten_takes_all_and_waits_for_all() {
    in_every_way(
        |p| {
            let a = p.create("A", 0..N);
            let b = p.create("B", N..2 * N);
            // One input comes over an exchange, the other does not.
            let summed = a.key_by("Key", |n| *n).count("Once").map("Key", |(n, _)| n);
            summed.flatten("All", &[b, a]).key_by("Half", |n| n / N).count("Count").collect("Out")
        },
        |out, _, way| assert_eq!(out.sorted(), [(0, 2 * N), (1, N)], "{way:?}"),
    );
}

#[test]
fn each_id_passes_once_within_its_time_to_live() {
    in_every_way(
        |p| {
            let ids = (0..N).map(|n| (n % 5_000, seconds(n)));
            let short = (0..40u64).map(|n| (7u64, seconds(n)));
            let once = p.create_timestamped("Ids", ids).deduplicate("Once", Duration::days(7), |n| *n);
            let again = p.create_timestamped("Same", short).deduplicate("Again", Duration::seconds(10), |n| *n);
            (once.collect("Out"), again.collect("Agains"))
        },
        |(once, again), metrics, way| {
            assert_eq!(once.sorted(), (0..5_000).collect::<Vec<_>>(), "{way:?}");
            assert_eq!(metrics.get("Once", "duplicates"), N - 5_000, "{way:?}");
            let mut times: Vec<_> = again.elements().iter().map(|e| e.timestamp).collect();
            times.sort();
            assert_eq!(times, [0, 10, 20, 30].map(seconds), "{way:?}");
        },
    );
}

#[test]
fn elements_wait_for_their_side_input() {
    in_every_way(
        |p| {
            let names = p.create("Names", (0..3000u64).map(|n| (n, format!("name {n}"))));
            // The table itself takes a while: it comes over an exchange.
            let names = names.key_by("Number", |n| n.0).max("Last", |n| n.1.clone()).as_map_view("NameOf");
            let numbers = p.create_timestamped("Numbers", (0..N).map(|n| (n, seconds(n))));
            let named = numbers.map_with_side_input("Name", &names, |n, names| (*n, names.get(n).cloned()));
            let minutely = named.window("Minutely", FixedWindows::of(Duration::minutes(1)));
            minutely.key_by("Known", |n| n.1.is_some()).count("Count").collect("Out")
        },
        |out, metrics, way| {
            let known = |k: bool| out.values().iter().filter(|c| c.0 == k).map(|c| c.1).sum::<u64>();
            assert_eq!((known(true), known(false)), (3000, N - 3000), "{way:?}");
            assert_eq!(out.values().len(), N.div_ceil(60) as usize, "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}

struct Evens;

impl PTransform<PCollection<u64>> for Evens {
    type Out = PCollection<u64>;

    fn expand(self, input: PCollection<u64>) -> PCollection<u64> {
        input.filter("Even", |n| n % 2 == 0).map("Halve", |n| n / 2)
    }
}

#[test]
fn composites_give_their_steps_a_path() {
    in_every_way(
        |p| {
            let once = p.create("Numbers", 0..N).apply("Once", Evens);
            once.apply("Twice", Evens).collect("Out")
        },
        |out, metrics, _| {
            assert_eq!(out.sorted(), (0..N / 4).collect::<Vec<_>>());
            assert_eq!(metrics.get("Twice/Halve", "elements_out"), N / 4);
        },
    );
}
