//! Windows of all kinds, triggers and late elements, on every runner in every way.

#![allow(clippy::unwrap_used)]

use dataflow_core::{BoxError, DoFn, Element, Output, Pipeline, TestStream};
use dataflow_exec::combiners::Sum;
use dataflow_exec::transforms::*;
use dataflow_tests::{Touching, WAYS, in_every_way};
use dataflow_windows::{
    AfterAll, AfterAny, AfterCount, AfterEach, AfterProcessingTime, AfterWatermark, CalendarWindows, CustomWindowFn,
    CustomWindows, Duration, FixedWindows, GlobalWindows, OnTimeBehavior, OrFinally, Repeatedly, Sessions,
    SlidingWindows, Timestamp, TimestampCombiner, Timing, Window, WindowFn, WindowingStrategy,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end))
}

/// The sums of elements (key, value, second) by key and window.
fn sums(windowing: impl Into<WindowingStrategy>, elements: &[(u8, i64, i64)]) -> Vec<(Window, u8, i64)> {
    let windowing = windowing.into();
    let first: std::cell::RefCell<Option<Vec<(Window, u8, i64)>>> = Default::default();
    in_every_way(
        |p| {
            let timed = elements.iter().map(|(key, value, t)| ((*key, *value), at(*t)));
            let elements = p.create_timestamped("Elements", timed.collect::<Vec<_>>());
            elements.window("Window", windowing.clone()).sum("Sum", |n| *n).collect("Out")
        },
        |out, _, way| {
            let mut found: Vec<_> = out.elements().iter().map(|e| (e.window(), e.value.0, e.value.1)).collect();
            found.sort_unstable();
            assert_eq!(*first.borrow_mut().get_or_insert_with(|| found.clone()), found, "{way:?}");
        },
    );
    first.into_inner().unwrap()
}

#[test]
fn an_element_is_in_all_sliding_windows_that_hold_it() {
    let found = sums(
        SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5)),
        &[(1, 1, -7), (1, 10, 2), (1, 100, 7), (2, 1, 5)],
    );
    let expected = [
        (window(-15, -5), 1, 1),
        (window(-10, 0), 1, 1),
        (window(-5, 5), 1, 10),
        (window(0, 10), 1, 110),
        (window(0, 10), 2, 1),
        (window(5, 15), 1, 100),
        (window(5, 15), 2, 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_element_may_be_in_thousands_of_sliding_windows() {
    let sliding = SlidingWindows::of(Duration::seconds(5_000)).every(Duration::seconds(1));
    // The elements of key 1 are together in 3,000 windows, and each is in 2,000 others.
    in_every_way(
        |p| {
            let elements = [(1u8, 1i64, 0), (1, 10, 2_000), (2, 100, 4_999)];
            let timed = elements.map(|(key, value, t)| ((key, value), at(t)));
            let windowed = p.create_timestamped("Elements", timed).window("Window", sliding);
            let (sums, maxima) = (windowed.sum("Sum", |n| *n), windowed.max("Max", |n| *n));
            let lists = windowed.group_by_key("List").map("Add", |(key, list)| (key, list.iter().sum::<i64>()));
            [sums.collect("Sums"), lists.collect("Lists"), maxima.collect("Maxima")]
        },
        |outs, _, way| {
            let both = [11, 11, 10];
            for (out, both) in outs.iter().zip(both) {
                let elements = out.elements();
                let windows = |key: u8, value: i64| elements.iter().filter(|e| e.value == (key, value)).count();
                let together = if both == 10 { 5_000 } else { 3_000 };
                assert_eq!((windows(1, 1), windows(1, both), windows(2, 100)), (2_000, together, 5_000), "{way:?}");
                let alone = if both == 10 { 0 } else { 2_000 };
                assert_eq!(elements.len(), 2_000 + together + 5_000 + alone, "{way:?}");
            }
        },
    );
}

#[test]
fn elements_between_sliding_windows_are_in_none() {
    let found = sums(SlidingWindows::of(Duration::seconds(2)).every(Duration::seconds(10)), &[(1, 1, 1), (1, 10, 5)]);
    assert_eq!(found, [(window(0, 2), 1, 1)]);
}

#[test]
fn early_results_by_count_come_of_the_elements_of_all_bundles() {
    let early = AfterWatermark::past_end_of_window().early(AfterCount::at_least(4));
    let mut stream = TestStream::new();
    for second in 0..11 {
        stream.add((1u8, 1i64), at(second)); // each is a bundle
    }
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))).triggering(early);
    for way in WAYS {
        let p = Pipeline::new("test");
        let sums = p.test_stream("Ones", &stream).window("Window", windowing.clone()).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        let found: Vec<_> = sums.elements().iter().map(|e| (e.value.1, e.pane.timing)).collect();
        assert_eq!(found, [(4, Timing::Early), (4, Timing::Early), (3, Timing::OnTime)], "{way:?}");
    }
}

