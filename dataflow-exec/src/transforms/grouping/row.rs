//! The state of one key and window.

use super::pane::{Fired, PaneState, Rules, Time};
use super::{Accumulate, Arrival, PaneEmitter};
use crate::transforms::grouping::holds::Holds;
use dataflow_core::Result;
use dataflow_windows::{Timestamp, Window};

/// The state of one key and window.
pub(super) struct Row<C> {
    /// What is known of the values, if there are any.
    pub(super) acc: Option<C>,
    pub(super) state: PaneState,
    /// The hold that is set for it.
    hold: Option<Timestamp>,
    /// The processing time at which it is noted to be looked at, or `MAX`: the earliest of those it waits for.
    hint: Timestamp,
}

impl<C> Row<C> {
    pub(super) fn new(acc: Option<C>, state: PaneState) -> Self {
        Row { acc, state, hold: None, hint: Timestamp::MAX }
    }

    /// Sets the hold that its state asks for.
    #[inline]
    pub(super) fn set_hold(&mut self, rules: &Rules, window: Window, time: Time, holds: &mut Holds) {
        holds.change(&mut self.hold, rules.hold(&self.state, window, time.watermark));
    }

    /// It is given up: nothing is held for it any more.
    pub(super) fn release(&mut self, holds: &mut Holds) {
        holds.change(&mut self.hold, None);
    }

    /// The processing time at which it is to be noted, if it is not noted for one as early.
    #[inline]
    pub(super) fn new_hint(&mut self) -> Option<Timestamp> {
        let first = self.state.timers.first().filter(|first| *first < self.hint)?;
        self.hint = first;
        Some(first)
    }

    /// Something noted for it, or for another window of its key, has come. Returns whether it is to be looked at, since a
    /// time that it waits for has passed.
    pub(super) fn takes_hint(&mut self, now: Timestamp) -> bool {
        // A note of its own that is still to be read in this pass finds it looked at, and must not stand for later times.
        if self.hint < now {
            self.hint = Timestamp::MAX;
        }
        self.state.timers.take_before(now)
    }

    /// Its state is that of another window from now on. Nothing is noted for that.
    pub(super) fn turn_to(&mut self, state: PaneState) {
        (self.state, self.hint) = (state, Timestamp::MAX);
    }

    /// Adds the values that came in a bundle, and gives out what the trigger then says.
    #[inline]
    pub(super) fn take_bundle<A: Accumulate<Acc = C>>(
        &mut self,
        to: &mut Place<'_, '_, '_, A>,
        key: &A::Key,
        acc: Option<C>,
        arrival: Arrival,
    ) -> Result<()>
    where
        C: Clone,
    {
        if let Some(new) = acc {
            match &mut self.acc {
                Some(acc) => to.by.merge(acc, new),
                none => *none = Some(new),
            }
        }
        to.rules.on_elements(&mut self.state, to.window, to.time, arrival);
        let fired = to.rules.fire_if_ready(&mut self.state, to.window, to.time);
        self.give_out(to, key, fired)
    }

    /// Emits a pane, if there is one.
    #[inline]
    pub(super) fn give_out<A: Accumulate<Acc = C>>(
        &mut self,
        to: &mut Place<'_, '_, '_, A>,
        key: &A::Key,
        fired: Option<Fired>,
    ) -> Result<()>
    where
        C: Clone,
    {
        let Some(Fired { pane, clear }) = fired else { return Ok(()) };
        if let Some((pane, timestamp)) = pane {
            let acc = if clear { self.acc.take() } else { self.acc.clone() };
            if let Some(result) = to.by.finish(key.clone(), acc.unwrap_or_else(|| to.by.create())) {
                to.out.emit(result, timestamp, to.window, pane)?;
            }
        }
        if clear {
            self.acc = None;
        }
        Ok(())
    }
}

/// Where rows are at home: their window, and where their panes go.
pub(super) struct Place<'a, 'b, 'c, A: Accumulate> {
    pub(super) by: &'a A,
    pub(super) rules: &'a Rules,
    pub(super) window: Window,
    pub(super) time: Time,
    pub(super) out: &'a mut PaneEmitter<'b, 'c, A::Out>,
}
