//! Timers that get their names while the pipeline runs.

use super::timer::{Slot, TimeDomain, align};
use super::{Call, Clock, EventTime, KeyContext, ProcessingTime, Setting, TimerCell};
use crate::{Result, coder};
use dataflow_windows::{Duration, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A cell with any number of timers, each with an id: an [`EventTimerFamily`] or a [`ProcessingTimerFamily`].
///
/// Each of them is as a [`Timer`](super::Timer) is. Looking for the earliest one takes time in proportion to their number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimerFamily<D> {
    timers: BTreeMap<String, Slot>,
    /// Some were set in the call at hand.
    changed: bool,
    domain: PhantomData<fn() -> D>,
}

/// Timers of event time by id. See [`EventTimer`](super::EventTimer).
///
/// ```
/// use dataflow_core::state::EventTimerFamily;
/// use dataflow_windows::Timestamp;
///
/// let mut reminders = EventTimerFamily::default();
/// reminders.set("offer", Timestamp::from_seconds(60));
/// reminders.set("survey", Timestamp::from_seconds(90));
/// reminders.clear("offer");
/// assert!(!reminders.is_set("offer"));
/// assert!(reminders.ids().eq(["survey"]));
/// ```
pub type EventTimerFamily = TimerFamily<EventTime>;

/// Timers of processing time by id. See [`ProcessingTimer`](super::ProcessingTimer).
pub type ProcessingTimerFamily = TimerFamily<ProcessingTime>;

impl<D> Default for TimerFamily<D> {
    fn default() -> Self {
        TimerFamily { timers: BTreeMap::new(), changed: false, domain: PhantomData }
    }
}

impl<D: TimeDomain> TimerFamily<D> {
    fn set_to(&mut self, id: &str, at: Timestamp, output: Option<Timestamp>) {
        self.changed = true;
        match self.timers.get_mut(id) {
            Some(slot) => slot.set(at, output),
            None => self.timers.entry(id.to_owned()).or_insert(Slot::UNSET).set(at, output),
        }
    }

    /// Sets timer `id`. See [`Timer::set`](super::Timer::set).
    pub fn set(&mut self, id: &str, at: Timestamp) {
        self.set_to(id, at, None);
    }

    /// Sets timer `id`, with an output timestamp. See [`Timer::set_with_output`](super::Timer::set_with_output).
    pub fn set_with_output(&mut self, id: &str, at: Timestamp, output: Timestamp) {
        self.set_to(id, at, Some(output));
    }

    /// Sets timer `id` for `offset` from now. See [`Timer::set_relative`](super::Timer::set_relative).
    pub fn set_relative<K>(&mut self, id: &str, context: &KeyContext<'_, K>, offset: Duration) {
        self.set(id, D::now(context.call()) + offset);
    }

    /// Sets timer `id` for a multiple of `period`. See [`Timer::set_aligned`](super::Timer::set_aligned).
    pub fn set_aligned<K>(&mut self, id: &str, context: &KeyContext<'_, K>, offset: Duration, period: Duration) {
        self.set(id, align(D::now(context.call()) + offset, period));
    }

    /// Unsets timer `id`.
    pub fn clear(&mut self, id: &str) {
        self.timers.remove(id);
    }

    /// Unsets all.
    pub fn clear_all(&mut self) {
        self.timers.clear();
    }

    /// Whether timer `id` is set.
    pub fn is_set(&self, id: &str) -> bool {
        self.timers.contains_key(id)
    }

    /// The time that timer `id` is set for.
    pub fn time(&self, id: &str) -> Option<Timestamp> {
        self.timers.get(id)?.get().map(|s| s.at)
    }

    /// The ids of the timers that are set, ascending.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.timers.keys().map(String::as_str)
    }

    fn first(&self) -> Option<(Setting, &String)> {
        self.timers.iter().filter_map(|(id, slot)| Some((slot.get()?, id))).min()
    }
}

/// The name of a timer of a family, for messages.
struct NameOf<'a>(&'a str, &'a str);

impl fmt::Display for NameOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[\"{}\"]", self.0, self.1)
    }
}

impl<D: TimeDomain> TimerCell for TimerFamily<D> {
    type Id = String;
    const CLOCK: Clock = D::CLOCK;

    #[inline]
    fn is_vacant(&self) -> bool {
        self.timers.is_empty()
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        let set: Vec<(&str, Setting)> =
            self.timers.iter().filter_map(|(id, slot)| Some((id.as_str(), slot.get()?))).collect();
        coder::encode(&set, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        let set: Vec<(String, Setting)> = coder::decode(from)?;
        self.timers = set.into_iter().map(|(id, setting)| (id, Slot::of(setting))).collect();
        Ok(())
    }

    #[inline]
    fn settle(&mut self, name: &str, call: &Call) -> Result<bool> {
        if !std::mem::take(&mut self.changed) {
            return Ok(false);
        }
        let mut any = false;
        for (id, slot) in &mut self.timers {
            any |= slot.settle(D::CLOCK, &NameOf(name, id), call)?;
        }
        Ok(any)
    }

    fn earliest(&self) -> Option<Setting> {
        self.first().map(|(setting, _)| setting)
    }

    fn take_earliest(&mut self) -> Option<(String, Setting)> {
        let id = self.first()?.1.clone();
        let (id, slot) = self.timers.remove_entry(&id)?;
        Some((id, slot.get()?))
    }

    fn hold(&self) -> Option<Timestamp> {
        self.timers.values().filter_map(|slot| slot.hold(D::CLOCK)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::Window;

    #[test]
    fn timers_of_a_family_leave_by_time_then_id() {
        let t = Timestamp::from_seconds;
        let mut family = EventTimerFamily::default();
        for (id, at) in [("c", 3), ("b", 1), ("a", 3), ("d", 9), ("d", 2)] {
            family.set(id, t(at));
        }
        family.clear("none");
        let left: Vec<_> = std::iter::from_fn(|| family.take_earliest()).map(|(id, _)| id).collect();
        assert_eq!(left, ["b", "d", "a", "c"]);
    }

    #[test]
    fn a_timer_that_is_too_late_is_named() {
        let t = Timestamp::from_seconds;
        let mut family = EventTimerFamily::default();
        family.set("x", t(61));
        let call = Call::for_element(t(0), Window::new(t(0), t(60)), t(0), t(60));
        let error = family.settle("flush", &call).unwrap_err().to_string();
        assert!(error.contains("timer `flush[\"x\"]`"), "{error}");
    }
}
