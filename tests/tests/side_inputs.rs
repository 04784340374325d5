//! Side inputs, window by window, in every way of running them.

#![allow(clippy::unwrap_used)]

use dataflow_core::{BoxError, Element, Output, Pipeline, PipelineOptions, SideInputDoFn, TestStream};
use dataflow_exec::combiners::Sum;
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, cases, in_every_way};
use dataflow_windows::{
    AfterCount, AfterWatermark, Duration, FixedWindows, GlobalWindows, Repeatedly, SlidingWindows, Timestamp, Window,
    WindowFn, WindowingStrategy,
};
use proptest::prelude::*;
use runner_direct::DirectRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

fn fixed(s: i64) -> FixedWindows {
    FixedWindows::of(Duration::seconds(s))
}

fn sorted<T: Ord + Clone>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort();
    values
}

fn failure(build: impl FnOnce(&Pipeline)) -> String {
    let p = Pipeline::new("test");
    build(&p);
    Way::on(2).run(&p).unwrap_err().to_string()
}

#[test]
fn each_window_reads_its_own_content() {
    in_every_way(
        |p| {
            // The side is cut into larger windows, and has nothing for one of them.
            let side = p.create_timestamped("Side", (0..60).filter(|n| n / 20 != 1).map(|n| (n, seconds(n))));
            let side = side.window("Twenties", fixed(20)).as_iterable_view("All");
            let main = p.create_timestamped("Main", (0..6000).map(|n| (n, seconds(n % 60)))).window("Tens", fixed(10));
            let look = |n: &i64, side: &Vec<i64>| (*n, sorted(side));
            main.map_with_side_input("Look", &side, look).collect("Out")
        },
        |out, metrics, way| {
            let mut seen = vec![];
            for e in out.elements() {
                let (n, side) = &e.value;
                let expected: Vec<i64> = (0..60).filter(|m| m / 20 != 1 && m / 20 == n % 60 / 20).collect();
                assert_eq!(*side, expected, "{n} in {way:?}");
                assert_eq!((e.timestamp, e.window()), (seconds(n % 60), fixed(10).assign(seconds(n % 60))));
                seen.push(*n);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..6000).collect::<Vec<_>>(), "{way:?}: none lost, none twice");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}

#[test]
fn a_global_side_input_serves_all_windows_of_an_element() {
    in_every_way(
        |p| {
            let total =
                p.create("Side", 1..=100).combine_globally("Sum", Sum::of(|n: &i64| *n)).as_singleton_view("Total");
            let main = p.create_timestamped("Main", (0..500).map(|n| (n, seconds(n))));
            let main = main.window("Sliding", SlidingWindows::of(Duration::seconds(20)).every(Duration::seconds(10)));
            main.map_with_side_input("Look", &total, |n, total| n + total).collect("Out")
        },
        |out, _, way| {
            assert_eq!(out.sorted(), (0..1000).map(|n| n / 2 + 5050).collect::<Vec<_>>(), "{way:?}");
            let sliding = SlidingWindows::of(Duration::seconds(20)).every(Duration::seconds(10));
            for n in [0, 77, 499] {
                let of_n = |e: &Element<i64>| (e.timestamp == seconds(n)).then(|| e.window());
                let windows: Vec<Window> = out.elements().iter().filter_map(of_n).collect();
                assert_eq!(sorted(&windows), sliding.assign(seconds(n)).collect::<Vec<_>>(), "{way:?}");
            }
        },
    );
}

#[test]
fn a_window_without_a_value_has_the_default() {
    in_every_way(
        |p| {
            let side = p.create_timestamped("Side", [(7, seconds(5))]).window("SideTens", fixed(10));
            let side = side.as_singleton_view_or("Seven", -1);
            let main = p.create_timestamped("Main", (0..30).map(|n| (n, seconds(n)))).window("Tens", fixed(10));
            main.map_with_side_input("Look", &side, |n, side| (*n, *side)).collect("Out")
        },
        |out, _, way| {
            let expected: Vec<_> = (0..30).map(|n| (n, if n < 10 { 7 } else { -1 })).collect();
            assert_eq!(out.sorted(), expected, "{way:?}");
        },
    );
}

#[test]
fn a_multimap_has_all_values_of_a_key() {
    in_every_way(
        |p| {
            let side = p.create("Side", (0..1000i64).map(|n| (n % 7, n))).as_multimap_view("ByRest");
            let main = p.create("Main", 0..8i64);
            let values = |n: i64, side: &SideMultimap<i64, i64>| side.get(&n).to_vec();
            (main.flat_map_with_side_input("Values", &side, values).collect("Out"), main.collect("Main out"))
        },
        |(out, _), _, way| assert_eq!(out.sorted(), (0..1000).collect::<Vec<_>>(), "{way:?}"),
    );
}

/// Emits the content once per element and window, and how many elements there were at the end of a bundle.
#[derive(Clone, Default)]
struct Windowed {
    in_bundle: Option<i64>,
}

impl SideInputDoFn for Windowed {
    type In = i64;
    type Side = Vec<i64>;
    type Out = (i64, i64, i64);

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        assert!(self.in_bundle.replace(0).is_none(), "the bundle before has ended");
        Ok(())
    }
    fn process(&mut self, n: Element<i64>, side: &Vec<i64>, out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
        *self.in_bundle.as_mut().ok_or("no bundle")? += 1;
        out.emit((n.value, n.window().start().as_micros() / 1_000_000, side.iter().sum()));
        Ok(())
    }
    fn finish_bundle(&mut self, out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
        let count = self.in_bundle.take().ok_or("no bundle")?;
        out.emit_at((-1, -1, count), Timestamp::from_seconds(10_000), Window::GLOBAL);
        Ok(())
    }
}