/// Passes elements on, each in one window.
#[derive(Clone)]
struct Same;

impl DoFn for Same {
    type In = (u8, i64);
    type Out = (u8, i64);

    fn process(&mut self, e: Element<(u8, i64)>, out: &mut Output<'_, (u8, i64)>) -> Result<(), BoxError> {
        out.emit(e.value);
        Ok(())
    }
}

#[test]
fn elements_of_sliding_windows_may_also_come_with_one_window_each() {
    let sliding = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5));
    let elements = [(1u8, 1i64, 2), (1, 10, 7), (2, 100, 7), (1, 1_000, 21)];
    in_every_way(
        |p| {
            let timed = elements.map(|(key, value, t)| ((key, value), at(t)));
            let windowed = p.create_timestamped("Elements", timed).window("Window", sliding);
            // The results of a grouping are each in one window.
            let sums = windowed.sum("Sum", |n| *n);
            let again = sums.sum("Again", |n| *n).collect("Once");
            let both = windowed.flatten("Both", std::slice::from_ref(&sums)).sum("All", |n| *n).collect("Out");
            let each = windowed.par_do("One by one", Same).flatten("Mixed", &[windowed]).sum("Twice", |n| *n);
            (both, again, each.collect("Doubled"))
        },
        |(out, again, doubled), _, way| {
            let of = |out: &Collected<(u8, i64)>| {
                let mut found: Vec<_> = out.elements().iter().map(|e| (e.window(), e.value.0, e.value.1)).collect();
                found.sort_unstable();
                found
            };
            let once = [
                (window(-5, 5), 1, 1),
                (window(0, 10), 1, 11),
                (window(0, 10), 2, 100),
                (window(5, 15), 1, 10),
                (window(5, 15), 2, 100),
                (window(15, 25), 1, 1_000),
                (window(20, 30), 1, 1_000),
            ];
            assert_eq!(of(&again), once, "{way:?}");
            let twice = once.map(|(window, key, sum)| (window, key, 2 * sum));
            assert_eq!((&of(&out)[..], &of(&doubled)[..]), (&twice[..], &twice[..]), "{way:?}");
        },
    );
}

#[test]
fn sessions_of_a_key_grow_and_join_in_any_order() {
    let elements = [(1, 1, 0), (1, 10, 20), (2, 1, 12), (1, 100, 9), (1, 1_000, 15), (1, 10_000, 40)];
    let expected = [(window(12, 22), 2, 1), (window(0, 30), 1, 1_111), (window(40, 50), 1, 10_000)];
    assert_eq!(sums(Sessions::with_gap(Duration::seconds(10)), &elements), expected);
}

#[test]
fn a_session_ends_at_its_maximum_length() {
    let sessions = Sessions::with_gap(Duration::seconds(10)).max_length(Duration::seconds(25));
    let mut stream = TestStream::new();
    for t in [0, 8, 16, 24, 30] {
        stream.add((1u8, 1i64), at(t));
    }
    for way in WAYS {
        let p = Pipeline::new("test");
        let out = p.test_stream("Clicks", &stream).window("Sessions", sessions).count("Count").collect("Out");
        way.run(&p).unwrap();
        let mut found: Vec<_> = out.elements().iter().map(|e| (e.window(), e.value.1)).collect();
        found.sort_unstable();
        // At 16 it would be 26 seconds long.
        assert_eq!(found, [(window(0, 18), 2), (window(16, 40), 3)], "{way:?}");
    }
}

