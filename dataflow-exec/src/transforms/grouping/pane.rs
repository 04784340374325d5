//! When the elements of one key and window are given out, and as which pane: pure decisions, which know no table, batch or
//! queue. The rules are Beam's (<https://beam.apache.org/documentation/programming-guide/#triggers>).

use super::Arrival;
use super::timers::Timers;
use dataflow_windows::{Accumulation, ClosingBehavior, Duration, OnTimeBehavior, PaneInfo, Timestamp, Timing, Trigger};
use dataflow_windows::{
    TimestampCombiner, TriggerContext, TriggerMachine, TriggerState, Window, WindowFn, WindowingStrategy,
};
use serde::{Deserialize, Serialize};

/// What holds for all keys and windows of a grouping.
pub(in crate::transforms) struct Rules {
    pub(super) strategy: WindowingStrategy,
    machine: TriggerMachine,
    /// Whether its state hangs on processing time.
    has_timers: bool,
    /// Of so many elements nothing comes before the end of the window but values, whatever the key and window.
    fresh: u32,
}

/// How far time has come.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub(super) watermark: Timestamp,
    pub(super) now: Timestamp,
}

/// What is known of the panes of a key and window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct PaneState {
    trigger: TriggerState,
    /// The number of panes so far, and of those that were not early.
    panes: u32,
    not_early: u32,
    /// Something has come since the last firing.
    new: bool,
    /// It is to be looked at when the window's end is reached.
    pub(super) end_timer: bool,
    /// Elements that came before the end of the window was reached have not been given out.
    on_time_unfired: bool,
    /// The combined time of what is new and was not late, unless the end of the window is to be taken.
    time: Option<Timestamp>,
    /// The processing times after which it is to be looked at, whatever is left of the part of the trigger that set them.
    pub(super) timers: Timers,
}

impl PaneState {
    /// Something has come before the end of the window.
    #[inline]
    pub(super) fn has_more(&mut self) {
        (self.new, self.on_time_unfired) = (true, true);
    }
}

/// A firing: what is to be done with the accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fired {
    /// The pane to be emitted, with its timestamp, if it is.
    pub(super) pane: Option<(PaneInfo, Timestamp)>,
    /// The values are to be forgotten.
    pub(super) clear: bool,
}

impl Rules {
    pub(in crate::transforms) fn new(strategy: &WindowingStrategy) -> Self {
        let machine = TriggerMachine::new(&strategy.trigger);
        let fresh = fresh_elements(strategy, &machine);
        Rules { strategy: strategy.clone(), machine, has_timers: uses_processing_time(&strategy.trigger), fresh }
    }

    fn context(&self, window: Window, time: Time) -> TriggerContext {
        TriggerContext { watermark: time.watermark, now: time.now, end: window.end() }
    }

    /// Whether elements for `window` come too late.
    #[inline]
    pub(super) fn is_expired(&self, window: Window, watermark: Timestamp) -> bool {
        watermark >= self.strategy.expiry(window)
    }

    /// Whether windows of a key never overlap, since all that would are joined.
    #[inline]
    pub(super) fn keeps_windows_apart(&self) -> bool {
        matches!(&self.strategy.window_fn, WindowFn::Sessions(sessions) if !sessions.has_max_length())
    }

    /// Of no elements.
    pub(super) fn start(&self) -> PaneState {
        PaneState {
            trigger: self.machine.start(),
            panes: 0,
            not_early: 0,
            new: false,
            end_timer: false,
            on_time_unfired: false,
            time: None,
            timers: Timers::None,
        }
    }

    /// Of so many elements nothing comes before the end of the window but values: until then a key and window that has
    /// had no more needs no state of its own.
    #[inline]
    pub(super) fn fresh(&self) -> u32 {
        self.fresh
    }

    /// The state of a key and window for which so many elements have come before the end of the window.
    pub(super) fn of_fresh(&self, elements: u32, window: Window, time: Time) -> PaneState {
        let mut state = self.start();
        state.has_more();
        state.end_timer = self.machine.waits_for_end_of_window(&state.trigger);
        self.on_quiet_elements(&mut state, window, time, elements);
        state
    }

    /// The end of the window is reached: what that means for all keys without a state of their own, and which state they
    /// have from then on, if they are looked at then. How many elements they had does not matter.
    pub(super) fn on_end_of_fresh(&self, window: Window, time: Time) -> Option<(Fired, PaneState)> {
        let mut state = self.of_fresh(1, window, time);
        self.on_end_of_window(&mut state, window, time).map(|fired| (fired, state))
    }

