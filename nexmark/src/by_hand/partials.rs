//! Aggregates that each thread makes of its own events, and that are merged when a window closes.

use super::{Front, Part, Stretches, Table};
use crate::event::Event;
use dataflow::prelude::{Timestamp, Window};
use hashbrown::hash_map::Entry;
use std::hash::Hash;

/// Windows with a `T` each: [`Stretches`], or [`Forever`].
pub trait Windows<T> {
    /// That of the window that holds `t`; `None` if it is closed, so that what belongs to it is late.
    fn at(&mut self, t: Timestamp) -> Option<&mut T>;

    /// Closes the windows that end at or before `watermark`. A `T` is to be left empty.
    fn close(&mut self, watermark: Timestamp, closed: impl FnMut(Window, &mut T));
}

impl<T: Default> Windows<T> for Stretches<T> {
    #[inline]
    fn at(&mut self, t: Timestamp) -> Option<&mut T> {
        Stretches::at(self, t)
    }

    #[inline]
    fn close(&mut self, watermark: Timestamp, closed: impl FnMut(Window, &mut T)) {
        Stretches::close(self, watermark, closed);
    }
}

/// One window for all time.
#[derive(Default)]
pub struct Forever<T>(T);

impl<T> Windows<T> for Forever<T> {
    #[inline]
    fn at(&mut self, _: Timestamp) -> Option<&mut T> {
        Some(&mut self.0)
    }

    #[inline]
    fn close(&mut self, watermark: Timestamp, mut closed: impl FnMut(Window, &mut T)) {
        if Window::GLOBAL.is_over(watermark) {
            closed(Window::GLOBAL, &mut self.0);
        }
    }
}

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
pub struct Partials<W, F> {
    windows: W,
    add: F,
}

impl<W, F> Partials<W, F> {
    /// Aggregates in `windows`.
    pub fn new(windows: W, add: F) -> Self
    where
        F: FnMut(Event, &mut W),
    {
        Partials { windows, add }
    }
}

impl<K, A, W, F> Front<Partial<K, A>> for Partials<W, F>
where
    K: Hash + Eq,
    W: Windows<Table<K, A>>,
    F: FnMut(Event, &mut W),
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
pub struct Merged<W, M, O> {
    windows: W,
    merge: M,
    out: O,
}

impl<W, M, O> Merged<W, M, O> {
    /// Merges in `windows`, which must be like those of the [`Partials`].
    pub fn new(windows: W, merge: M, out: O) -> Self {
        Merged { windows, merge, out }
    }
}

impl<K, A, W, M, O> Part<Partial<K, A>> for Merged<W, M, O>
where
    K: Hash + Eq,
    W: Windows<Table<K, A>>,
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
