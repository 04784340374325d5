//! Random strategies and scripts, for tests against the model.

#![allow(dead_code)] // each suite uses a part

pub(crate) mod composed;
pub(crate) mod programs;

use dataflow_tests::Way;
use dataflow_tests::conformance::Settings;
use dataflow_tests::vectors::*;
use proptest::prelude::*;

/// As many cases as `DATAFLOW_MODEL_CASES` says, by default a share of 400.
pub(crate) fn cases(share: u32) -> ProptestConfig {
    ProptestConfig {
        cases: dataflow_tests::cases(400 / share),
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Threads, restarts and names of keys, with this many elements a bundle.
pub(crate) fn settings(bundle: impl Strategy<Value = usize>) -> impl Strategy<Value = Settings> {
    let restart = prop::option::of(1u64..5);
    (1u16..4, restart, prop::option::of(0u64..1000), bundle).prop_map(|(threads, restart_every, seed, bundle)| {
        Settings { way: Way { threads, restart_every, seed }, bundle, exact_restarts: false, ..Settings::default() }
    })
}

fn unmerged_windows() -> impl Strategy<Value = WindowFn> {
    prop_oneof![
        1 => Just(WindowFn::Global {}),
        4 => (1i64..20, -5i64..5).prop_map(|(size, offset)| WindowFn::Fixed {
            size_ms: size * 500,
            offset_ms: offset * 500,
        }),
        2 => (1i64..12, 1i64..6).prop_map(|(size, period)| WindowFn::Sliding {
            size_ms: size * 500,
            period_ms: period * 500,
        }),
    ]
}

/// Sliding windows, most of which overlap, some with many others.
pub(crate) fn overlapping_windows() -> impl Strategy<Value = WindowFn> {
    (prop_oneof![3 => 1i64..8, 1 => 8i64..40], 1i64..4)
        .prop_map(|(size, period)| WindowFn::Sliding { size_ms: size * 500, period_ms: period * 500 })
}

pub(crate) fn windows() -> impl Strategy<Value = WindowFn> {
    let sessions = (1i64..10).prop_map(|gap| WindowFn::Sessions { gap_ms: gap * 500 });
    prop_oneof![3 => unmerged_windows(), 1 => sessions]
}

fn once() -> impl Strategy<Value = Trigger> {
    let leaf = prop_oneof![
        2 => (1u64..4).prop_map(|count| Trigger::AfterCount { count }),
        1 => (0i64..6).prop_map(|delay| Trigger::AfterProcessingTime { delay_ms: delay * 500 }),
    ];
    leaf.prop_recursive(1, 3, 2, |inner| {
        let all = prop::collection::vec(inner, 1..3);
        prop_oneof![all.clone().prop_map(|of| Trigger::AfterAll { of }), all.prop_map(|of| Trigger::AfterAny { of }),]
    })
}

fn after_watermark() -> impl Strategy<Value = Trigger> {
    let part = || prop::option::of(once().prop_map(Box::new));
    (part(), part()).prop_map(|(early, late)| Trigger::AfterWatermark { early, late })
}

/// What may end another trigger: it fires once.
fn until() -> impl Strategy<Value = Trigger> {
    prop_oneof![3 => once(), 1 => Just(Trigger::AfterWatermark { early: None, late: None })]
}

/// Of how many parts a trigger is made.
fn parts(trigger: &Trigger) -> usize {
    1 + match trigger {
        Trigger::AfterWatermark { early, late } => [early, late].into_iter().flatten().map(|t| parts(t)).sum(),
        Trigger::Repeatedly { of } => parts(of),
        Trigger::AfterEach { of } | Trigger::AfterAll { of } | Trigger::AfterAny { of } => of.iter().map(parts).sum(),
        Trigger::OrFinally { of, until } => parts(of) + parts(until),
        _ => 0,
    }
}

/// Of all kinds, but not of so many parts that the engine may refuse it: there are 32 at most, also after a grouping, which
/// adds some.
fn any_trigger() -> impl Strategy<Value = Trigger> {
    let leaf = prop_oneof![
        1 => Just(Trigger::Default {}),
        1 => Just(Trigger::Never {}),
        4 => once(),
        3 => after_watermark(),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let all = prop::collection::vec(inner.clone(), 1..4);
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            2 => boxed.clone().prop_map(|of| Trigger::Repeatedly { of }),
            1 => all.clone().prop_map(|of| Trigger::AfterEach { of }),
            1 => all.clone().prop_map(|of| Trigger::AfterAll { of }),
            1 => all.prop_map(|of| Trigger::AfterAny { of }),
            1 => (boxed, until()).prop_map(|(of, until)| Trigger::OrFinally { of, until: Box::new(until) }),
        ]
    })
    .prop_filter("too many parts", |trigger| parts(trigger) <= 20)
}