    /// Elements have come for the window in one bundle.
    #[inline]
    pub(super) fn on_elements(&self, state: &mut PaneState, window: Window, time: Time, arrival: Arrival) {
        state.new = true;
        if !window.is_over(time.watermark) {
            state.on_time_unfired = true;
            state.end_timer = state.end_timer || self.machine.waits_for_end_of_window(&state.trigger);
            let added = match self.strategy.timestamp_combiner {
                TimestampCombiner::EndOfWindow => None,
                TimestampCombiner::Earliest => arrival.has_times().then_some(arrival.earliest),
                TimestampCombiner::Latest => arrival.has_times().then_some(arrival.latest),
            };
            state.time = self.combine_times(state.time, added);
        }
        self.machine.on_elements(&mut state.trigger, arrival.elements, &self.context(window, time));
        if self.has_timers {
            // Those that have passed were set when they were to come, or the window is new, and is looked at now.
            let PaneState { trigger, timers, .. } = state;
            let set = |timers: &mut Timers| {
                self.machine.for_each_processing_time(trigger, |due| {
                    if due >= time.now {
                        timers.set(due);
                    }
                });
            };
            set(timers);
            if timers.cut() {
                set(timers);
            }
        }
    }

    /// For how long elements that come for a row with this state change nothing but its values and the count of elements,
    /// if the end of the window is not reached: until that processing time has passed, or so many have come.
    #[inline]
    pub(super) fn quiet(&self, state: &PaneState) -> Option<(Timestamp, u32)> {
        // The end of the window, if it is to be noted, is.
        let noted = state.end_timer || !self.machine.waits_for_end_of_window(&state.trigger);
        if !noted || self.strategy.timestamp_combiner != TimestampCombiner::EndOfWindow {
            return None;
        }
        let (until, elements) = self.machine.quiet(&state.trigger);
        let elements = u32::try_from(elements).unwrap_or(u32::MAX);
        (elements > 0).then_some((until, elements))
    }

    /// As [`on_elements`](Self::on_elements), of elements that came while the state was quiet.
    pub(super) fn on_quiet_elements(&self, state: &mut PaneState, window: Window, time: Time, elements: u32) {
        self.machine.on_elements(&mut state.trigger, elements.into(), &self.context(window, time));
    }

    fn combine_times(&self, a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
        match (self.strategy.timestamp_combiner, a.zip(b)) {
            (_, None) => a.or(b),
            (TimestampCombiner::Latest, Some((a, b))) => Some(a.max(b)),
            (_, Some((a, b))) => Some(a.min(b)),
        }
    }

    /// Fires if the trigger is ready.
    #[inline]
    pub(super) fn fire_if_ready(&self, state: &mut PaneState, window: Window, time: Time) -> Option<Fired> {
        let context = self.context(window, time);
        if !self.machine.should_fire(&state.trigger, &context) {
            return None;
        }
        self.machine.on_fire(&mut state.trigger, &context);
        let finished = self.machine.is_finished(&state.trigger);
        Some(self.fire(state, window, time, finished))
    }

    /// The end of the window is reached.
    pub(super) fn on_end_of_window(&self, state: &mut PaneState, window: Window, time: Time) -> Option<Fired> {
        if !state.end_timer {
            return None;
        }
        let fired = self.fire_if_ready(state, window, time);
        state.end_timer = false; // only now: this firing may be the one that was owed
        fired
    }

    /// The window expires: what is left is given out, whatever the trigger says.
    pub(super) fn on_expiry(&self, state: &mut PaneState, window: Window, time: Time) -> Fired {
        self.fire(state, window, time, true)
    }

    fn fire(&self, state: &mut PaneState, window: Window, time: Time, last: bool) -> Fired {
        let owed = state.end_timer || state.on_time_unfired || self.strategy.allowed_lateness == Duration::ZERO;
        let timing = match window.is_over(time.watermark) {
            false => Timing::Early,
            true if state.not_early > 0 || !owed => Timing::Late,
            true => Timing::OnTime,
        };
        let wanted = state.new
            || (timing == Timing::OnTime && self.strategy.on_time == OnTimeBehavior::FireAlways)
            || (last && self.strategy.closing == ClosingBehavior::FireAlways);
        let pane = wanted.then(|| {
            let pane = PaneInfo {
                index: state.panes,
                non_speculative_index: if timing == Timing::Early { -1 } else { state.not_early as i32 },
                timing,
                is_first: state.panes == 0,
                is_last: last,
            };
            state.panes += 1;
            state.not_early += u32::from(timing != Timing::Early);
            (pane, state.time.unwrap_or(window.max_timestamp()))
        });
        state.new = false;
        state.on_time_unfired = false;
        state.time = None;
        Fired { pane, clear: self.strategy.accumulation == Accumulation::Discarding }
    }

    /// Where the key and window hold the output watermark: the pane to come must not be late downstream.
    #[inline]
    pub(super) fn hold(&self, state: &PaneState, window: Window, watermark: Timestamp) -> Option<Timestamp> {
        if !state.on_time_unfired {
            return None;
        }
        // Before its end nothing passes the window's last timestamp anyway.
        state.time.or_else(|| window.is_over(watermark).then(|| window.max_timestamp()))
    }

