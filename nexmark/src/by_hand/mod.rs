//! What loops written by hand have in common: the loop over the chunks of a feed, on one thread and on two, tables, and
//! stretches of time.
//!
//! A query is written in two halves: what happens to an event where it comes in ([`Front`]), and what happens to the rows
//! that are left of it where all of a key come together ([`Part`]). Between them there is nothing on one thread, and an
//! exchange on two. All of it is known to the compiler, which makes one loop of it.
//!
//! Memory is used again: nothing here allocates per event.

mod exchange;
mod partials;
mod sliding;
mod stretches;
mod together;

pub use partials::{Aggregate, Aggregates, Given, GivenOf, Partials, values_of};
pub use sliding::Sliding;
pub use stretches::Stretches;
pub use together::Together;

use crate::event::Event;
use crate::feed::Feed;
use dataflow::prelude::Timestamp;
use std::thread;

/// A table with a fast hash.
pub type Table<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;

/// What happens to an event on the thread that it comes to. A closure that makes one row or none of an event is one.
pub trait Front<T>: Send {
    /// Gives the rows that the event becomes, or keeps something of it.
    fn event(&mut self, event: Event, give: &mut impl FnMut(T));

    /// No event before `watermark` is to come to this thread: gives what was kept for that.
    #[inline]
    fn advance(&mut self, _watermark: Timestamp, _give: &mut impl FnMut(T)) {}
}

impl<T, F: FnMut(Event) -> Option<T> + Send> Front<T> for F {
    #[inline(always)]
    fn event(&mut self, event: Event, give: &mut impl FnMut(T)) {
        if let Some(row) = self(event) {
            give(row);
        }
    }
}

/// What happens to rows where all of a key come together. Those of two threads come in any order.
pub trait Part<T> {
    /// Takes a row.
    fn take(&mut self, row: T);

    /// All rows that hang on events before `watermark` were there. May be called more than once with the same.
    fn advance(&mut self, watermark: Timestamp);
}

/// Calls `work` with each chunk of a feed and the watermark behind it, and at last with nothing and the end of time.
#[inline]
pub fn each_chunk<F: Feed>(mut feed: F, mut work: impl FnMut(Option<F::Events>, Timestamp)) {
    while let Some((events, watermark)) = feed.next_chunk() {
        work(Some(events), watermark);
    }
    work(None, Timestamp::MAX);
}

/// The loop on one thread.
#[inline]
pub fn on_one<T>(feed: impl Feed, mut front: impl Front<T>, mut part: impl Part<T>) {
    each_chunk(feed, |events, watermark| {
        if let Some(events) = events {
            // Not a `for` loop, which would move each event out of its chunk first.
            events.for_each(|event| front.event(event, &mut |row| part.take(row)));
        }
        front.advance(watermark, &mut |row| part.take(row));
        part.advance(watermark);
    });
}

/// The loop on two threads, each with a feed, a front and a part; `owner` says to which part a row goes, 0 or 1.
pub fn on_two<T, P>(
    feeds: [impl Feed; 2],
    fronts: [impl Front<T>; 2],
    [part_a, part_b]: [P; 2],
    owner: impl Fn(&T) -> usize + Sync,
) where
    T: Send,
    P: Part<T> + Send,
{
    let ([feed_a, feed_b], [front_a, front_b]) = (feeds, fronts);
    let ([end_a, end_b], owner) = (exchange::ends(), &owner);
    thread::scope(|scope| {
        scope.spawn(move || half(feed_b, front_b, part_b, |row| owner(row) == 1, end_b));
        half(feed_a, front_a, part_a, |row| owner(row) == 0, end_a);
    });
}

/// One thread of two.
fn half<T>(
    feed: impl Feed,
    mut front: impl Front<T>,
    mut part: impl Part<T>,
    is_mine: impl Fn(&T) -> bool,
    mut end: exchange::End<T>,
) {
    each_chunk(feed, |events, watermark| {
        let mut give = |row| {
            if is_mine(&row) {
                part.take(row);
            } else {
                end.push(row);
            }
        };
        if let Some(events) = events {
            events.for_each(|event| front.event(event, &mut give));
        }
        front.advance(watermark, &mut give);
        end.send(watermark, &mut part);
    });
    end.finish(&mut part);
}

