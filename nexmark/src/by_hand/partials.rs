//! Aggregates that each thread makes of its own events, and that are merged when a window closes.

use super::{Front, Part, Stretches, Table};
use crate::event::Event;
use dataflow::prelude::{Timestamp, Window};
use hashbrown::hash_map::Entry;
use std::hash::Hash;

/// What a thread knows of a key in a window.
pub type Partial<K, A> = (Window, K, A);

/// Aggregates of the events of a thread: `add` adds one to the table of its window. They are given when it closes.
///
/// ```
/// use dataflow::prelude::{Duration, Window};
/// use nexmark::by_hand::{Finished, Partials, Stretches, Table, on_one};
/// use nexmark::event::Event;
/// use nexmark::feed::Feed;
///
/// /// Gives the number of bids of each auction and hour.
/// fn count(feed: impl Feed, mut out: impl FnMut((Window, u64, u64))) {
///     let hours: Stretches<Table<u64, u64>> = Stretches::of(Duration::hours(1));
///     let counts = Partials::new(hours, |event: Event, hours| {
///         if let Event::Bid(bid) = event && let Some(hour) = hours.at(bid.date_time) {
///             *hour.entry(bid.auction).or_default() += 1;
///         }
///     });
///     on_one(feed, counts, Finished(|hour, auction, bids| out((hour, auction, bids))));
/// }
/// ```
pub struct Partials<K, A, F> {
    windows: Stretches<Table<K, A>>,
    add: F,
}

impl<K, A, F: FnMut(Event, &mut Stretches<Table<K, A>>)> Partials<K, A, F> {
    /// Aggregates in `windows`.
    pub fn new(windows: Stretches<Table<K, A>>, add: F) -> Self {
        Partials { windows, add }
    }
}

impl<K, A, F> Front<Partial<K, A>> for Partials<K, A, F>
where
    K: Hash + Eq + Send,
    A: Send,
    F: FnMut(Event, &mut Stretches<Table<K, A>>) + Send,
{
    #[inline]
    fn event(&mut self, event: Event, _: &mut impl FnMut(Partial<K, A>)) {
        (self.add)(event, &mut self.windows);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp, give: &mut impl FnMut(Partial<K, A>)) {
        self.windows.close(watermark, |window, table| {
            table.drain().for_each(|(key, acc)| give((window, key, acc)));
        });
    }
}

/// Where there is only one thread its aggregates are finished.
pub struct Finished<O>(pub O);

impl<K, A, O: FnMut(Window, K, A)> Part<Partial<K, A>> for Finished<O> {
    #[inline]
    fn take(&mut self, (window, key, acc): Partial<K, A>) {
        (self.0)(window, key, acc);
    }

    fn advance(&mut self, _: Timestamp) {}
}

/// Merges the aggregates of two threads; `out` has the result.
pub struct Merged<K, A, M, O> {
    windows: Stretches<Table<K, A>>,
    merge: M,
    out: O,
}

impl<K, A, M, O> Merged<K, A, M, O> {
    /// Merges in `windows`, which must be like those of the [`Partials`].
    pub fn new(windows: Stretches<Table<K, A>>, merge: M, out: O) -> Self {
        Merged { windows, merge, out }
    }
}

impl<K, A, M, O> Part<Partial<K, A>> for Merged<K, A, M, O>
where
    K: Hash + Eq,
    M: Fn(&mut A, A),
    O: FnMut(Window, K, A),
{
    #[inline]
    fn take(&mut self, (window, key, acc): Partial<K, A>) {
        let Some(table) = self.windows.at(window.start()) else { return };
        match table.entry(key) {
            Entry::Vacant(free) => {
                free.insert(acc);
            }
            Entry::Occupied(mut row) => (self.merge)(row.get_mut(), acc),
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        let out = &mut self.out;
        self.windows.close(watermark, |window, table| table.drain().for_each(|(key, acc)| out(window, key, acc)));
    }
}