#[test]
fn a_do_fn_sees_an_element_in_each_window_with_the_content_of_that_window() {
    in_every_way(
        |p| {
            let side = p.create_timestamped("Side", (0..100).map(|n| (n, seconds(n)))).window("SideTens", fixed(10));
            let main = p.create_timestamped("Main", (0..100).map(|n| (n, seconds(n))));
            let sliding = SlidingWindows::of(Duration::seconds(20)).every(Duration::seconds(10));
            let main = main.window("Sliding", sliding);
            main.par_do_with_side_input("Do", &side.as_iterable_view("Tens"), Windowed::default()).collect("Out")
        },
        |out, _, way| {
            let (counts, found): (Vec<_>, Vec<_>) = out.sorted().into_iter().partition(|row| row.0 == -1);
            let mut expected = vec![];
            for n in 0..100i64 {
                for start in [n / 10 * 10 - 10, n / 10 * 10] {
                    // The window [start, start + 20) ends in the second of its tens.
                    let sum = (start + 10..start + 20).filter(|m| *m < 100).sum();
                    expected.push((n, start, sum));
                }
            }
            assert_eq!(found, expected, "{way:?}");
            assert_eq!(counts.iter().map(|row| row.2).sum::<i64>(), 200, "{way:?}: bundles end");
        },
    );
}

