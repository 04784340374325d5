//! Random pipelines of a grouping, a program with state and a side input.

use super::{events, once, programs, strategy};
use dataflow_tests::vectors::*;
use proptest::prelude::*;

/// Programs that take each (key, window) of a grouping for itself: no event brings them more than one pane of it.
const OF_EACH_PANE: [&str; 7] = [
    "running_count",
    "bag_flush_at_window_end",
    "buffer_until",
    "looping_timer",
    "session_by_timer",
    "cancel_timer",
    "on_window_expiration",
];

/// Programs for which the order of elements makes no difference: panes of many windows come to one.
const IN_ANY_ORDER: [&str; 3] = ["bag_flush_at_window_end", "buffer_until", "on_window_expiration"];

/// Pipelines with any trigger. Their program sets no timers: these could wait for what the grouping holds back.
pub(crate) fn with_any_trigger() -> impl Strategy<Value = Composed> {
    let not_merged = (strategy(), programs::without_gaps()).prop_map(|(mut strategy, other)| {
        if matches!(strategy.window_fn, WindowFn::Global {} | WindowFn::Sessions { .. }) {
            strategy.window_fn = other;
        }
        strategy
    });
    composed(not_merged, Just("running_count"), Just(None), 0i64..10)
}

/// Pipelines whose groupings give out all they have at the ends of windows and then each late element, so that they hold
/// back nothing when an event is over. With timers.
pub(crate) fn with_prompt_triggers() -> impl Strategy<Value = Composed> {
    let at_once = || Some(Box::new(Trigger::AfterCount { count: 1 }));
    let early = prop::option::of(once().prop_map(Box::new));
    let trigger = prop_oneof![
        1 => Just(Trigger::Default {}),
        2 => early.prop_map(move |early| Trigger::AfterWatermark { early, late: at_once() }),
    ];
    with_timers(trigger.boxed(), (0i64..20).boxed(), (0i64..10).boxed())
}

/// Pipelines in which each window has one pane, whatever the bundles are. With timers.
pub(crate) fn with_one_pane() -> impl Strategy<Value = Composed> {
    let trigger = prop_oneof![
        2 => Just(Trigger::Default {}),
        1 => Just(Trigger::Never {}),
        1 => Just(Trigger::AfterWatermark { early: None, late: None }),
    ];
    with_timers(trigger.boxed(), Just(0).boxed(), Just(0).boxed())
}

fn with_timers(
    trigger: BoxedStrategy<Trigger>,
    lateness: BoxedStrategy<i64>,
    side_lateness: BoxedStrategy<i64>,
) -> impl Strategy<Value = Composed> {
    let strategy = |window_fn| {
        (window_fn, trigger.clone(), any::<[bool; 3]>(), lateness.clone()).prop_map(
            |(window_fn, trigger, [accumulates, closes, on_time], lateness)| Windowing {
                trigger,
                accumulation: if accumulates { Accumulation::Accumulating } else { Accumulation::Discarding },
                allowed_lateness_ms: lateness * 500,
                closing: if closes { Closing::FireAlways } else { Closing::FireIfNonEmpty },
                on_time: if on_time { OnTime::FireAlways } else { OnTime::FireIfNonEmpty },
                ..Windowing::of(window_fn)
            },
        )
    };
    let each_pane = prop::sample::select(&OF_EACH_PANE[..]);
    let by_pane = composed(strategy(programs::without_gaps().boxed()), each_pane, Just(None), side_lateness.clone());
    let merged = prop_oneof![
        3 => (1i64..10).prop_map(|gap| WindowFn::Sessions { gap_ms: gap * 500 }),
        1 => (1i64..10).prop_map(|size| WindowFn::Fixed { size_ms: size * 500, offset_ms: 0 }),
    ];
    // No pane may come with the last one of a window: which of them comes first to the program would be open.
    let merged = strategy(merged.boxed()).prop_map(|s| Windowing { closing: Closing::FireIfNonEmpty, ..s });
    let again = (1i64..20).prop_map(|size| Some(size * 500));
    let again = composed(merged, prop::sample::select(&IN_ANY_ORDER[..]), again, side_lateness);
    prop_oneof![by_pane, again]
}

fn composed(
    strategy: impl Strategy<Value = Windowing>,
    program: impl Strategy<Value = &'static str>,
    again_ms: impl Strategy<Value = Option<i64>>,
    side_lateness: impl Strategy<Value = i64>,
) -> impl Strategy<Value = Composed> {
    let side_program =
        prop::sample::select(&["side_sum", "side_singleton_default", "side_iterable", "side_map", "side_multimap"][..]);
    let side = (side_program, programs::without_gaps(), side_lateness, prop::collection::vec(0u8..3, 30));
    let lengths = (1i64..12, 1i64..12, any::<[bool; 2]>());
    (strategy, program, again_ms, side, lengths, events(30)).prop_map(
        |(strategy, program, again_ms, side, (first, second, [clear, from_groups]), mut events)| {
            let (side_program, side_fn, side_lateness, sides) = side;
            let mut params = Params::default();
            let clear = i64::from(clear);
            for (name, value) in [("delay_ms", first), ("period_ms", first), ("gap_ms", first), ("rounds", second)] {
                params.numbers.insert(name.to_owned(), if name == "rounds" { value } else { value * 500 });
            }
            params.numbers.insert("clear".to_owned(), clear);
            programs::to_inputs(side_program, &mut events, sides.into_iter().map(|n| n == 0));
            Composed {
                script: Script { strategy, events },
                from_groups,
                again_ms,
                program: program.to_owned(),
                params,
                side_program: side_program.to_owned(),
                side_fn,
                side_lateness_ms: side_lateness * 500,
            }
        },
    )
}