    /// Windows have become `window`: the states of those that had one. If `window` is one of them, `own` says which.
    pub(super) fn merge(&self, parts: &[PaneState], own: Option<usize>, window: Window, time: Time) -> PaneState {
        let triggers: Vec<TriggerState> = parts.iter().map(|p| p.trigger.clone()).collect();
        let own = own.and_then(|i| parts.get(i));
        PaneState {
            trigger: self.machine.on_merge(&triggers, &self.context(window, time)),
            // Panes are counted for the exact window: a new one begins anew.
            panes: own.map_or(0, |p| p.panes),
            not_early: own.map_or(0, |p| p.not_early),
            end_timer: own.is_some_and(|p| p.end_timer),
            new: parts.iter().any(|p| p.new),
            on_time_unfired: parts.iter().any(|p| p.on_time_unfired),
            time: parts.iter().fold(None, |t, p| self.combine_times(t, p.time)),
            // Those of the other parts are gone; what the joint trigger waits for is set with the elements that follow.
            timers: own.map_or(Timers::None, |p| p.timers.clone()),
        }
    }
}

/// See [`Rules::fresh`].
fn fresh_elements(strategy: &WindowingStrategy, machine: &TriggerMachine) -> u32 {
    let start = machine.start();
    // What these have counted is forgotten at the end of the window. Other triggers must not be asked then.
    let ends_alike = matches!(strategy.trigger, Trigger::Default | Trigger::AfterWatermark { .. })
        || !machine.waits_for_end_of_window(&start);
    match machine.quiet(&start) {
        (Timestamp::MAX, elements) if ends_alike && strategy.timestamp_combiner == TimestampCombiner::EndOfWindow => {
            u32::try_from(elements).unwrap_or(u32::MAX)
        }
        _ => 0,
    }
}

fn uses_processing_time(trigger: &Trigger) -> bool {
    let uses = uses_processing_time;
    match trigger {
        Trigger::AfterProcessingTime { .. } => true,
        Trigger::Default | Trigger::Never | Trigger::AfterCount(_) => false,
        Trigger::AfterWatermark { early, late } => [early, late].into_iter().flatten().any(|t| uses(t)),
        Trigger::Repeatedly(of) => uses(of),
        Trigger::AfterEach(of) | Trigger::AfterAll(of) | Trigger::AfterAny(of) => of.iter().any(uses),
        Trigger::OrFinally(of, until) => uses(of) || uses(until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::{AfterCount, AfterProcessingTime, AfterWatermark, FixedWindows, Never, Repeatedly};

    fn rules(trigger: impl Into<Trigger>, combiner: TimestampCombiner) -> Rules {
        let windows = WindowingStrategy::of(FixedWindows::of(Duration::seconds(10))).triggering(trigger);
        Rules::new(&windows.allowed_lateness(Duration::seconds(10)).accumulating().timestamp_combiner(combiner))
    }

    fn fresh(trigger: impl Into<Trigger>) -> u32 {
        rules(trigger, TimestampCombiner::EndOfWindow).fresh()
    }

    #[test]
    fn keys_are_fresh_until_a_trigger_may_fire() {
        let end = AfterWatermark::past_end_of_window;
        assert_eq!(fresh(end().early(AfterCount::at_least(100)).late(AfterCount::at_least(1))), 99);
        assert_eq!(fresh(Repeatedly::forever(AfterCount::at_least(5))), 4);
        assert_eq!(fresh(end().early(AfterCount::at_least(1))), 0);
        assert_eq!([fresh(Trigger::Default), fresh(end()), fresh(Never::ever())], [u32::MAX; 3]);
        assert_eq!(fresh(end().early(AfterProcessingTime::delay(Duration::seconds(1)))), 0);
        assert_eq!(fresh(Repeatedly::forever(end().early(AfterCount::at_least(5)))), 0, "asked at the end");
        assert_eq!(rules(end(), TimestampCombiner::Earliest).fresh(), 0, "each has a time of its own");
    }

    #[test]
    fn the_end_of_a_window_is_the_same_for_all_that_are_fresh() {
        let (at, window) =
            (Timestamp::from_seconds, Window::new(Timestamp::from_seconds(0), Timestamp::from_seconds(10)));
        let (before, after) = (Time { watermark: at(1), now: at(0) }, Time { watermark: at(10), now: at(0) });
        let early = AfterWatermark::past_end_of_window().early(AfterCount::at_least(100));
        let rules = rules(early.late(AfterCount::at_least(2)), TimestampCombiner::EndOfWindow);
        let (fired, ended) = rules.on_end_of_fresh(window, after).unwrap();
        assert_eq!(
            fired.pane.map(|(pane, t)| (pane.timing, pane.index, t)),
            Some((Timing::OnTime, 0, at(10) - Duration::micros(1)))
        );
        for elements in [1, 50, 99] {
            let mut state = rules.start();
            rules.on_elements(&mut state, window, before, Arrival { elements, ..Arrival::of(at(1)) });
            assert_eq!(rules.fire_if_ready(&mut state, window, before), None);
            assert_eq!(state, rules.of_fresh(elements as u32, window, before));
            assert_eq!(rules.on_end_of_window(&mut state, window, after), Some(fired));
            assert_eq!(state, ended);
        }
    }
}
