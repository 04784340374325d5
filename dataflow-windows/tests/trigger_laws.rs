//! What holds for every trigger, whatever it is made of.

use dataflow_windows::{
    Duration, FixedWindows, OrFinally, Repeatedly, Timestamp, Trigger, TriggerContext, TriggerMachine, TriggerState,
    WindowingStrategy,
};
use proptest::prelude::*;

fn trigger() -> impl Strategy<Value = Trigger> {
    let simple = prop_oneof![
        1 => Just(Trigger::Default),
        1 => Just(Trigger::Never),
        4 => (1..4_u64).prop_map(Trigger::AfterCount),
        3 => (0..20_i64, prop::option::of(1..10_i64)).prop_map(|(delay, period)| Trigger::AfterProcessingTime {
            delay: Duration::seconds(delay),
            align_to: period.map(Duration::seconds),
        }),
    ];
    simple.prop_recursive(3, 24, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let list = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (prop::option::of(boxed.clone()), prop::option::of(boxed.clone()))
                .prop_map(|(early, late)| Trigger::AfterWatermark { early, late }),
            boxed.prop_map(Trigger::Repeatedly),
            list().prop_map(Trigger::AfterEach),
            list().prop_map(Trigger::AfterAll),
            list().prop_map(Trigger::AfterAny),
            (inner.clone(), inner.clone()).prop_map(|(main, until)| main.or_finally(until)),
        ]
    })
}

#[derive(Clone, Debug)]
enum Event {
    Elements(u64),
    Watermark(i64),
    Time(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1..4_u64).prop_map(Event::Elements),
        1 => (1..40_i64).prop_map(Event::Watermark),
        2 => (1..15_i64).prop_map(Event::Time),
    ];
    prop::collection::vec(event, 0..20)
}

const END: Timestamp = Timestamp::from_seconds(60);

fn start_context() -> TriggerContext {
    TriggerContext { watermark: Timestamp::from_seconds(0), now: Timestamp::from_seconds(0), end: END }
}

