//! Overlapping windows with the default trigger are what the windows of each element, one by one, come to.

#![allow(clippy::unwrap_used)]

mod random;

use dataflow_core::{BoxError, DoFn, Element, Output, Pipeline, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::Way;
use dataflow_windows::{Duration, PaneInfo, SlidingWindows, Timestamp, Window};
use proptest::prelude::*;
use random::{cases, settings};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    /// A key, a time, how far it is ahead of the watermark, and whether its bundle ends with it.
    Element(u8, i64, bool),
    /// An element at the beginning of time, or at its end.
    Extreme(u8, bool),
    Watermark(i64),
}

/// What is known of each key and window: the values in it.
type Found = BTreeMap<(Window, u64), Vec<i64>>;

/// Keys, values and times, and the watermark behind them.
type Bundle = (Vec<(u64, i64, Timestamp)>, Timestamp);

/// Passes elements on, each in one window.
#[derive(Clone)]
struct Same;

impl DoFn for Same {
    type In = (u64, i64);
    type Out = (u64, i64);

    fn process(&mut self, e: Element<(u64, i64)>, out: &mut Output<'_, (u64, i64)>) -> Result<(), BoxError> {
        out.emit(e.value);
        Ok(())
    }
}

fn at(halves: i64) -> Timestamp {
    Timestamp::from_millis(halves * 500)
}

fn sliding() -> impl Strategy<Value = SlidingWindows> {
    let size = prop_oneof![3 => 1i64..8, 1 => 8i64..40];
    (size, 1i64..10, -20i64..20).prop_map(|(size, period, offset)| {
        let halves = |n: i64| Duration::millis(n * 500);
        SlidingWindows::of(halves(size)).every(halves(period)).offset(halves(offset))
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0u8..3, -16i64..24, any::<bool>()).prop_map(|(key, ahead, ends)| Step::Element(key, ahead, ends)),
        1 => (0u8..3, any::<bool>()).prop_map(|(key, end)| Step::Extreme(key, end)),
        4 => prop_oneof![4 => 1i64..6, 1 => 6i64..60].prop_map(Step::Watermark),
    ];
    prop::collection::vec(step, 0..60)
}

/// The bundles of a stream, and the watermark behind each.
fn bundles(steps: &[Step]) -> Vec<Bundle> {
    let (mut watermark, mut bundle, mut all) = (0, Vec::new(), Vec::new());
    for (n, step) in (1i64..).zip(steps) {
        let ends = match step {
            Step::Element(key, ahead, ends) => {
                bundle.push((u64::from(*key), n, at(watermark + ahead)));
                *ends
            }
            Step::Extreme(key, end) => {
                bundle.push((u64::from(*key), n, if *end { Timestamp::MAX } else { Timestamp::MIN }));
                false
            }
            Step::Watermark(by) => {
                watermark += by;
                true
            }
        };
        if ends {
            all.push((std::mem::take(&mut bundle), at(watermark)));
        }
    }
    all.push((bundle, at(watermark)));
    all
}

/// The values by window, and how often one came too late for a window.
fn model(sliding: SlidingWindows, bundles: &[Bundle]) -> (Found, u64) {
    let (mut found, mut late, mut watermark) = (Found::new(), 0, at(0));
    for (elements, then) in bundles {
        for (key, value, t) in elements {
            for window in sliding.assign(*t) {
                match window.is_over(watermark) {
                    true => late += 1,
                    false => found.entry((window, *key)).or_default().push(*value),
                }
            }
        }
        watermark = *then;
    }
    found.values_mut().for_each(|values| values.sort_unstable());
    (found, late)
}

fn of<V: Clone + dataflow_core::Data>(out: &Collected<(u64, V)>) -> BTreeMap<(Window, u64), V> {
    let mut found = BTreeMap::new();
    for e in out.elements() {
        assert_eq!((e.timestamp, e.pane), (e.window().max_timestamp(), PaneInfo::ON_TIME_AND_ONLY));
        assert!(found.insert((e.window(), e.value.0), e.value.1.clone()).is_none(), "one result a key and window");
    }
    found
}

fn check(sliding: SlidingWindows, bundles: &[Bundle], way: Way) {
    let mut stream = TestStream::new();
    stream.advance_watermark_to(at(0));
    for (elements, watermark) in bundles {
        stream.add_elements(elements.iter().map(|(key, value, t)| ((*key, *value), *t)));
        stream.advance_watermark_to(*watermark);
    }
    let p = Pipeline::new("test");
    let windowed = p.test_stream("Elements", &stream).window("Window", sliding);
    let sums = windowed.sum("Sum", |n| *n).collect("Sums");
    let maxima = windowed.max("Max", |n| *n).collect("Maxima");
    let lists = windowed.group_by_key("List").collect("Lists");
    // Of each element there is one more in each window by itself.
    let twice = windowed.par_do("One by one", Same).flatten("Both", &[windowed]);
    let sums_twice = twice.sum("SumTwice", |n| *n).collect("SumsTwice");
    let maxima_twice = twice.max("MaxTwice", |n| *n).collect("MaximaTwice");
    let metrics = way.run(&p).unwrap();
    let (expected, late) = model(sliding, bundles);
    let each = |of: fn(&[i64]) -> i64| -> BTreeMap<_, _> { expected.iter().map(|(k, v)| (*k, of(v))).collect() };
    let largest = |values: &[i64]| values.iter().copied().max().unwrap();
    assert_eq!(of(&sums), each(|v| v.iter().sum()));
    assert_eq!(of(&sums_twice), each(|v| 2 * v.iter().sum::<i64>()));
    assert_eq!(of(&maxima), each(largest));
    assert_eq!(of(&maxima_twice), each(largest));
    let mut lists = of(&lists);
    lists.values_mut().for_each(|values| values.sort_unstable());
    assert_eq!(lists, expected);
    for step in ["Sum", "Max", "List"] {
        assert_eq!(metrics.get(step, "dropped_late"), late, "{step}");
    }
    for step in ["SumTwice", "MaxTwice"] {
        assert_eq!(metrics.get(step, "dropped_late"), 2 * late, "{step}");
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn each_window_has_the_elements_that_are_in_it(
        sliding in sliding(),
        steps in steps(),
        settings in settings(1usize..2),
    ) {
        check(sliding, &bundles(&steps), settings.way);
    }
}

/// More keys than are given out at once, of which most leave while that is done, and some come back.
#[test]
fn very_many_keys_are_given_out_once_a_window() {
    let seconds = Duration::seconds;
    for sliding in [
        SlidingWindows::of(seconds(2)).every(seconds(1)),
        SlidingWindows::of(seconds(9)).every(seconds(1)).offset(Duration::millis(-300)),
    ] {
        let mut all = Vec::new();
        for (second, keys) in [(0, 0..18_000), (1, 17_000..17_100), (2, 18_000..24_000), (9, 500..900), (20, 0..10)] {
            let element = |key: u64| (key, (key + second) as i64, at(2 * second as i64));
            all.push((keys.map(element).collect(), at(2 * second as i64)));
            // Late ones are for some of their windows only.
            let late = |n: u64| (7 * n, n as i64, at(2 * second as i64 - 2));
            all.push(((0..100).map(late).collect(), at(2 * second as i64)));
        }
        check(sliding, &all, Way::on(1));
    }
}