#[test]
fn where_a_session_of_maximum_length_is_cut_hangs_on_the_order_of_arrival() {
    let sessions = Sessions::with_gap(Duration::seconds(10)).max_length(Duration::seconds(20));
    let orders = [
        ([0, 8, 16], [(window(0, 18), 2), (window(16, 26), 1)]),
        ([16, 8, 0], [(window(0, 10), 1), (window(8, 26), 2)]),
    ];
    for (order, expected) in orders {
        for way in WAYS {
            let mut stream = TestStream::new();
            order.into_iter().for_each(|t| _ = stream.add((1u8, 1i64), at(t)));
            let p = Pipeline::new("test");
            let out = p.test_stream("Clicks", &stream).window("Sessions", sessions).count("Count").collect("Out");
            way.run(&p).unwrap();
            let mut found: Vec<_> = out.elements().iter().map(|e| (e.window(), e.value.1)).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{way:?}");
        }
    }
}

#[test]
fn days_of_a_time_zone_have_as_many_hours_as_they_have() {
    let berlin = CalendarWindows::days(1).in_time_zone("Europe/Berlin".parse().unwrap());
    // On 2026-03-29 an hour is missing, on 2026-10-25 there is one more.
    let hours = |day: i64, n: i64| (0..n).map(move |h| (1u8, 1i64, day + h * 3_600));
    let (spring, autumn) = (1_774_738_800, 1_792_879_200); // midnights in Berlin
    let elements: Vec<_> = hours(spring, 24).chain(hours(autumn, 25)).collect();
    let found = sums(berlin, &elements);
    let days: Vec<(i64, i64)> =
        found.iter().map(|(w, _, n)| ((w.end() - w.start()).as_micros() / 3_600_000_000, *n)).collect();
    assert_eq!(days, [(23, 23), (24, 1), (25, 25)]);
}

/// Each element is in the seconds before and after its own.
struct Neighbours;

impl CustomWindowFn for Neighbours {
    fn describe(&self) -> String {
        "three seconds".to_owned()
    }

    fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
        let second = FixedWindows::of(Duration::seconds(1)).assign(t);
        let around =
            |by: i64| Window::new(second.start() - Duration::seconds(by), second.end() + Duration::seconds(by));
        windows.extend([second, around(1)]);
    }
}

#[test]
fn window_functions_of_users_may_merge() {
    let found = sums(CustomWindows::new(Touching), &[(1, 1, 5), (1, 10, 25), (2, 1, 5), (1, 100, 15)]);
    assert_eq!(found, [(window(0, 10), 2, 1), (window(0, 30), 1, 111)]);
}

#[test]
fn window_functions_of_users_may_give_several_windows() {
    let found = sums(CustomWindows::new(Neighbours), &[(1, 1, 5), (1, 10, 5)]);
    assert_eq!(found, [(window(5, 6), 1, 11), (window(4, 7), 1, 11)]);
}

#[test]
fn a_window_that_does_not_hold_its_element_is_an_error() {
    struct Wrong;
    impl CustomWindowFn for Wrong {
        fn describe(&self) -> String {
            "yesterday".to_owned()
        }
        fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
            windows.push(Window::new(t - Duration::days(1), t));
        }
    }
    for way in WAYS {
        let p = Pipeline::new("test");
        let elements = p.create_timestamped("Elements", vec![((1, 1), at(0))]);
        elements.window("Window", CustomWindows::new(Wrong)).count("Count").collect("Out");
        let error = way.run(&p).unwrap_err().to_string();
        assert!(error.contains("step \"Window\""), "{error}");
        assert!(error.contains("the window function \"yesterday\" put an element of 1970-01-01T00:00:00Z"), "{error}");
    }
}