/// The same on each of two threads, which have nothing to do with each other.
pub fn apart<F: Send, O: Send>(feeds: [F; 2], outs: [O; 2], work: impl Fn(F, O) + Sync) {
    beside(feeds, outs, |_, feed, out| work(feed, out));
}

/// The same on each of two threads, 0 and 1, whose exchange is the business of `work`.
pub fn beside<F: Send, O: Send>([feed_a, feed_b]: [F; 2], [out_a, out_b]: [O; 2], work: impl Fn(usize, F, O) + Sync) {
    let work = &work;
    thread::scope(|scope| {
        scope.spawn(move || work(1, feed_b, out_b));
        work(0, feed_a, out_a);
    });
}

/// Which of two threads owns a key.
#[inline]
pub fn owner(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Bid;
    use std::sync::Mutex;

    struct Chunks(std::vec::IntoIter<(Vec<Event>, i64)>);

    impl Feed for Chunks {
        type Events = std::vec::IntoIter<Event>;

        fn next_chunk(&mut self) -> Option<(Self::Events, Timestamp)> {
            self.0.next().map(|(events, watermark)| (events.into_iter(), Timestamp::from_seconds(watermark)))
        }
    }

    fn bid(auction: u64, second: i64) -> Event {
        let [channel, url, extra] = [const { String::new() }; 3];
        let date_time = Timestamp::from_seconds(second);
        Event::Bid(Bid { auction, bidder: 0, price: 1, channel, url, date_time, extra })
    }

    fn chunks(seconds: impl Iterator<Item = i64>) -> Chunks {
        let chunk = |s: i64| ((0..50).map(|i| bid(i * 7 + s as u64, s)).collect(), s);
        Chunks(seconds.map(chunk).collect::<Vec<_>>().into_iter())
    }

    /// Notes what it is told, and that no row comes behind the watermark.
    struct Notes<'a>(usize, Timestamp, &'a Mutex<Vec<(usize, Timestamp, u64)>>);

    impl Part<(u64, Timestamp)> for Notes<'_> {
        fn take(&mut self, (auction, t): (u64, Timestamp)) {
            assert!(t >= self.1, "{t} is before {}", self.1);
            self.2.lock().unwrap().push((self.0, t, auction));
        }
        fn advance(&mut self, watermark: Timestamp) {
            assert!(watermark >= self.1);
            self.1 = watermark;
        }
    }

    #[test]
    fn all_rows_reach_the_thread_that_owns_them_before_the_watermark_does() {
        let notes = Mutex::new(Vec::new());
        let part = |me| Notes(me, Timestamp::MIN, &notes);
        let row = || |event: Event| event.bid().map(|bid| (bid.auction, bid.date_time));
        // One thread has much more to do than the other, and more than channels hold.
        let feeds = [chunks((0..3_000).step_by(2)), chunks((1..200).step_by(2))];
        on_two(feeds, [row(), row()], [part(0), part(1)], |(auction, _)| owner(*auction));
        let mut on_two = std::mem::take(&mut *notes.lock().unwrap());
        assert!(on_two.iter().all(|(thread, _, auction)| *thread == owner(*auction)));
        for thread in 0..2 {
            assert!(on_two.iter().filter(|row| row.0 == thread).count() > 10_000);
        }

        on_one(chunks((0..3_000).filter(|s| s % 2 == 0 || *s < 200)), row(), part(0));
        let mut on_one: Vec<_> = notes.lock().unwrap().iter().map(|(_, t, auction)| (*t, *auction)).collect();
        on_one.sort_unstable();
        on_two.sort_unstable_by_key(|(_, t, auction)| (*t, *auction));
        assert_eq!(on_two.iter().map(|(_, t, auction)| (*t, *auction)).collect::<Vec<_>>(), on_one);
    }
}
