//! Sessions of the default trigger, also of a maximum length, are what a list of windows that are joined one by one is.

#![allow(clippy::unwrap_used)]

mod random;

use dataflow_core::{Pipeline, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::WAYS;
use dataflow_windows::{Duration, PaneInfo, Sessions, Timestamp, Window};
use proptest::prelude::*;
use random::{cases, settings};

#[derive(Clone, Debug)]
enum Step {
    /// A key, a time, as far as it is ahead of the watermark, and how many elements the same bundle has behind it.
    Element(u8, i64, bool),
    Watermark(i64),
}

/// Key, window and values of each session, and how many elements came too late.
type Found = (Vec<(u8, Window, Vec<usize>)>, u64);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0u8..2, -8i64..24, any::<bool>()).prop_map(|(key, ahead, ends)| Step::Element(key, ahead, ends)),
        1 => (1i64..8).prop_map(Step::Watermark),
    ];
    prop::collection::vec(step, 0..80)
}

fn sessions() -> impl Strategy<Value = Sessions> {
    let max = prop_oneof![2 => Just(None), 3 => (0i64..16).prop_map(Some)];
    (1i64..8, max).prop_map(|(gap, max)| {
        let sessions = Sessions::with_gap(Duration::seconds(gap));
        max.map_or(sessions, |more| sessions.max_length(Duration::seconds(gap + more)))
    })
}

/// The open windows of all keys are a list, ordered by their starts.
fn model(sessions: Sessions, steps: &[Step]) -> Found {
    let mut open: Vec<(u8, Window, Vec<usize>)> = Vec::new();
    let mut done = Vec::new();
    let (mut watermark, mut late) = (0, 0);
    for (n, step) in steps.iter().enumerate() {
        match step {
            Step::Watermark(by) => {
                watermark += by;
                let (over, rest) = open.into_iter().partition(|(_, w, _)| w.end() <= at(watermark));
                let over: Vec<_> = over;
                (open, done) = (rest, [done, over].concat());
            }
            Step::Element(key, ahead, _) => {
                let mut new = (*key, sessions.assign(at(watermark + ahead)), vec![n]);
                if new.1.end() <= at(watermark) {
                    late += 1;
                    continue;
                }
                // A session that holds it takes it; or else it is joined with one after the other, as long as there are any.
                if let Some(holds) = open.iter_mut().find(|(k, w, _)| k == key && sessions.join(*w, new.1) == Some(*w))
                {
                    holds.2.push(n);
                    continue;
                }
                let next = |open: &[(u8, Window, Vec<usize>)], window| {
                    open.iter().position(|(k, w, _)| k == key && sessions.join(*w, window).is_some())
                };
                while let Some(i) = next(&open, new.1) {
                    let (_, window, values) = open.remove(i);
                    new.1 = sessions.join(window, new.1).unwrap();
                    new.2.extend(values);
                }
                let place = open.partition_point(|(_, w, _)| w.start() <= new.1.start());
                open.insert(place, new);
            }
        }
    }
    (sorted([done, open].concat()), late)
}

fn sorted(mut all: Vec<(u8, Window, Vec<usize>)>) -> Vec<(u8, Window, Vec<usize>)> {
    all.iter_mut().for_each(|(_, _, values)| values.sort_unstable());
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn sessions_are_those_of_windows_joined_one_by_one(sessions in sessions(), steps in steps(), settings in settings(1usize..2)) {
        let mut stream = TestStream::new();
        stream.advance_watermark_to(at(0));
        let (mut watermark, mut bundle) = (0, Vec::new());
        for (n, step) in steps.iter().enumerate() {
            match step {
                Step::Element(key, ahead, ends) => {
                    bundle.push(((*key, n), at(watermark + ahead)));
                    if *ends {
                        stream.add_elements(std::mem::take(&mut bundle));
                    }
                }
                Step::Watermark(by) => {
                    stream.add_elements(std::mem::take(&mut bundle));
                    watermark += by;
                    stream.advance_watermark_to(at(watermark));
                }
            }
        }
        stream.add_elements(bundle);
        let p = Pipeline::new("test");
        let windowed = p.test_stream("Elements", &stream).window("Window", sessions);
        let out = windowed.group_by_key("Group").collect("Out");
        let metrics = settings.way.run(&p).unwrap();
        let elements = out.elements();
        for e in &elements {
            prop_assert_eq!((e.timestamp, e.pane), (e.window().max_timestamp(), PaneInfo::ON_TIME_AND_ONLY));
        }
        let found = elements.into_iter().map(|e| (e.value.0, e.window(), e.value.1)).collect();
        let dropped = metrics.sum("dropped_late");
        prop_assert_eq!((sorted(found), dropped), model(sessions, &steps));
    }
}

/// More than there is room for at once.
#[test]
fn very_many_sessions_that_end_at_once_are_given_out_each_once() {
    let sessions = Sessions::with_gap(Duration::seconds(1));
    let mut stream = TestStream::new();
    // A key with many sessions, and many keys with one each.
    stream.add_elements((0..30_000).map(|n| ((0, n), at(2 * n))));
    stream.add_elements((0..30_000).map(|n| ((n + 1, 0), at(60_000))));
    for way in WAYS {
        let p = Pipeline::new("test");
        let windowed = p.test_stream("Elements", &stream).window("Window", sessions);
        let counted = windowed.count("Count").window("Hour", dataflow_windows::FixedWindows::of(Duration::hours(1)));
        let late = counted.key_by("Hour", |_| ()).count("All").collect("Out");
        let metrics = way.run(&p).unwrap();
        assert_eq!(late.values().iter().map(|(_, n)| n).sum::<u64>(), 60_000, "{way:?}");
        assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
    }
}