#[test]
fn windows_of_users_that_are_joined_to_one_that_does_not_hold_both_are_an_error() {
    /// Joins all windows of a key to this one.
    struct JoinedTo(fn(Window, Window) -> Window);
    impl CustomWindowFn for JoinedTo {
        fn describe(&self) -> String {
            "tens of seconds".to_owned()
        }
        fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
            windows.push(FixedWindows::of(Duration::seconds(10)).assign(t));
        }
        fn is_merging(&self) -> bool {
            true
        }
        fn join(&self, a: Window, b: Window) -> Option<Window> {
            Some(self.0(a, b))
        }
    }
    let joins: [fn(Window, Window) -> Window; 4] =
        [|a, _| a, |_, b| b, |_, _| window(100, 200), |a, b| Window::new(a.start().min(b.start()), at(0))];
    for join in joins {
        for way in WAYS {
            let mut stream = TestStream::new();
            stream.add((1u8, 1i64), at(5)).add((1, 1), at(25));
            let p = Pipeline::new("test");
            let windowed = p.test_stream("Elements", &stream).window("Tens", CustomWindows::new(JoinedTo(join)));
            windowed.count("Count").collect("Out");
            let error = way.run(&p).unwrap_err().to_string();
            assert!(error.contains("step \"Count\""), "{error}");
            let joint = join(window(0, 10), window(20, 30));
            let text = format!(
                "the window function \"tens of seconds\" joined {} and {} to {joint}, which does not hold both",
                window(0, 10),
                window(20, 30)
            );
            assert!(error.contains(&text), "{error}");
        }
    }
}

#[test]
fn a_window_of_users_that_is_given_twice_counts_once_and_without_one_an_element_goes_no_further() {
    /// The ten seconds and the minute of an element, some twice; nothing before 1970.
    struct Both;
    impl CustomWindowFn for Both {
        fn describe(&self) -> String {
            "tens of seconds and minutes".to_owned()
        }
        fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
            let of = |seconds| FixedWindows::of(Duration::seconds(seconds)).assign(t);
            if t >= at(0) {
                windows.extend([of(60), of(10), of(60), of(10), of(10)]);
            }
        }
    }
    let found = sums(CustomWindows::new(Both), &[(1, 1, 5), (1, 10, -5), (1, 100, 65)]);
    let expected = [(0, 10, 1), (0, 60, 1), (60, 70, 100), (60, 120, 100)];
    assert_eq!(found, expected.map(|(start, end, sum)| (window(start, end), 1, sum)));
}

/// Timestamps from the first to the last one that an element can have.
const ALL_OF_TIME: [Timestamp; 6] = [
    Timestamp::MIN,
    Timestamp::from_micros(Timestamp::MIN.as_micros() + 1),
    Timestamp::from_seconds(-1),
    Timestamp::from_seconds(0),
    Timestamp::from_micros(Timestamp::MAX.as_micros() - 1),
    Timestamp::MAX,
];

/// How many panes elements at all times get, each of a key of its own, and together.
fn panes_at_the_ends_of_time(windowing: impl Into<WindowingStrategy>) -> (Vec<(usize, u64)>, u64) {
    let windowing = windowing.into();
    let mut panes: Option<(Vec<(usize, u64)>, u64)> = None;
    for way in WAYS {
        let p = Pipeline::new("test");
        let elements = ALL_OF_TIME.into_iter().enumerate().map(|(key, t)| ((key, 1i64), t)).collect::<Vec<_>>();
        let windowed = p.create_timestamped("Elements", elements).window("Window", windowing.clone());
        let each = windowed.count("CountEach").collect("Each");
        let all = windowed.key_by("All", |_| ()).count("CountAll").collect("OfAll");
        way.run(&p).unwrap();
        let found = (each.sorted(), all.values().iter().map(|(_, n)| n).sum());
        assert_eq!(*panes.get_or_insert_with(|| found.clone()), found, "{windowing}, {way:?}");
    }
    panes.unwrap()
}

#[test]
fn the_ends_of_time_are_times_too() {
    let once: Vec<(usize, u64)> = (0..ALL_OF_TIME.len()).map(|key| (key, 1)).collect();
    let (hour, forever) = (Duration::hours(1), Duration::micros(i64::MAX));
    for windows in [
        WindowFn::from(FixedWindows::of(hour)),
        Sessions::with_gap(hour).into(),
        Sessions::with_gap(forever).into(),
        Sessions::with_gap(hour).max_length(forever).into(),
        CustomWindows::new(Touching).into(),
    ] {
        for lateness in [Duration::ZERO, hour, forever] {
            let windowing = WindowingStrategy::of(windows.clone()).allowed_lateness(lateness);
            let late = windowing.clone().triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)));
            for windowing in [windowing, late] {
                assert_eq!(panes_at_the_ends_of_time(windowing.clone()), (once.clone(), 6), "{windowing}");
            }
        }
    }
    let (each, all) = panes_at_the_ends_of_time(SlidingWindows::of(Duration::hours(2)).every(hour));
    assert_eq!((each, all), ((0..6).flat_map(|key| [(key, 1); 2]).collect(), 12));
}

