//! Timers.

use super::{Call, KeyContext, TimerCell};
use crate::{Error, ErrorKind, Result, coder};
use dataflow_windows::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// What a timer goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// The watermark.
    Event,
    /// The time of day, as the runner sees it.
    Processing,
}

/// The clock of a timer, as a type: [`EventTime`] or [`ProcessingTime`].
pub trait TimeDomain: Clone + Send + 'static {
    /// Which it is.
    const CLOCK: Clock;

    /// What this clock shows in a call: what relative timers are relative to.
    fn now(call: &Call) -> Timestamp;
}

/// Event time: a timer fires when the watermark is after its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventTime;

/// Processing time: a timer fires when the clock is after its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessingTime;

impl TimeDomain for EventTime {
    const CLOCK: Clock = Clock::Event;

    fn now(call: &Call) -> Timestamp {
        call.event_time
    }
}

impl TimeDomain for ProcessingTime {
    const CLOCK: Clock = Clock::Processing;

    fn now(call: &Call) -> Timestamp {
        call.processing_time
    }
}

/// What a timer is set to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// When it fires.
    pub at: Timestamp,
    /// The timestamp of what its callback emits, which holds the watermark until then.
    pub output: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Unset,
    Set,
    /// Set in the call at hand, without an output timestamp.
    New,
    /// Set in the call at hand, with one.
    NewWithOutput,
}

/// One timer: what all cells of timers are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    setting: Setting,
    status: Status,
}

impl Slot {
    pub(super) const UNSET: Slot =
        Slot { setting: Setting { at: Timestamp::MIN, output: Timestamp::MIN }, status: Status::Unset };

    pub(super) fn of(setting: Setting) -> Self {
        Slot { setting, status: Status::Set }
    }

    #[inline]
    pub(super) fn set(&mut self, at: Timestamp, output: Option<Timestamp>) {
        let status = if output.is_some() { Status::NewWithOutput } else { Status::New };
        *self = Slot { setting: Setting { at, output: output.unwrap_or(at) }, status };
    }

    #[inline]
    pub(super) fn get(&self) -> Option<Setting> {
        (self.status != Status::Unset).then_some(self.setting)
    }

    /// Checks what was set in `call`, and finds its output timestamp. Returns whether anything was set.
    #[inline]
    pub(super) fn settle(&mut self, clock: Clock, name: &dyn fmt::Display, call: &Call) -> Result<bool> {
        let Setting { at, output } = self.setting;
        match self.status {
            Status::Unset | Status::Set => return Ok(false),
            Status::New if clock == Clock::Processing => self.setting.output = call.timestamp,
            Status::New => {}
            Status::NewWithOutput if output < call.timestamp => return Err(too_early(name, output, call)),
            Status::NewWithOutput if output > call.limit => {
                return Err(too_late(name, "has the output timestamp", output, call));
            }
            Status::NewWithOutput => {}
        }
        if clock == Clock::Event && at > call.limit {
            return Err(too_late(name, "is set for", at, call));
        }
        self.status = Status::Set;
        Ok(true)
    }

    /// Where it holds the watermark. An event-time timer with the default output timestamp fires before the watermark
    /// is there, so it need not.
    #[inline]
    pub(super) fn hold(&self, clock: Clock) -> Option<Timestamp> {
        self.get().filter(|s| clock == Clock::Processing || s.output < s.at).map(|s| s.output)
    }
}

#[cold]
fn too_late(name: &dyn fmt::Display, what: &str, time: Timestamp, call: &Call) -> Error {
    let (window, limit) = (call.window, call.limit);
    let message = format!(
        "timer `{name}` {what} {time}, after its window {window} has expired: the last possible time is {limit}; cut it \
         with `context.within_window(time)`, or give the window more `allowed_lateness`"
    );
    Error::new(ErrorKind::User, message)
}

#[cold]
fn too_early(name: &dyn fmt::Display, output: Timestamp, call: &Call) -> Error {
    let now = call.timestamp;
    let message = format!(
        "timer `{name}` has the output timestamp {output}, before that of the call that sets it, {now}: what it emits \
         would be late; give one from {now} on"
    );
    Error::new(ErrorKind::User, message)
}