#[test]
fn what_waits_holds_the_watermark() {
    in_every_way(
        |p| {
            let side =
                p.create_timestamped("Side", (0..3000).map(|n| (n % 5, seconds(n / 100)))).window("S", fixed(10));
            let side = side.key_by("Number", |n| *n).count("Count").as_map_view("Counts");
            let main = p.create_timestamped("Main", (0..3000).map(|n| (n % 5, seconds(n / 100)))).window("M", fixed(5));
            let known = main.map_with_side_input("Look", &side, |n, counts| (*n, counts.get(n).copied()));
            known.key_by("All", |row| row.1).count("Windowed").collect("Out")
        },
        |out, metrics, way| {
            assert_eq!(out.sorted(), vec![(Some(200), 500); 6], "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        },
    );
}

#[test]
fn two_values_where_one_is_to_be_are_an_error_that_names_the_view() {
    let message = failure(|p| {
        let side = p.create("Side", [(1, 2), (1, 3)]).as_map_view("Twice");
        p.create("Main", [1]).map_with_side_input("Look", &side, |n, _| *n).collect("Out");
    });
    assert!(message.contains("step \"Twice\"") && message.contains("has a key twice in a window"), "{message}");
    let message = failure(|p| {
        let side = p.create("Side", [1, 2]).as_singleton_view("Two");
        p.create("Main", [1]).map_with_side_input("Look", &side, |n, _| *n).collect("Out");
    });
    assert!(message.contains("step \"Two\"") && message.contains("has two values in a window"), "{message}");
    let message = failure(|p| {
        let side = p.create("Side", Vec::<i64>::new()).as_singleton_view("None");
        p.create("Main", [1]).map_with_side_input("Look", &side, |n, _| *n).collect("Out");
    });
    assert!(
        message.contains("step \"Look\"") && message.contains("\"None\" has no value in global window"),
        "{message}"
    );
}

#[test]
fn the_main_input_that_fails_is_named_with_its_element() {
    let message = failure(|p| {
        let side = p.create("Side", [0]).as_singleton_view("Zero");
        p.create("Main", [1, 2]).map_with_side_input("Divide", &side, |n, zero| n / zero).collect("Out");
    });
    assert!(message.contains("step \"Divide\"") && message.contains("divide by zero"), "{message}");
}

fn window_fns() -> impl Strategy<Value = WindowFn> {
    prop_oneof![
        (1i64..40).prop_map(|s| WindowFn::from(fixed(s))),
        (1i64..40, 0i64..40).prop_map(|(s, o)| WindowFn::from(fixed(s).offset(Duration::seconds(o)))),
        (1i64..30, 1i64..30).prop_map(|(size, period)| {
            WindowFn::from(SlidingWindows::of(Duration::seconds(size)).every(Duration::seconds(period)))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(200), ..ProptestConfig::default() })]

    #[test]
    fn random_windowed_lookups_agree_with_the_model(
        main in prop::collection::vec(0i64..100, 0..200),
        side in prop::collection::vec(0i64..100, 0..50),
        main_windows in window_fns(),
        side_windows in prop_oneof![4 => window_fns(), 1 => Just(WindowFn::Global)],
        threads in 1u16..5,
        restart_every in prop::option::of(1u64..6),
    ) {
        let p = Pipeline::new("random");
        let timed = |ns: &[i64]| ns.iter().map(|n| (*n, seconds(*n))).collect::<Vec<_>>();
        let view = p.create_timestamped("Side", timed(&side)).window("SideWindows", side_windows.clone());
        let view = view.as_iterable_view("View");
        let found = p.create_timestamped("Main", timed(&main)).window("MainWindows", main_windows.clone());
        let found = found.map_with_side_input("Look", &view, |n, side| (*n, sorted(side))).collect("Out");
        Way { threads, restart_every, seed: None }.run(&p).map_err(|e| TestCaseError::fail(e.to_string()))?;

        let mut expected = vec![];
        for n in &main {
            for w in main_windows.windows(seconds(*n)) {
                let belongs = side_windows.windows(w.max_timestamp()).into_iter().min();
                let mut content: Vec<i64> = side.clone();
                content.retain(|m| belongs.is_some_and(|s| s.contains(seconds(*m))));
                content.sort_unstable();
                expected.push((*n, content, w));
            }
        }
        let mut found: Vec<_> = found.elements().into_iter().map(|e| (e.value.0, e.value.1.clone(), e.window())).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}

/// The ways, and a restart after every event on several threads.
fn ways() -> impl Iterator<Item = Way> {
    WAYS.into_iter().chain([Way::on(3).restart_every(1)])
}

#[test]
fn an_element_waits_for_its_window_and_others_go_ahead() {
    for way in ways() {
        let (mut main, mut side) = (TestStream::new(), TestStream::new());
        side.add(12, seconds(12)).advance_watermark_to(seconds(5)).add(5, seconds(5));
        main.add(8, seconds(8)).add(15, seconds(15));
        side.add(25, seconds(25));
        // The main input is far ahead, but what waits is not late where it is counted.
        main.advance_watermark_to(seconds(100));
        side.advance_watermark_to(seconds(10)).advance_watermark_to(seconds(100));
        let p = Pipeline::new("test");
        let view = p.test_stream("Side", &side).window("SideTens", fixed(10)).as_iterable_view("View");
        let main = p.test_stream("Main", &main).window("MainTens", fixed(10));
        let looked = main.map_with_side_input("Look", &view, |n, side| (*n, sorted(side)));
        let counts = looked.key_by("Content", |row| row.1.clone()).count("Count").collect("Counts");
        let out = looked.collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(8, vec![5]), (15, vec![12])], "{way:?}");
        let times: Vec<Timestamp> = sorted(&out.elements().iter().map(|e| e.timestamp).collect::<Vec<_>>());
        assert_eq!(times, [8, 15].map(seconds), "{way:?}");
        assert_eq!(counts.sorted(), [(vec![5], 1), (vec![12], 1)], "{way:?}");
        assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
    }
}

#[test]
fn an_element_whose_window_is_ready_passes_one_that_waits() {
    let (mut main, mut side) = (TestStream::new(), TestStream::new());
    side.add(12, seconds(12));
    main.add(8, seconds(8)).add(15, seconds(15));
    side.advance_watermark_to(seconds(10));
    let early = AfterWatermark::past_end_of_window().early(AfterCount::at_least(1));
    let p = Pipeline::new("test");
    let side = p.test_stream("Side", &side).window("Early", WindowingStrategy::of(fixed(10)).triggering(early));
    let main = p.test_stream("Main", &main).window("MainTens", fixed(10));
    let out = main.map_with_side_input("Look", &side.as_iterable_view("View"), |n, side| (*n, side.clone()));
    let out = out.collect("Out");
    Way::on(1).run(&p).unwrap();
    assert_eq!(out.values(), [(15, vec![12]), (8, vec![])]);
}

#[test]
fn a_late_update_replaces_the_value_also_of_accumulated_panes() {
    for way in ways() {
        for accumulating in [false, true] {
            let (mut main, mut side) = (TestStream::new(), TestStream::new());
            side.add(3, seconds(1)).add(4, seconds(2)).advance_watermark_to(seconds(10));
            main.add(0, seconds(3));
            side.add(5, seconds(4));
            main.add(1, seconds(5)).advance_watermark_to(seconds(20));
            side.advance_watermark_to(seconds(30)).add(100, seconds(5));
            main.add(2, seconds(6));
            let mut windows = WindowingStrategy::of(fixed(10)).allowed_lateness(Duration::seconds(20));
            windows = if accumulating { windows.accumulating() } else { windows };
            let p = Pipeline::new("test");
            let side = p.test_stream("Side", &side).window("SideTens", windows.clone());
            let sum = side.combine_globally("Sum", Sum::of(|n: &i64| *n)).as_singleton_view_or("Total", 0);
            let pairs = side.map("Pair", |n| ("sum".to_owned(), n)).sum("PairSum", |n| *n).as_map_view("Map");
            let main = p.test_stream("Main", &main).window("MainTens", windows);
            let both = main.map_with_side_input("Look", &sum, |n, sum| (*n, *sum));
            let both = both
                .map_with_side_input("LookUp", &pairs, |(n, sum), map| (*n, *sum, map.get(&"sum".to_owned()).copied()));
            let out = both.collect("Out");
            let metrics = way.run(&p).unwrap();
            let late = if accumulating { 12 } else { 5 };
            let expected = [(0, 7, Some(7)), (1, late, Some(late)), (2, late, Some(late))];
            assert_eq!(out.sorted(), expected, "{way:?}, accumulating: {accumulating}");
            assert_eq!(metrics.get("Look", "dropped_late"), 0, "{way:?}: the side is expired, the main input is not");
        }
    }
}

#[test]
fn what_comes_when_its_side_window_is_forgotten_is_dropped_and_counted() {
    for way in ways() {
        let (mut main, mut side) = (TestStream::new(), TestStream::new());
        side.add(7, seconds(1)).advance_watermark_to(seconds(10));
        main.add(0, seconds(2)).advance_watermark_to(seconds(14)).add(1, seconds(3)).advance_watermark_to(seconds(15));
        main.add(2, seconds(4));
        let p = Pipeline::new("test");
        let view = p.test_stream("Side", &side).window("SideTens", fixed(10)).as_iterable_view("View");
        let lateness = WindowingStrategy::of(fixed(5)).allowed_lateness(Duration::seconds(5));
        let main = p.test_stream("Main", &main).window("MainFives", lateness);
        let out = main.map_with_side_input("Look", &view, |n, side| (*n, side.clone())).collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(0, vec![7]), (1, vec![7])], "{way:?}");
        assert_eq!(metrics.get("Look", "dropped_late"), 1, "{way:?}");
    }
}