#[test]
fn the_earliest_and_the_latest_time_may_be_those_at_the_ends_of_time() {
    for combiner in [TimestampCombiner::Earliest, TimestampCombiner::Latest] {
        for windows in [WindowFn::Global, Sessions::with_gap(Duration::hours(1)).into()] {
            for way in WAYS {
                let p = Pipeline::new("test");
                let elements = p.create_timestamped(
                    "Elements",
                    ALL_OF_TIME.into_iter().enumerate().map(|(k, t)| ((k, 1i64), t)).collect::<Vec<_>>(),
                );
                let windowing = WindowingStrategy::of(windows.clone()).timestamp_combiner(combiner);
                let out = elements.window("Window", windowing).count("Count").collect("Out");
                way.run(&p).unwrap();
                let mut times: Vec<_> = out.elements().iter().map(|e| e.timestamp).collect();
                times.sort_unstable();
                assert_eq!(times, ALL_OF_TIME, "{way:?}");
            }
        }
    }
}

#[test]
fn early_on_time_and_late_panes_come_in_their_order() {
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
        .triggering(
            AfterWatermark::past_end_of_window()
                .early(AfterProcessingTime::delay(Duration::seconds(10)))
                .late(AfterCount::at_least(1)),
        )
        .allowed_lateness(Duration::minutes(10))
        .accumulating();
    let mut stream = TestStream::new();
    stream.add(("a", 1i64), at(1)).advance_processing_time(Duration::seconds(11));
    stream.add(("a", 2), at(2)).advance_watermark_to(at(60));
    stream.add(("a", 4), at(3)).advance_watermark_to(at(660)).add(("a", 8), at(4));
    for way in WAYS {
        let p = Pipeline::new("test");
        let stream = stream.clone();
        let elements = p.test_stream("Elements", &stream).map("Owned", |(k, n): (&str, i64)| (k.to_owned(), n));
        let out = elements.window("Minutely", windowing.clone()).sum("Sum", |n| *n).collect("Out");
        let metrics = way.run(&p).unwrap();
        let mut panes: Vec<_> = out.elements().iter().map(|e| (e.pane.index, e.pane.timing, e.value.1)).collect();
        panes.sort_by_key(|p| p.0);
        assert_eq!(panes, [(0, Timing::Early, 1), (1, Timing::OnTime, 3), (2, Timing::Late, 7)], "{way:?}");
        assert_eq!(metrics.get("Sum", "dropped_late"), 1, "{way:?}");
    }
}

#[test]
fn a_processing_time_wakes_a_window_also_if_the_part_that_set_it_is_finished() {
    let by_count_or_time =
        AfterAll::of([AfterProcessingTime::delay(Duration::ZERO)]).or_finally(AfterAny::of([AfterCount::at_least(1)]));
    let end = AfterWatermark::past_end_of_window().late(AfterProcessingTime::delay(Duration::ZERO));
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::millis(1_500)))
        .triggering(AfterEach::in_order((by_count_or_time, end)))
        .allowed_lateness(Duration::seconds(2))
        .on_time(OnTimeBehavior::FireIfNonEmpty);
    let element = Timestamp::from_millis(14_999);
    let mut stream = TestStream::new();
    stream.advance_watermark_to(Timestamp::from_millis(16_500)).add(("c", 1i64), element);
    // The count has fired, and the time finds the end of the window passed: what comes then waits for another time.
    stream.advance_processing_time(Duration::millis(500)).add(("c", 2), element);
    for way in WAYS {
        let p = Pipeline::new("test");
        let elements = p.test_stream("Elements", &stream).map("Owned", |(k, n): (&str, i64)| (k.to_owned(), n));
        let out = elements.window("Window", windowing.clone()).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        let mut panes: Vec<_> = out.elements().iter().map(|e| (e.pane.index, e.pane.is_last, e.value.1)).collect();
        panes.sort_unstable();
        assert_eq!(panes, [(0, false, 1), (1, true, 2)], "{way:?}");
    }
}