/// A cell with one timer, which is set or not: an [`EventTimer`] or a [`ProcessingTimer`].
///
/// Setting it again replaces its time; in one call the last operation counts. It is unset when it fires, before its
/// callback, which may set it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timer<D> {
    slot: Slot,
    domain: PhantomData<fn() -> D>,
}

/// A cell with a timer of event time: it fires when the watermark is after its time.
///
/// It can be set up to the time at which its window expires. One that is set for the past fires at the end of the bundle.
///
/// ```
/// use dataflow_core::state::EventTimer;
/// use dataflow_windows::Timestamp;
///
/// let mut flush = EventTimer::default();
/// flush.set(Timestamp::from_seconds(60));
/// assert!(flush.is_set());
/// assert_eq!(flush.time(), Some(Timestamp::from_seconds(60)));
/// flush.clear();
/// assert!(!flush.is_set());
/// ```
pub type EventTimer = Timer<EventTime>;

/// A cell with a timer of processing time: it fires when the clock of the runner is after its time.
///
/// It holds the watermark at its output timestamp, by default that of the element that sets it, until it has fired. One
/// whose window expires first never fires.
///
/// ```
/// use dataflow_core::state::ProcessingTimer;
/// use dataflow_windows::Timestamp;
///
/// let mut flush = ProcessingTimer::default();
/// flush.set(Timestamp::from_seconds(60));
/// assert!(flush.is_set());
/// ```
pub type ProcessingTimer = Timer<ProcessingTime>;

impl<D> Default for Timer<D> {
    fn default() -> Self {
        Timer { slot: Slot::UNSET, domain: PhantomData }
    }
}

impl<D: TimeDomain> Timer<D> {
    /// Sets it for the time `at`.
    #[inline]
    pub fn set(&mut self, at: Timestamp) {
        self.slot.set(at, None);
    }

    /// Sets it for the time `at`; what its callback emits has the timestamp `output`, and until then the watermark does
    /// not pass it. `output` must not be before the timestamp of the call, nor after the time at which the window expires.
    #[inline]
    pub fn set_with_output(&mut self, at: Timestamp, output: Timestamp) {
        self.slot.set(at, Some(output));
    }

    /// Sets it for `offset` after the element's timestamp, or after the time of the timer that is firing; a timer of
    /// processing time for `offset` after the processing time.
    #[inline]
    pub fn set_relative<K>(&mut self, context: &KeyContext<'_, K>, offset: Duration) {
        self.set(D::now(context.call()) + offset);
    }

    /// As [`set_relative`](Self::set_relative), but put off to the next whole multiple of `period` since 1970.
    ///
    /// ```
    /// # use dataflow_core::state::{Call, EventTimer, KeyContext};
    /// # use dataflow_windows::{Duration, Timestamp, Window};
    /// # let call = Call::for_element(Timestamp::from_seconds(70), Window::GLOBAL, Timestamp::MIN, Window::GLOBAL.end());
    /// # let context = KeyContext::new(&"key", call);
    /// let mut timer = EventTimer::default();
    /// timer.set_aligned(&context, Duration::ZERO, Duration::minutes(1)); // at second 70
    /// assert_eq!(timer.time(), Some(Timestamp::from_seconds(120)));
    /// ```
    #[inline]
    pub fn set_aligned<K>(&mut self, context: &KeyContext<'_, K>, offset: Duration, period: Duration) {
        self.set(align(D::now(context.call()) + offset, period));
    }

    /// Unsets it.
    #[inline]
    pub fn clear(&mut self) {
        self.slot = Slot::UNSET;
    }

    /// Whether it is set.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.slot.get().is_some()
    }

    /// The time it is set for.
    #[inline]
    pub fn time(&self) -> Option<Timestamp> {
        self.slot.get().map(|s| s.at)
    }
}

/// The first whole multiple of `period` since 1970 that is not before `time`.
pub(super) fn align(time: Timestamp, period: Duration) -> Timestamp {
    let period = period.as_micros().max(1);
    match time.as_micros().rem_euclid(period) {
        0 => time,
        past => time + Duration::micros(period - past),
    }
}

