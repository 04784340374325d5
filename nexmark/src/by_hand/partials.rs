//! Aggregates by key and window, on one thread and on two.

use super::{Front, Part, Stretches, Table};
use crate::event::Event;
use dataflow::prelude::{Timestamp, Window};
use hashbrown::hash_map::Entry;
use std::hash::Hash;

/// Something for the aggregate `A` of a key, in the window that holds a time.
pub enum Given<K, V, A> {
    /// A value.
    One(Timestamp, K, V),
    /// What another thread has of some.
    Some(Timestamp, K, A),
}

/// How values are aggregated.
pub trait Aggregate: Send {
    /// Their keys.
    type Key: Hash + Eq + Send;
    /// The values.
    type Value: Send;
    /// What is known of some.
    type Acc: Send;

    /// What an event adds, and to which key.
    fn of(&self, event: Event) -> Option<(Timestamp, Self::Key, Self::Value)>;
    /// Of the first value.
    fn first(&self, value: Self::Value) -> Self::Acc;
    /// Adds a value.
    fn add(&self, acc: &mut Self::Acc, value: Self::Value);
    /// Adds what is known of others.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
}

/// What goes from thread to thread for `G`.
pub type GivenOf<G> = Given<<G as Aggregate>::Key, <G as Aggregate>::Value, <G as Aggregate>::Acc>;

type TableOf<G> = Table<<G as Aggregate>::Key, <G as Aggregate>::Acc>;

/// Gives what events add: the front on one thread.
pub fn values_of<G: Aggregate>(by: G) -> impl Front<GivenOf<G>> {
    move |event: Event| by.of(event).map(|(t, key, value)| Given::One(t, key, value))
}

/// A thread has no more keys of the other one than about this.
const FEW: usize = 1_024;

/// Gives what events add; what another thread is to have is aggregated in advance in a small table.
pub struct Partials<G: Aggregate, M> {
    by: G,
    is_mine: M,
    theirs: Stretches<TableOf<G>>,
}

impl<G: Aggregate, M: Fn(&G::Key) -> bool> Partials<G, M> {
    /// In `windows`, where this thread has the keys that are `is_mine`.
    pub fn new(by: G, windows: Stretches<TableOf<G>>, is_mine: M) -> Self {
        Partials { by, is_mine, theirs: windows }
    }
}

impl<G: Aggregate, M: Fn(&G::Key) -> bool + Send> Front<GivenOf<G>> for Partials<G, M> {
    #[inline(always)]
    fn event(&mut self, event: Event, give: &mut impl FnMut(GivenOf<G>)) {
        let Some((t, key, value)) = self.by.of(event) else { return };
        if (self.is_mine)(&key) {
            give(Given::One(t, key, value));
        } else if let Some(table) = self.theirs.at(t) {
            match table.entry(key) {
                Entry::Occupied(mut row) => self.by.add(row.get_mut(), value),
                Entry::Vacant(free) => drop(free.insert(self.by.first(value))),
            }
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp, give: &mut impl FnMut(GivenOf<G>)) {
        let mut all = |window: Window, table: &mut TableOf<G>| {
            table.drain().for_each(|(key, acc)| give(Given::Some(window.start(), key, acc)));
        };
        self.theirs.close(watermark, &mut all);
        self.theirs.each(|window, table| {
            if table.len() >= FEW {
                all(window, table);
            }
        });
    }
}

/// The aggregates; `out` has those of windows that close.
///
/// ```
/// use dataflow::prelude::{Duration, Timestamp, Window};
/// use nexmark::by_hand::{Aggregate, Aggregates, Stretches, on_one, values_of};
/// use nexmark::event::Event;
/// use nexmark::feed::Feed;
///
/// /// The number of bids of each auction.
/// struct Bids;
///
/// impl Aggregate for Bids {
///     type Key = u64;
///     type Value = ();
///     type Acc = u64;
///
///     fn of(&self, event: Event) -> Option<(Timestamp, u64, ())> {
///         event.bid().map(|bid| (bid.date_time, bid.auction, ()))
///     }
///     fn first(&self, (): ()) -> u64 {
///         1
///     }
///     fn add(&self, bids: &mut u64, (): ()) {
///         *bids += 1;
///     }
///     fn merge(&self, bids: &mut u64, other: u64) {
///         *bids += other;
///     }
/// }
///
/// /// Of each hour.
/// fn hourly(feed: impl Feed, mut out: impl FnMut((Window, u64, u64))) {
///     let part = Aggregates::new(Bids, Stretches::of(Duration::hours(1)), |hour, auction, bids| out((hour, auction, bids)));
///     on_one(feed, values_of(Bids), part);
/// }
/// ```
pub struct Aggregates<G: Aggregate, O> {
    by: G,
    windows: Stretches<TableOf<G>>,
    out: O,
}

impl<G: Aggregate, O> Aggregates<G, O> {
    /// In `windows`.
    pub fn new(by: G, windows: Stretches<TableOf<G>>, out: O) -> Self
    where
        O: FnMut(Window, G::Key, G::Acc),
    {
        Aggregates { by, windows, out }
    }
}

impl<G: Aggregate, O: FnMut(Window, G::Key, G::Acc)> Part<GivenOf<G>> for Aggregates<G, O> {
    #[inline]
    fn take(&mut self, given: GivenOf<G>) {
        let (Given::One(t, ..) | Given::Some(t, ..)) = given;
        let Some(table) = self.windows.at(t) else { return };
        match given {
            Given::One(_, key, value) => match table.entry(key) {
                Entry::Occupied(mut row) => self.by.add(row.get_mut(), value),
                Entry::Vacant(free) => drop(free.insert(self.by.first(value))),
            },
            Given::Some(_, key, acc) => match table.entry(key) {
                Entry::Occupied(mut row) => self.by.merge(row.get_mut(), acc),
                Entry::Vacant(free) => drop(free.insert(acc)),
            },
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        let out = &mut self.out;
        self.windows.close(watermark, |window, table| table.drain().for_each(|(key, acc)| out(window, key, acc)));
    }
}