#[test]
fn the_latest_value_of_a_changing_side_input_is_seen() {
    for way in ways() {
        let (mut main, mut side) = (TestStream::new(), TestStream::new());
        main.add(0, seconds(0));
        side.add_elements([("rate", 1), ("rate", 2)].map(|row| (row, seconds(50))));
        main.add(1, seconds(1));
        side.add(("rate", 3), seconds(5)); // what came last counts, not what has the latest time
        // At its end there is a pane without elements, which changes nothing.
        side.advance_watermark_to_infinity();
        main.add(2, seconds(2)).advance_watermark_to(seconds(1_000)).add(3, seconds(2_000));
        let each = WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(AfterCount::at_least(1)));
        let p = Pipeline::new("test");
        let side = p.test_stream("Side", &side).map("Own", |(key, n)| (key.to_owned(), n)).window("Each", each);
        let map = side.as_map_view("Map");
        let single = side.map("Value", |(_, n)| n).as_singleton_view("Single");
        let main = p.test_stream("Main", &main).window("Tens", fixed(10));
        let looked = main.map_with_side_input("Look", &map, |n, map| (*n, map.get(&"rate".to_owned()).copied()));
        let out = looked.map_with_side_input("Again", &single, |(n, rate), single| (*n, *rate, *single)).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(0, Some(2), 2), (1, Some(2), 2), (2, Some(3), 3), (3, Some(3), 3)], "{way:?}");
    }
}