#[test]
fn of_many_processing_times_those_that_are_waited_for_are_not_lost() {
    let soon = AfterAny::of((AfterCount::at_least(2), AfterProcessingTime::delay(Duration::seconds(1))));
    let until = AfterProcessingTime::delay(Duration::hours(1));
    let windowing = WindowingStrategy::of(FixedWindows::of(Duration::hours(1)))
        .triggering(Repeatedly::forever(Repeatedly::forever(soon).or_finally(until)));
    let mut stream = TestStream::new();
    for t in 0..20 {
        // Each pair fires by its number, and leaves a time.
        stream.add((1u8, 1i64), at(t)).add((1, 1), at(t)).advance_processing_time(Duration::millis(10));
    }
    stream.add((1, 1), at(20)).advance_processing_time(Duration::millis(995));
    stream.advance_processing_time(Duration::millis(10)).add((1, 1), at(21));
    for way in WAYS {
        let p = Pipeline::new("test");
        let elements = p.test_stream("Elements", &stream);
        let out = elements.window("Hourly", windowing.clone()).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        let mut panes: Vec<_> = out.elements().iter().map(|e| (e.pane.index, e.pane.timing, e.value.1)).collect();
        panes.sort_by_key(|p| p.0);
        let expected: Vec<_> = (0..20).map(|n| (n, Timing::Early, 2)).collect();
        assert_eq!(
            (&panes[..20], &panes[20..]),
            (&expected[..], &[(20, Timing::Early, 1), (21, Timing::OnTime, 1)][..]),
            "{way:?}"
        );
    }
}

#[test]
fn each_session_of_a_key_is_woken_by_its_own_processing_times() {
    let both = AfterAll::of([500, 2_500].map(|ms| AfterProcessingTime::delay(Duration::millis(ms))));
    let windowing =
        WindowingStrategy::of(Sessions::with_gap(Duration::seconds(2))).triggering(Repeatedly::forever(both));
    let mut stream = TestStream::new();
    stream.add((1u8, 1i64), at(0)).advance_processing_time(Duration::millis(500)).add((1, 2), at(2));
    // One step passes all times of the first session, and one of the second.
    stream.advance_processing_time(Duration::millis(2_500)).advance_processing_time(Duration::millis(500));
    for way in WAYS {
        let p = Pipeline::new("test");
        let elements = p.test_stream("Elements", &stream);
        let out = elements.window("Sessions", windowing.clone()).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        let early = out.elements().iter().filter(|e| e.pane.timing == Timing::Early).map(|e| e.value.1).sum::<i64>();
        assert_eq!(early, 3, "{way:?}");
    }
}

#[test]
fn elements_that_come_too_late_are_an_output() {
    let strategies = [
        WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))),
        WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
            .triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)))
            .allowed_lateness(Duration::seconds(30)),
        WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1))),
    ];
    for (windowing, too_late) in strategies.into_iter().zip([vec![2, 4], vec![4], vec![4]]) {
        for way in WAYS {
            let mut stream = TestStream::new();
            stream.add((1u8, 1i64), at(1)).advance_watermark_to(at(60)).add((1, 2), at(2));
            stream.advance_watermark_to(at(90)).add_elements([((1, 4), at(3)), ((1, 8), at(95))]);
            let p = Pipeline::new("test");
            let windowed = p.test_stream("Elements", &stream).window("Window", windowing.clone());
            let (sums, late) = windowed.late_data().combine_per_key("Sum", Sum::of(|n: &i64| *n));
            let (groups, late_too) = windowed.late_data().group_by_key("Group");
            let (sums, late, groups, late_too) =
                (sums.collect("Sums"), late.collect("Late"), groups.collect("Groups"), late_too.collect("LateToo"));
            let metrics = way.run(&p).unwrap();
            let values = |out: &Collected<(u8, i64)>| out.sorted().iter().map(|(_, n)| *n).collect::<Vec<_>>();
            assert_eq!((values(&late), values(&late_too)), (too_late.clone(), too_late.clone()), "{way:?} {windowing}");
            let in_time = 15 - too_late.iter().sum::<i64>();
            assert_eq!(sums.values().iter().map(|(_, n)| n).sum::<i64>(), in_time, "{way:?} {windowing}");
            assert_eq!(groups.values().iter().flat_map(|(_, ns)| ns).sum::<i64>(), in_time, "{way:?} {windowing}");
            assert_eq!(metrics.get("Sum", "dropped_late"), too_late.len() as u64);
            assert!(late.elements().iter().all(|e| e.window().contains(e.timestamp)));
        }
    }
}