/// Runs the events from the same clocks; `see` is called after each, before the trigger is fired if it is ready.
fn run(
    machine: &TriggerMachine,
    events: &[Event],
    context: &mut TriggerContext,
    mut see: impl FnMut(&TriggerState, &TriggerContext),
) -> TriggerState {
    let mut state = machine.start();
    for event in events {
        match *event {
            Event::Elements(n) => machine.on_elements(&mut state, n, context),
            Event::Watermark(by) => context.watermark = context.watermark + Duration::seconds(by),
            Event::Time(by) => context.now = context.now + Duration::seconds(by),
        }
        see(&state, context);
        if machine.should_fire(&state, context) {
            machine.on_fire(&mut state, context);
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(ProptestConfig::default().cases.max(1_000)) })]

    #[test]
    fn only_a_trigger_that_may_finish_does(trigger in trigger(), events in events()) {
        let machine = TriggerMachine::new(&trigger);
        let state = run(&machine, &events, &mut start_context(), |_, _| {});
        prop_assert!(trigger.may_finish() || !machine.is_finished(&state));
    }

    #[test]
    fn a_finished_trigger_wants_nothing(trigger in trigger(), events in events()) {
        let machine = TriggerMachine::new(&trigger);
        let mut context = start_context();
        let mut state = run(&machine, &events, &mut context, |_, _| {});
        if machine.is_finished(&state) {
            machine.on_elements(&mut state, 9, &context);
            context = TriggerContext { watermark: Timestamp::MAX, now: Timestamp::MAX, ..context };
            prop_assert!(machine.is_finished(&state) && !machine.should_fire(&state, &context));
            prop_assert!(!machine.waits_for_end_of_window(&state));
            prop_assert_eq!(machine.next_processing_time_from(&state, Timestamp::MIN), None);
        }
    }

    #[test]
    fn a_trigger_is_never_ready_by_a_clock_it_has_not_asked_for(trigger in trigger(), events in events()) {
        let machine = TriggerMachine::new(&trigger);
        // What it waited for before the clocks moved.
        let mut waits: Option<(bool, Option<Timestamp>, TriggerContext)> = None;
        let mut surprise = None;
        let mut index = 0;
        run(&machine, &events, &mut start_context(), |state, context| {
            let is_clock = !matches!(events[index], Event::Elements(_));
            index += 1;
            if let Some((end, next, before)) = waits
                && is_clock
                && machine.should_fire(state, context)
            {
                let end_reached = end && context.is_past_end();
                let time_passed = next.is_some_and(|next| next >= before.now && context.now > next);
                if !end_reached && !time_passed {
                    surprise = Some((state.clone(), *context));
                }
            }
            let mut after = state.clone();
            if machine.should_fire(state, context) {
                machine.on_fire(&mut after, context);
            }
            let ready_again = machine.should_fire(&after, context);
            let next = machine.next_processing_time_from(&after, context.now);
            // What is ready already has no need to wait.
            waits = (!ready_again).then(|| (machine.waits_for_end_of_window(&after), next, *context));
        });
        prop_assert_eq!(surprise, None);
    }

    #[test]
    fn nothing_comes_of_a_quiet_trigger_and_its_elements_may_wait(
        trigger in trigger(), events in events(), more in prop::collection::vec((1..4_u64, 0..9_i64), 1..6),
    ) {
        let machine = TriggerMachine::new(&trigger);
        let mut context = start_context();
        let state = run(&machine, &events, &mut context, |_, _| {});
        if machine.should_fire(&state, &context) || context.is_past_end() {
            return Ok(());
        }
        let (until, elements) = machine.quiet(&state);
        let (at_once, mut total) = (context, 0);
        let mut one_by_one = state.clone();
        for (n, seconds) in more {
            context.now = (context.now + Duration::seconds(seconds)).min(until);
            total += n;
            if total > elements || at_once.now > until {
                return Ok(());
            }
            machine.on_elements(&mut one_by_one, n, &context);
            prop_assert!(!machine.should_fire(&one_by_one, &context));
            let mut later = state.clone();
            machine.on_elements(&mut later, total, &context);
            prop_assert_eq!(&later, &one_by_one);
            prop_assert_eq!(machine.waits_for_end_of_window(&later), machine.waits_for_end_of_window(&state));
        }
    }

    #[test]
    fn merging_one_window_into_itself_changes_nothing(trigger in trigger(), events in events()) {
        let machine = TriggerMachine::new(&trigger);
        let mut context = start_context();
        let state = run(&machine, &events, &mut context, |_, _| {});
        prop_assert_eq!(machine.on_merge(std::slice::from_ref(&state), &context), state);
    }

    #[test]
    fn windows_may_be_merged_in_any_order(trigger in trigger(), all in prop::collection::vec(events(), 2..4)) {
        let machine = TriggerMachine::new(&trigger);
        let mut parts = Vec::new();
        let mut context = start_context();
        for events in &all {
            let mut own = start_context();
            parts.push(run(&machine, events, &mut own, |_, _| {}));
            context.watermark = context.watermark.max(own.watermark);
            context.now = context.now.max(own.now);
        }
        let merged = machine.on_merge(&parts, &context);
        parts.reverse();
        prop_assert_eq!(machine.on_merge(&parts, &context), merged);
    }

    #[test]
    fn what_one_grouping_accepts_the_next_one_accepts_too(trigger in trigger()) {
        let strategy = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)));
        let strategy = match strategy.clone().triggering(trigger.clone()) {
            accepted if accepted.check_grouping(true).is_ok() => accepted,
            // As the message says.
            _ => strategy.triggering(Repeatedly::forever(trigger)),
        };
        prop_assume!(strategy.check().is_ok());
        prop_assert_eq!(strategy.check_grouping(true), Ok(()));
        let next = strategy.after_grouping();
        prop_assert_eq!(next.check(), Ok(()));
        prop_assert_eq!(next.check_grouping(true), Ok(()), "{}", next);
        prop_assert_eq!(next.after_grouping(), next);
    }

    #[test]
    fn a_state_of_another_trigger_does_no_harm(one in trigger(), other in trigger(), events in events()) {
        let (machine, stranger) = (TriggerMachine::new(&one), TriggerMachine::new(&other));
        let mut context = start_context();
        let mut state = run(&machine, &events, &mut context, |_, _| {});
        stranger.on_elements(&mut state, 2, &context);
        if stranger.should_fire(&state, &context) {
            stranger.on_fire(&mut state, &context);
        }
        stranger.waits_for_end_of_window(&state);
        stranger.next_processing_time_from(&state, Timestamp::MIN);
        // What comes of it is a state of its own, which it can go on with.
        let mut merged = stranger.on_merge(&[state, stranger.start()], &context);
        stranger.on_elements(&mut merged, 1, &context);
    }
}
