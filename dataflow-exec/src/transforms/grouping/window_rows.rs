//! The rows of a window, by key.

use super::holds::Holds;
use super::pane::{Fired, PaneState, Rules, Time};
use super::row::Row;
use super::table::Table;
use super::{Accumulate, PaneEmitter};
use dataflow_core::Result;
use dataflow_windows::{Timestamp, Window};
use hashbrown::hash_table::Entry;
use std::borrow::Cow;

/// The rows of a window, by key.
///
/// Most keys have but few elements in a window, and of these nothing comes before its end. Their rows are small: what is
/// known of their panes is the same for all of them.
pub(super) struct WindowRows<A: Accumulate> {
    pub(super) fresh: Table<A::Key, Fresh<A::Acc>>,
    /// Those of other keys.
    pub(super) rows: Table<A::Key, Row<A::Acc>>,
    /// The state of all fresh ones, once the end of the window has been acted on.
    ended: Option<PaneState>,
    /// What they hold the output watermark at.
    hold: Option<Timestamp>,
}

/// The values of a key and window which has given out nothing before the end of the window.
pub(super) struct Fresh<C> {
    acc: Option<C>,
    elements: u32,
}

impl<C: Clone> Fresh<C> {
    /// What is to be given out of it.
    #[inline]
    fn give<A: Accumulate<Acc = C>>(&mut self, by: &A, key: A::Key, clear: bool) -> Option<A::Out> {
        let acc = if clear { self.acc.take() } else { self.acc.clone() };
        by.finish(key, acc.unwrap_or_else(|| by.create()))
    }
}

impl<A: Accumulate> WindowRows<A> {
    /// No rows. `fresh` is an empty table, which may have room.
    pub(super) fn new(fresh: Table<A::Key, Fresh<A::Acc>>) -> Self {
        WindowRows { rows: fresh.like(), fresh, ended: None, hold: None }
    }

    /// The hash of a key.
    #[inline]
    pub(super) fn hash(&self, key: &A::Key) -> u64 {
        self.rows.hash(key)
    }

    /// Adds what has come for a key before the end of the window, if it is known that nothing else comes of it. Otherwise
    /// the values are returned, and are for the [`row`](Self::row).
    #[inline]
    pub(super) fn take_fresh(
        &mut self,
        by: &A,
        rules: &Rules,
        hash: u64,
        key: &A::Key,
        acc: A::Acc,
        elements: u64,
    ) -> Option<A::Acc> {
        let most = u64::from(rules.fresh());
        if elements > most {
            return Some(acc);
        }
        match self.fresh.entry(hash, key) {
            Entry::Occupied(mut found) => {
                let fresh = &mut found.get_mut().1;
                let sum = u64::from(fresh.elements) + elements;
                if sum > most {
                    return Some(acc);
                }
                fresh.elements = sum as u32; // not more than `most`
                match &mut fresh.acc {
                    Some(own) => by.merge(own, acc),
                    none => *none = Some(acc),
                }
            }
            Entry::Vacant(free) => {
                if !self.rows.rows.is_empty() && self.rows.has(hash, key) {
                    return Some(acc);
                }
                free.insert((key.clone(), Fresh { acc: Some(acc), elements: elements as u32 }));
            }
        }
        None
    }

    /// The row of a key, which is fresh no more.
    #[inline]
    pub(super) fn row(
        &mut self,
        rules: &Rules,
        window: Window,
        time: Time,
        hash: u64,
        key: &A::Key,
    ) -> &mut Row<A::Acc> {
        let taken = match self.fresh.rows.is_empty() {
            true => None,
            false => self.fresh.remove_with(hash, key),
        };
        let ended = &self.ended;
        self.rows.row_with(hash, Cow::Borrowed(key), || match taken {
            Some(Fresh { acc, elements }) => {
                Row::new(acc, state(ended.as_ref(), rules, elements, window, time).into_owned())
            }
            None => Row::new(None, rules.start()),
        })
    }

    /// The keys and values of the fresh ones, with their states.
    pub(super) fn fresh_states(
        &self,
        rules: &Rules,
        window: Window,
        time: Time,
    ) -> impl Iterator<Item = (&A::Key, &Option<A::Acc>, Cow<'_, PaneState>)> {
        self.fresh
            .rows
            .iter()
            .map(move |(key, fresh)| (key, &fresh.acc, state(self.ended.as_ref(), rules, fresh.elements, window, time)))
    }

    /// The end of the window is reached, and `rules` are asked what that means for all fresh ones.
    pub(super) fn end_fresh(&mut self, rules: &Rules, window: Window, time: Time) -> Option<Fired> {
        let (fired, state) = rules.on_end_of_fresh(window, time)?;
        self.ended = Some(state);
        Some(fired)
    }

    /// Sets the hold that the state of fresh ones asks for, if there are any: that of one is that of all.
    pub(super) fn set_hold(&mut self, rules: &Rules, window: Window, time: Time, holds: &mut Holds) {
        let hold = match self.fresh.rows.is_empty() {
            true => None,
            false => rules.hold(&state(self.ended.as_ref(), rules, 1, window, time), window, time.watermark),
        };
        holds.change(&mut self.hold, hold);
    }

    /// The window is given up: nothing is held for its fresh ones any more.
    pub(super) fn release(&mut self, holds: &mut Holds) {
        holds.change(&mut self.hold, None);
    }

    /// Whether fresh ones hold the output watermark.
    pub(super) fn holds(&self) -> bool {
        self.hold.is_some()
    }

    /// The window expires. What that means for all fresh ones.
    pub(super) fn expire_fresh(&self, rules: &Rules, window: Window, time: Time) -> Fired {
        rules.on_expiry(&mut state(self.ended.as_ref(), rules, 1, window, time).into_owned(), window, time)
    }
}

/// The state of a fresh one.
fn state<'a>(
    ended: Option<&'a PaneState>,
    rules: &Rules,
    elements: u32,
    window: Window,
    time: Time,
) -> Cow<'a, PaneState> {
    match ended {
        Some(ended) => Cow::Borrowed(ended),
        None => Cow::Owned(rules.of_fresh(elements, window, time)),
    }
}

/// Gives out the panes of fresh rows at the end of their window: they are alike but for their values.
pub(super) fn give_out_fresh<'r, A: Accumulate>(
    by: &A,
    fired: Option<Fired>,
    window: Window,
    rows: impl Iterator<Item = &'r mut (A::Key, Fresh<A::Acc>)>,
    out: &mut PaneEmitter<'_, '_, A::Out>,
) -> Result<()> {
    let Some(Fired { pane: Some((pane, timestamp)), clear }) = fired else { return Ok(()) };
    let values = rows.filter_map(|(key, fresh)| fresh.give(by, key.clone(), clear));
    out.emit_alike(values, timestamp, window, pane)
}

/// Gives out the last panes of fresh rows, if they have any.
pub(super) fn give_out_last<A: Accumulate>(
    by: &A,
    fired: Option<Fired>,
    window: Window,
    rows: impl Iterator<Item = (A::Key, Fresh<A::Acc>)>,
    out: &mut PaneEmitter<'_, '_, A::Out>,
) -> Result<()> {
    let Some(Fired { pane: Some((pane, timestamp)), .. }) = fired else { return Ok(()) };
    let values = rows.filter_map(|(key, mut fresh)| fresh.give(by, key, true));
    out.emit_alike(values, timestamp, window, pane)
}
