//! q12: windows of processing time. Bids by person, as they come, in windows of 10 seconds.
//!
//! What comes out of the windows hangs on the clock, so that no two runs are alike. What can be compared is the sum of
//! it: each person's bids in all windows.

use crate::by_hand::{Front, Part, Stretches, Table, on_one, on_two, owner};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use std::time::SystemTime;

/// How many bids a person makes in windows of processing time, and in all of these.
pub struct Q12;

/// The bids of a person in all windows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BidderTotal {
    /// The person.
    pub bidder: u64,
    /// How many bids.
    pub bids: u64,
}

impl Row for BidderTotal {
    #[inline]
    fn tally(&self) -> u64 {
        self.bidder ^ self.bids.rotate_left(32)
    }
}

/// How long a window is.
const SIZE: Duration = Duration::seconds(10);

impl Query for Q12 {
    type Row = BidderTotal;
    const NAME: &'static str = "q12";
    const QUESTION: &'static str = "how many bids each person makes in windows of processing time, in total";

    fn pipeline(events: &PCollection<Event>) -> PCollection<BidderTotal> {
        let bidders = events.filter_map_ref("Bidders", |event| event.bid().map(|bid| bid.bidder));
        let windowed = bidders.with_processing_time("Now").window("TenSeconds", FixedWindows::of(SIZE));
        let counts = windowed.key_by("bidder", |bidder| *bidder).count("Count");
        let totals = counts.window("All", GlobalWindows.triggering(Never::ever())).sum("Total", |bids| *bids);
        totals.map("Row", |(bidder, bids)| BidderTotal { bidder, bids })
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(BidderTotal)) {
        on_one(feed, ByClock::new(None), Totals { bids: Table::default(), out });
    }

    fn by_hand_on_two<F: Feed, O: FnMut(BidderTotal) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let parts = outs.map(|out| Merged {
            windows: Stretches::of(SIZE),
            passed: [Timestamp::MIN; 2],
            totals: Totals { bids: Table::default(), out },
        });
        on_two(feeds, [0, 1].map(|thread| ByClock::new(Some(thread))), parts, |given| match given {
            Given::Count { bidder, .. } => owner(*bidder),
            Given::Passed { to, .. } => *to,
        });
    }
}

/// What a thread says.
enum Given {
    /// What it has for a person in the window that begins at `window`.
    Count { window: Timestamp, bidder: u64, bids: u64 },
    /// To each of the two: its clock has passed the windows that end at or before `time`.
    Passed { from: usize, to: usize, time: Timestamp },
}

/// The bids of the windows of processing time that are open, of a thread.
struct ByClock {
    windows: Stretches<Table<u64, u64>>,
    now: Timestamp,
    /// Its number, if there is another one.
    thread: Option<usize>,
}

impl ByClock {
    fn new(thread: Option<usize>) -> Self {
        ByClock { windows: Stretches::of(SIZE), now: clock(), thread }
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as i64)
}

impl Front<Given> for ByClock {
    #[inline(always)]
    fn event(&mut self, event: Event, _: &mut impl FnMut(Given)) {
        if let Event::Bid(bid) = event
            && let Some(window) = self.windows.at(self.now)
        {
            *window.entry(bid.bidder).or_default() += 1;
        }
    }

    fn advance(&mut self, watermark: Timestamp, give: &mut impl FnMut(Given)) {
        // Time never goes back, even if the clock does.
        self.now = if watermark == Timestamp::MAX { watermark } else { self.now.max(clock()) };
        let mut passed = None;
        self.windows.close(self.now, |window, counts| {
            passed = Some(window.end());
            let window = window.start();
            counts.drain().for_each(|(bidder, bids)| give(Given::Count { window, bidder, bids }));
        });
        if let (Some(from), Some(time)) = (self.thread, passed) {
            [0, 1].into_iter().for_each(|to| give(Given::Passed { from, to, time }));
        }
    }
}

/// The sums over windows that are closed.
struct Totals<O> {
    bids: Table<u64, u64>,
    out: O,
}

impl<O: FnMut(BidderTotal)> Part<Given> for Totals<O> {
    #[inline]
    fn take(&mut self, given: Given) {
        if let Given::Count { bidder, bids, .. } = given {
            *self.bids.entry(bidder).or_default() += bids;
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        if watermark == Timestamp::MAX {
            self.bids.drain().for_each(|(bidder, bids)| (self.out)(BidderTotal { bidder, bids }));
        }
    }
}

/// Windows that are closed when the clocks of both threads have passed them.
struct Merged<O> {
    windows: Stretches<Table<u64, u64>>,
    passed: [Timestamp; 2],
    totals: Totals<O>,
}

impl<O: FnMut(BidderTotal)> Merged<O> {
    fn close(&mut self, time: Timestamp) {
        self.windows.close(time, |window, counts| {
            let window = window.start();
            counts.drain().for_each(|(bidder, bids)| self.totals.take(Given::Count { window, bidder, bids }));
        });
    }
}

impl<O: FnMut(BidderTotal)> Part<Given> for Merged<O> {
    fn take(&mut self, given: Given) {
        match given {
            Given::Count { window, bidder, bids } => {
                if let Some(counts) = self.windows.at(window) {
                    *counts.entry(bidder).or_default() += bids;
                }
            }
            Given::Passed { from, time, .. } => {
                self.passed[from] = time;
                self.close(self.passed[0].min(self.passed[1]));
            }
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        if watermark == Timestamp::MAX {
            self.close(watermark);
            self.totals.advance(watermark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;
    use std::collections::BTreeMap;

    fn totals(events: &[Event]) -> BTreeMap<u64, u64> {
        let mut totals = BTreeMap::new();
        samples::bids(events).iter().for_each(|bid| *totals.entry(bid.bidder).or_default() += 1);
        totals
    }

    #[test]
    fn all_bids_of_a_person_are_in_some_window() {
        let events = samples::events(200, Duration::seconds(1));
        let expected = totals(&events).into_iter().map(|(bidder, bids)| BidderTotal { bidder, bids });
        samples::check::<Q12>(&events, expected.collect());
    }

    #[test]
    fn windows_close_by_the_clock() {
        let given = |front: &mut ByClock, watermark| {
            let mut given = Vec::new();
            front.advance(watermark, &mut |row| {
                given.push(match row {
                    Given::Count { window, bidder, bids } => (window, Some(bidder), bids),
                    Given::Passed { to, time, .. } => (time, None, to as u64),
                })
            });
            given
        };
        let mut front = ByClock::new(Some(1));
        // As if the last chunk had come a minute ago.
        front.now = clock() - Duration::minutes(1);
        let before = Timestamp::from_micros(front.now.as_micros().div_euclid(10_000_000) * 10_000_000);
        let event = |bidder| samples::bid(1, bidder, 1, Timestamp::from_seconds(0));
        front.event(event(7), &mut |_| {});
        front.event(event(7), &mut |_| {});
        let end = before + SIZE;
        let expected = [(before, Some(7), 2), (end, None, 0), (end, None, 1)];
        assert_eq!(given(&mut front, Timestamp::from_seconds(0)), expected);
        front.event(event(8), &mut |_| {});
        front.now = clock(); // the window before it may be over in a moment, but the next one is not
        front.event(event(8), &mut |_| {});
        let last: u64 = given(&mut front, Timestamp::MAX).iter().filter(|row| row.1 == Some(8)).map(|row| row.2).sum();
        assert_eq!(last, 2);
    }
}