impl<D: TimeDomain> TimerCell for Timer<D> {
    type Id = ();
    const CLOCK: Clock = D::CLOCK;

    #[inline]
    fn is_vacant(&self) -> bool {
        !self.is_set()
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        coder::encode(&self.slot.get(), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        self.slot = coder::decode::<Option<Setting>>(from)?.map_or(Slot::UNSET, Slot::of);
        Ok(())
    }

    #[inline]
    fn settle(&mut self, name: &str, call: &Call) -> Result<bool> {
        self.slot.settle(D::CLOCK, &name, call)
    }

    #[inline]
    fn earliest(&self) -> Option<Setting> {
        self.slot.get()
    }

    fn list(&self) -> Vec<(Option<&str>, Setting)> {
        self.slot.get().map(|setting| (None, setting)).into_iter().collect()
    }

    #[inline]
    fn take_earliest(&mut self) -> Option<((), Setting)> {
        let setting = self.slot.get()?;
        self.clear();
        Some(((), setting))
    }

    #[inline]
    fn hold(&self) -> Option<Timestamp> {
        self.slot.hold(D::CLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::Window;

    fn seconds(s: i64) -> Timestamp {
        Timestamp::from_seconds(s)
    }

    /// An element at second 10 in `[0, 60)`, with a minute of lateness.
    fn call() -> Call {
        let window = Window::new(seconds(0), seconds(60));
        Call::for_element(seconds(10), window, seconds(1_000), seconds(120))
    }

    #[test]
    fn the_last_operation_of_a_call_counts() {
        let mut timer = EventTimer::default();
        timer.set(seconds(20));
        timer.set(seconds(15));
        assert_eq!(timer.earliest(), Some(Setting { at: seconds(15), output: seconds(15) }));
        timer.clear();
        assert!(!timer.settle("t", &call()).unwrap());
        timer.set(seconds(30));
        assert!(timer.settle("t", &call()).unwrap());
        assert!(!timer.settle("t", &call()).unwrap(), "once per setting");
    }

    #[test]
    fn a_timer_may_be_as_late_as_its_window_and_no_later() {
        let last = seconds(120) - Duration::micros(1);
        let mut timer = EventTimer::default();
        timer.set(last);
        timer.settle("t", &call()).unwrap();
        timer.set(last + Duration::micros(1));
        let error = timer.settle("t", &call()).unwrap_err().to_string();
        assert!(
            error.contains("timer `t` is set for 1970-01-01T00:02:00Z") && error.contains("within_window"),
            "{error}"
        );
        let mut late = ProcessingTimer::default();
        late.set(seconds(1 << 40));
        late.settle("p", &call()).unwrap();
    }

    #[test]
    fn an_output_timestamp_is_neither_before_the_element_nor_after_the_window_has_expired() {
        let mut timer = EventTimer::default();
        timer.set_with_output(seconds(20), seconds(10));
        timer.settle("t", &call()).unwrap();
        assert_eq!(timer.hold(), Some(seconds(10)));
        timer.set_with_output(seconds(20), seconds(30));
        timer.settle("t", &call()).unwrap();
        assert_eq!(timer.hold(), None);
        for wrong in [seconds(9), seconds(120)] {
            timer.set_with_output(seconds(20), wrong);
            assert!(timer.settle("t", &call()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_timer_of_processing_time_holds_the_element_that_sets_it() {
        let mut timer = ProcessingTimer::default();
        let context = KeyContext::new(&(), call());
        timer.set_relative(&context, Duration::seconds(5));
        timer.settle("p", &call()).unwrap();
        assert_eq!(timer.earliest(), Some(Setting { at: seconds(1_005), output: seconds(10) }));
        assert_eq!(timer.hold(), Some(seconds(10)));
    }

    #[test]
    fn alignment_puts_off_to_the_next_multiple_also_before_1970() {
        let minute = Duration::minutes(1);
        assert_eq!(align(seconds(120), minute), seconds(120));
        assert_eq!(align(seconds(121), minute), seconds(180));
        assert_eq!(align(seconds(-61), minute), seconds(-60));
        assert_eq!(align(seconds(7), Duration::ZERO), seconds(7));
    }
}
