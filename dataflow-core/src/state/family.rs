//! Timers that get their names while the pipeline runs.

use super::timer::{Slot, TimeDomain, align};
use super::{Call, Clock, EventTime, KeyContext, ProcessingTime, Setting, TimerCell};
use crate::{Result, coder};
use dataflow_windows::{Duration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A cell with any number of timers, each with an id: an [`EventTimerFamily`] or a [`ProcessingTimerFamily`].
///
/// Each of them is as a [`Timer`](super::Timer) is. What is done with one takes time with the logarithm of their number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimerFamily<D> {
    timers: BTreeMap<Arc<str>, Slot>,
    /// Those that were set in the call at hand. They are in no order yet.
    changed: Vec<Arc<str>>,
    by_time: BTreeSet<(Setting, Arc<str>)>,
    /// Where timers hold the watermark.
    holds: BTreeSet<(Timestamp, Arc<str>)>,
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
        let (by_time, holds) = (BTreeSet::new(), BTreeSet::new());
        TimerFamily { timers: BTreeMap::new(), changed: Vec::new(), by_time, holds, domain: PhantomData }
    }
}

impl<D: TimeDomain> TimerFamily<D> {
    fn set_to(&mut self, id: &str, at: Timestamp, output: Option<Timestamp>) {
        let id = self.remove(id).map_or_else(|| Arc::from(id), |(id, _)| id);
        let mut slot = Slot::UNSET;
        slot.set(at, output);
        self.timers.insert(id.clone(), slot);
        self.changed.push(id);
    }

    /// Takes a timer out, wherever it is noted.
    fn remove(&mut self, id: &str) -> Option<(Arc<str>, Setting)> {
        let (id, slot) = self.timers.remove_entry(id)?;
        let setting = slot.get()?;
        let entry = (setting, id);
        self.by_time.remove(&entry);
        let (_, id) = entry;
        if let Some(hold) = slot.hold(D::CLOCK) {
            self.holds.remove(&(hold, id.clone()));
        }
        Some((id, setting))
    }

    /// Notes a timer by its times.
    fn put_in_order(&mut self, id: &Arc<str>, slot: Slot) {
        self.by_time.extend(slot.get().map(|setting| (setting, id.clone())));
        self.holds.extend(slot.hold(D::CLOCK).map(|hold| (hold, id.clone())));
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
        self.remove(id);
    }

    /// Unsets all.
    pub fn clear_all(&mut self) {
        *self = Self::default();
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
        self.timers.keys().map(|id| &**id)
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
            self.timers.iter().filter_map(|(id, slot)| Some((&**id, slot.get()?))).collect();
        coder::encode(&set, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        *self = Self::default();
        for (id, setting) in coder::decode::<Vec<(String, Setting)>>(from)? {
            let (id, slot) = (Arc::from(id), Slot::of(setting));
            self.put_in_order(&id, slot);
            self.timers.insert(id, slot);
        }
        Ok(())
    }

    #[inline]
    fn settle(&mut self, name: &str, call: &Call) -> Result<bool> {
        if self.changed.is_empty() {
            return Ok(false);
        }
        let mut any = false;
        for id in std::mem::take(&mut self.changed) {
            // One that was cleared, or has been settled as it was set twice, has nothing more to be noted.
            let Some(slot) = self.timers.get_mut(&id) else { continue };
            if slot.settle(D::CLOCK, &NameOf(name, &id), call)? {
                let slot = *slot;
                self.put_in_order(&id, slot);
                any = true;
            }
        }
        Ok(any)
    }

    fn earliest(&self) -> Option<Setting> {
        self.by_time.first().map(|(setting, _)| *setting)
    }

    fn list(&self) -> Vec<(Option<&str>, Setting)> {
        self.timers.iter().filter_map(|(id, slot)| Some((Some(&**id), slot.get()?))).collect()
    }

    fn take_earliest(&mut self) -> Option<(String, Setting)> {
        let id = self.by_time.first()?.1.clone();
        self.remove(&id).map(|(id, setting)| (id.as_ref().to_owned(), setting))
    }

    fn hold(&self) -> Option<Timestamp> {
        self.holds.first().map(|(hold, _)| *hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::Window;

    fn call(timestamp: i64) -> Call {
        let t = Timestamp::from_seconds;
        Call::for_element(t(timestamp), Window::new(t(0), t(60)), t(1_000), t(60))
    }

    #[test]
    fn timers_of_a_family_leave_by_time_then_id() {
        let t = Timestamp::from_seconds;
        let mut family = EventTimerFamily::default();
        for (id, at) in [("c", 3), ("b", 1), ("e", 7), ("a", 3), ("d", 9), ("d", 2)] {
            family.set(id, t(at));
        }
        family.clear("none");
        family.clear("e");
        assert!(family.settle("f", &call(0)).unwrap());
        assert!(!family.settle("f", &call(0)).unwrap(), "once per setting");
        family.set("b", t(5));
        family.settle("f", &call(0)).unwrap();
        let left: Vec<_> = std::iter::from_fn(|| family.take_earliest()).map(|(id, _)| id).collect();
        assert_eq!(left, ["d", "a", "c", "b"]);
        assert!(family.is_vacant() && family.earliest().is_none());
    }

    #[test]
    fn the_earliest_hold_of_a_family_is_that_of_a_timer_that_is_set() {
        let t = Timestamp::from_seconds;
        let mut family = ProcessingTimerFamily::default();
        for (id, timestamp) in [("a", 20), ("b", 10), ("c", 30)] {
            family.set(id, t(2_000));
            family.settle("f", &call(timestamp)).unwrap();
        }
        let mut bytes = Vec::new();
        family.encode(&mut bytes).unwrap();
        family.clear("b");
        assert_eq!(family.hold(), Some(t(20)));
        family.set("a", t(3_000));
        family.settle("f", &call(40)).unwrap();
        assert_eq!(family.hold(), Some(t(30)));
        family.clear_all();
        assert_eq!(family.hold(), None);
        family.decode(&mut &bytes[..]).unwrap();
        assert_eq!((family.hold(), family.earliest().map(|s| s.at)), (Some(t(10)), Some(t(2_000))));
    }

    #[test]
    fn a_timer_that_is_too_late_is_named() {
        let mut family = EventTimerFamily::default();
        family.set("x", Timestamp::from_seconds(61));
        let error = family.settle("flush", &call(0)).unwrap_err().to_string();
        assert!(error.contains("timer `flush[\"x\"]`"), "{error}");
    }
}