#[test]
fn a_late_element_is_an_output_for_each_sliding_window_it_is_too_late_for() {
    for way in WAYS {
        let mut stream = TestStream::new();
        stream.advance_watermark_to(at(10)).add((1u8, 1i64), at(7));
        let p = Pipeline::new("test");
        let sliding = SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5));
        let (groups, late) =
            p.test_stream("Elements", &stream).window("Sliding", sliding).late_data().group_by_key("Group");
        let (groups, late) = (groups.collect("Groups"), late.collect("Late"));
        way.run(&p).unwrap();
        let windows = |e: Vec<Window>| e;
        assert_eq!(windows(late.elements().iter().map(|e| e.window()).collect()), [window(0, 10)], "{way:?}");
        assert_eq!(windows(groups.elements().iter().map(|e| e.window()).collect()), [window(5, 15)], "{way:?}");
    }
}

#[test]
fn the_global_window_gives_results_by_count() {
    for way in WAYS {
        let mut stream = TestStream::new();
        (0..7).for_each(|n| _ = stream.add((1u8, 1i64 << n), at(n)));
        let p = Pipeline::new("test");
        let by_threes = WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(AfterCount::at_least(3)));
        let out = p.test_stream("Elements", &stream).window("Global", by_threes).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(1, 7), (1, 56), (1, 64)], "{way:?}: what is left comes at the end");
    }
}

#[test]
fn results_have_the_earliest_or_latest_time_of_their_elements() {
    for (combiner, time) in [(TimestampCombiner::Earliest, 3), (TimestampCombiner::Latest, 40)] {
        for way in WAYS {
            let mut stream = TestStream::new();
            stream.advance_watermark_to(at(2)).add(5i64, at(40)).add(1, at(3)).add(1, at(1));
            let p = Pipeline::new("test");
            let minutely = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))).timestamp_combiner(combiner);
            let windowed = p.test_stream("Elements", &stream).window("Minutely", minutely);
            let per_key = windowed.key_by("One", |_| 1u8).sum("Sum", |n| *n).collect("PerKey");
            let global = windowed.combine_globally("Total", Sum::of(|n: &i64| *n)).collect("Global");
            way.run(&p).unwrap();
            assert_eq!(per_key.elements()[0].timestamp, at(time), "{way:?}");
            assert_eq!(global.elements()[0].timestamp, at(time), "combined in advance, {way:?}");
            assert_eq!((per_key.values(), global.values()), (vec![(1, 7)], vec![7]), "{way:?}");
        }
    }
}

#[test]
fn sessions_that_were_grouped_are_not_merged_again() {
    for way in WAYS {
        let mut stream = TestStream::new();
        stream.add((1u8, 1i64), at(0)).add((1, 2), at(5)).add((2, 4), at(8));
        let p = Pipeline::new("test");
        let sessions = p.test_stream("Elements", &stream).window("Sessions", Sessions::with_gap(Duration::seconds(10)));
        let per_key = sessions.sum("Sum", |n| *n);
        // Sessions of several keys overlap; those that are alike come together, others do not.
        let out = per_key.key_by("All", |_| ()).group_by_key("Group").collect("Out");
        way.run(&p).unwrap();
        let mut found: Vec<_> = out.elements().iter().map(|e| (e.window(), e.value.1.clone())).collect();
        found.sort_unstable();
        assert_eq!(found, [(window(0, 15), vec![(1, 3)]), (window(8, 18), vec![(2, 4)])], "{way:?}");
    }
}

#[test]
fn the_latest_time_may_be_the_first_of_all_times() {
    for way in WAYS {
        let p = Pipeline::new("test");
        let latest = WindowingStrategy::of(GlobalWindows).timestamp_combiner(TimestampCombiner::Latest);
        let out = p.create("Elements", vec![(1u8, 1i64)]).window("Global", latest).sum("Sum", |n| *n).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.elements()[0].timestamp, Timestamp::MIN, "{way:?}");
    }
}