/// Triggers that a grouping accepts, simple ones more often.
fn root() -> impl Strategy<Value = Trigger> {
    prop_oneof![2 => Just(Trigger::Default {}), 4 => after_watermark(), 4 => any_trigger()]
}

pub(crate) fn strategy() -> impl Strategy<Value = Windowing> {
    let lateness = prop_oneof![1 => Just(0), 2 => (0i64..20).prop_map(|n| n * 500)];
    let combiner = prop_oneof![
        2 => Just(TimestampCombiner::EndOfWindow),
        1 => Just(TimestampCombiner::Earliest),
        1 => Just(TimestampCombiner::Latest),
    ];
    (windows(), root(), any::<[bool; 3]>(), lateness, combiner).prop_map(
        |(window_fn, trigger, choices, lateness, combiner)| {
            let [accumulates, closes, on_time] = choices;
            let strategy = Windowing {
                trigger,
                accumulation: if accumulates { Accumulation::Accumulating } else { Accumulation::Discarding },
                allowed_lateness_ms: lateness,
                timestamp_combiner: combiner,
                closing: if closes { Closing::FireAlways } else { Closing::FireIfNonEmpty },
                on_time: if on_time { OnTime::FireAlways } else { OnTime::FireIfNonEmpty },
                ..Windowing::of(window_fn)
            };
            accepted(strategy)
        },
    )
}

/// A strategy like this one that a grouping accepts.
fn accepted(mut strategy: Windowing) -> Windowing {
    if dataflow_tests::model::refused(&strategy).is_some() {
        strategy.trigger = Trigger::Repeatedly { of: Box::new(strategy.trigger) };
    }
    strategy
}

#[derive(Clone, Debug)]
enum Step {
    Element { key: u8, behind: i64 },
    Watermark(i64),
    Processing(i64),
}

/// Elements near the watermark, which moves on, as processing time does. Each value is another number.
pub(crate) fn events(len: usize) -> impl Strategy<Value = Vec<Event>> {
    let step = prop_oneof![
        5 => (0u8..3, -6_000i64..4_000).prop_map(|(key, behind)| Step::Element { key, behind }),
        2 => prop_oneof![3 => 1i64..8, 1 => 1i64..40].prop_map(|n| Step::Watermark(n * 500)),
        1 => (1i64..6).prop_map(|n| Step::Processing(n * 500)),
    ];
    prop::collection::vec(step, 0..len).prop_map(|steps| {
        let mut watermark = 0;
        let mut events = vec![];
        for (value, step) in (1i64..).zip(steps) {
            events.push(match step {
                Step::Element { key, behind } => Event::Element(Element {
                    input: None,
                    key: ["a", "b", "c"][usize::from(key)].to_owned(),
                    value,
                    timestamp_ms: watermark - behind,
                }),
                Step::Watermark(by) => {
                    watermark += by;
                    Event::AdvanceWatermarkToMs(watermark)
                }
                Step::Processing(by) => Event::AdvanceProcessingTimeByMs(by),
            });
        }
        events
    })
}

pub(crate) fn script() -> impl Strategy<Value = Script> {
    (strategy(), events(25)).prop_map(|(strategy, events)| Script { strategy, events })
}

/// Sessions of one key that touch, overlap and are joined, also when they have ended.
pub(crate) fn session_script() -> impl Strategy<Value = Script> {
    let gap = 3i64..8;
    (strategy(), gap, 4i64..20, events(25)).prop_map(|(mut strategy, gap, lateness, mut events)| {
        strategy.window_fn = WindowFn::Sessions { gap_ms: gap * 500 };
        strategy.allowed_lateness_ms = lateness * 500;
        for event in &mut events {
            if let Event::Element(e) = event {
                e.key = "a".to_owned();
            }
        }
        Script { strategy: accepted(strategy), events }
    })
}