#[test]
fn a_table_is_not_read_any_more_when_its_input_has_ended() {
    for way in WAYS {
        let (mut ticks, mut other) = (TestStream::new(), TestStream::new());
        ticks
            .add(1u8, Timestamp::from_seconds(0))
            .advance_watermark_to_infinity()
            .advance_processing_time(Duration::minutes(2));
        (0..5).for_each(|n| _ = other.add(n, Timestamp::from_seconds(n)));
        let p = Pipeline::new("test");
        let read = p.test_stream("Ticks", &ticks).refresh_every("Read", Duration::minutes(1), |_| Ok(1)).collect("Out");
        p.test_stream("Other", &other).collect("Others");
        way.run(&p).unwrap();
        assert_eq!(read.values(), [1], "{way:?}");
    }
}

#[test]
fn a_table_is_read_anew_every_period() {
    for way in ways() {
        let mut main = TestStream::new();
        let mut seen = vec![];
        for n in 0..8i64 {
            main.add(n, seconds(n)).advance_processing_time(Duration::seconds(20));
            seen.push((n, n * 20 / 60)); // every third step of 20 s there is another one
        }
        let p = Pipeline::new("test");
        let main = p.test_stream("Main", &main);
        let minute = |now: Timestamp| Ok(vec![now.as_micros() / 60_000_000]);
        let view = main.refresh_every("Read", Duration::minutes(1), minute).as_singleton_view("Table");
        let out = main.map_with_side_input("Look", &view, |n, minute| (*n, minute[0])).collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(out.sorted(), seen, "{way:?}");
        assert_eq!(metrics.get("Read", "elements_out"), 3, "{way:?}: not again after a restart");
    }
}

#[test]
fn a_table_is_read_anew_by_the_clock_until_the_run_is_drained() {
    for threads in [1, 3] {
        let reads = Arc::new(AtomicU64::new(0));
        let counted = reads.clone();
        let p = Pipeline::new("test");
        let read = move |_| Ok(counted.fetch_add(1, Ordering::SeqCst));
        let table = p.refresh_every("Read", Duration::millis(5), read);
        let out = p.create("Main", 0..100).map_with_side_input("Look", &table.as_singleton_view("Table"), |n, _| *n);
        let (out, table) = (out.collect("Out"), table.collect("TableOut"));
        let options = PipelineOptions::default().with_threads(threads);
        let mut result = p.run_on(&DirectRunner::new().handle_signals(false), &options).unwrap();
        let start = Instant::now();
        while reads.load(Ordering::SeqCst) < 3 || out.values().len() < 100 {
            assert!(
                start.elapsed().as_secs() < 30,
                "{threads} threads: {} reads, {} elements",
                reads.load(Ordering::SeqCst),
                out.values().len()
            );
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        result.drain();
        result.wait_until_finish().unwrap();
        assert_eq!(out.sorted(), (0..100).collect::<Vec<_>>());
        assert_eq!(table.sorted(), (0..reads.load(Ordering::SeqCst)).collect::<Vec<_>>(), "one thread reads");
    }
}

#[test]
fn a_period_without_length_is_refused() {
    let p = Pipeline::new("test");
    p.refresh_every("Read", Duration::ZERO, |_| Ok(1)).collect("Out");
    let message = p.check().unwrap_err().to_string();
    assert_eq!(message, "step \"Read\": it cannot be read anew every 0s: give a period above 0");
}
