//! The state of one key and window.

use super::pane::{Fired, PaneState, Rules, Time};
use super::{Accumulate, Arrival, PaneEmitter};
use crate::transforms::grouping::holds::Holds;
use dataflow_core::Result;
use dataflow_windows::{Timestamp, Window};
use std::borrow::Cow;

/// The state of one key and window.
pub(super) struct Row<C> {
    /// What is known of the values, if there are any.
    pub(super) acc: Option<C>,
    pub(super) state: PaneState,
    /// The hold that is set for it.
    hold: Option<Timestamp>,
    /// The processing time at which it is noted to be looked at, or `MAX`: the earliest of those it waits for.
    hint: Timestamp,
    quiet: Quiet,
}

/// For how long the trigger has nothing to say about elements that come before the end of the window.
struct Quiet {
    /// Until this processing time has passed,
    until: Timestamp,
    /// or so many have come.
    elements: u32,
    /// How many have, of which the trigger is still to be told.
    untold: u32,
}

impl Quiet {
    const NO: Quiet = Quiet { until: Timestamp::MIN, elements: 0, untold: 0 };
}

impl<C> Row<C> {
    pub(super) fn new(acc: Option<C>, state: PaneState) -> Self {
        Row { acc, state, hold: None, hint: Timestamp::MAX, quiet: Quiet::NO }
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

    /// Adds the values that came in a bundle before the end of the window, if it is known that nothing else comes of them.
    /// Otherwise they are returned, for [`take_bundle`](Self::take_bundle).
    #[inline]
    fn take_quietly<A: Accumulate<Acc = C>>(&mut self, by: &A, acc: C, arrival: Arrival, now: Timestamp) -> Option<C> {
        let Quiet { until, elements, untold } = &mut self.quiet;
        let left = u64::from(*elements - *untold);
        if left == 0 || arrival.elements > left || now > *until {
            return Some(acc);
        }
        *untold += arrival.elements as u32; // not more than is left
        self.state.has_more();
        match &mut self.acc {
            Some(own) => by.merge(own, acc),
            none => *none = Some(acc),
        }
        None
    }

    /// Notes for how long nothing will come of more elements before the end of the window.
    #[inline]
    fn note_quiet(&mut self, rules: &Rules) {
        if let Some((until, elements)) = rules.quiet(&self.state) {
            self.quiet = Quiet { until, elements, untold: 0 };
        }
    }

    /// Tells the trigger of all elements. To be called before anything else is done with the state.
    #[inline]
    pub(super) fn end_quiet(&mut self, rules: &Rules, window: Window, time: Time) {
        let Quiet { untold, .. } = std::mem::replace(&mut self.quiet, Quiet::NO);
        if untold > 0 {
            rules.on_quiet_elements(&mut self.state, window, time, untold);
        }
    }

    /// The state with all elements.
    pub(super) fn full_state(&self, rules: &Rules, window: Window, time: Time) -> Cow<'_, PaneState> {
        let mut state = Cow::Borrowed(&self.state);
        if self.quiet.untold > 0 {
            rules.on_quiet_elements(state.to_mut(), window, time, self.quiet.untold);
        }
        state
    }

    /// Adds the values that came in a bundle, and does all that comes of it but to note its processing time.
    pub(super) fn take<A: Accumulate<Acc = C>>(
        &mut self,
        to: &mut Place<'_, '_, '_, A>,
        key: &A::Key,
        acc: C,
        arrival: Arrival,
        holds: &mut Holds,
    ) -> Result<()>
    where
        C: Clone,
    {
        let is_over = to.window.is_over(to.time.watermark);
        let acc = match is_over {
            true => acc,
            false => match self.take_quietly(to.by, acc, arrival, to.time.now) {
                Some(acc) => acc,
                None => return Ok(()),
            },
        };
        self.end_quiet(to.rules, to.window, to.time);
        self.take_bundle(to, key, Some(acc), arrival)?;
        self.set_hold(to.rules, to.window, to.time, holds);
        if !is_over {
            self.note_quiet(to.rules);
        }
        Ok(())
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

    /// The end of the window is reached: gives out what the trigger then says.
    pub(super) fn end<A: Accumulate<Acc = C>>(
        &mut self,
        to: &mut Place<'_, '_, '_, A>,
        key: &A::Key,
        holds: &mut Holds,
    ) -> Result<()>
    where
        C: Clone,
    {
        self.end_quiet(to.rules, to.window, to.time);
        let fired = to.rules.on_end_of_window(&mut self.state, to.window, to.time);
        self.give_out(to, key, fired)?;
        self.set_hold(to.rules, to.window, to.time, holds);
        Ok(())
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
