//! q5: hot items. As in Beam the numbers of bids are part of the answer; windows are those of Flink, of ten seconds every
//! two.

use crate::by_hand::{self, Sliding, Stretches, Table, Together};
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::arrow::ArrowRow;
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};

pub(super) const SIZE: Duration = Duration::seconds(10);
pub(super) const PERIOD: Duration = Duration::seconds(2);

/// One answer per window, when it is over.
pub struct Q5;

/// Answers also before a window is over, and corrections after it; those at its end are compared.
pub struct Q5General;

/// An auction with the most bids of a window.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ArrowRow)]
pub struct HotItem {
    /// Where the window ends.
    pub end: Timestamp,
    /// The auction.
    pub auction: u64,
    /// How many bids there were.
    pub bids: u64,
}

impl Row for HotItem {
    #[inline]
    fn tally(&self) -> u64 {
        self.end.as_micros() as u64 ^ self.auction << 20 ^ self.bids
    }
}

/// Keeps the auctions with the most bids.
#[derive(Clone)]
pub(super) struct Hottest;

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Auctions {
    pub(super) bids: u64,
    pub(super) auctions: Vec<u64>,
}

impl CombineFn for Hottest {
    type In = (u64, u64);
    type Acc = Auctions;
    type Out = Auctions;

    fn create(&self) -> Auctions {
        Auctions::default()
    }

    fn add(&self, hottest: &mut Auctions, &(auction, bids): &(u64, u64)) {
        if bids > hottest.bids {
            *hottest = Auctions { bids, auctions: vec![auction] };
        } else if bids == hottest.bids {
            hottest.auctions.push(auction);
        }
    }

    fn merge(&self, hottest: &mut Auctions, other: Auctions) {
        if other.bids > hottest.bids {
            *hottest = other;
        } else if other.bids == hottest.bids {
            hottest.auctions.extend(other.auctions);
        }
    }

    fn extract(&self, hottest: Auctions) -> Auctions {
        hottest
    }
}

/// The number of bids of each auction and window, when `windowing` says so. Events are looked at where they are, which is
/// cheaper than to take the bids out first: what is no bid is counted under no auction.
fn bids(events: &PCollection<Event>, windowing: impl Into<WindowingStrategy>) -> PCollection<(u64, u64)> {
    let windowed = events.window("Sliding", windowing);
    let counts = windowed.key_by("Auction", |event| event.bid().map(|bid| bid.auction)).count("Count");
    counts.filter_map("Bids", |(auction, bids)| Some((auction?, bids)))
}

/// The auctions with the most bids in windows of which each ends at another time.
fn hottest(bids: &PCollection<(u64, u64)>) -> PCollection<HotItem> {
    items(&bids.combine_globally("Hottest", Hottest))
}

/// Each of the hottest auctions of windows.
pub(super) fn items(hottest: &PCollection<Auctions>) -> PCollection<HotItem> {
    hottest.map_element("End", |hottest| (hottest.window().end(), hottest.value)).flat_map("Items", |(end, hottest)| {
        let Auctions { bids, auctions } = hottest;
        auctions.into_iter().map(move |auction| HotItem { end, auction, bids })
    })
}

impl Query for Q5 {
    type Row = HotItem;
    const NAME: &'static str = "q5";
    const QUESTION: &'static str = "the auctions with the most bids of the last 10 s, every 2 s";

    fn pipeline(events: &PCollection<Event>) -> PCollection<HotItem> {
        hottest(&bids(events, SlidingWindows::of(SIZE).every(PERIOD)))
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(HotItem)) {
        let (mut slices, mut windows) = (Stretches::of(PERIOD), Sliding::of(SIZE, PERIOD));
        let mut hottest = Vec::new();
        by_hand::each_chunk(feed, |events, watermark| {
            count(events, &mut slices);
            slices.close(watermark, |slice, counts| windows.add(slice.end(), counts));
            windows.advance(watermark, |end, window| answer(end, window, &mut hottest, &mut out));
        });
    }

    /// Each thread counts what it has, slice by slice. The second one to have passed a slice puts the counts together.
    fn by_hand_on_two<F: Feed, O: FnMut(HotItem) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let windows = Together::new(Sliding::of(SIZE, PERIOD));
        by_hand::beside(feeds, outs, |me, feed, mut out| {
            let (mut slices, mut hottest) = (Stretches::of(PERIOD), Vec::new());
            by_hand::each_chunk(feed, |events, watermark| {
                count(events, &mut slices);
                if slices.is_due(watermark) {
                    windows.pass(me, watermark, |windows, both| {
                        slices.close(watermark, |slice, counts| windows.add(slice.end(), counts));
                        windows.advance(both, |end, window| answer(end, window, &mut hottest, &mut out));
                    });
                }
            });
        });
    }
}

impl Query for Q5General {
    type Row = HotItem;
    const NAME: &'static str = "q5";
    const PATH: &'static str = "general";
    const QUESTION: &'static str = Q5::QUESTION;

    fn pipeline(events: &PCollection<Event>) -> PCollection<HotItem> {
        let early_and_late = SlidingWindows::of(SIZE)
            .every(PERIOD)
            .triggering(
                AfterWatermark::past_end_of_window().early(AfterCount::at_least(100)).late(AfterCount::at_least(1)),
            )
            .allowed_lateness(SIZE)
            .accumulating();
        let panes = bids(events, early_and_late).map_element("Panes", |count| (count.pane.timing, count.value));
        // What comes early is for others to look at. No two windows end in the same two seconds.
        let on_time = panes.filter_map("OnTime", |(timing, count)| (timing == Timing::OnTime).then_some(count));
        hottest(&on_time.window("Ends", FixedWindows::of(PERIOD)))
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(HotItem)) {
        Q5::by_hand(feed, out);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(HotItem) + Send>(feeds: [F; 2], outs: [O; 2]) {
        Q5::by_hand_on_two(feeds, outs);
    }
}

/// How many bids auctions have.
pub(super) type Counts = Table<u64, u64>;

fn count(events: Option<impl Iterator<Item = Event>>, slices: &mut Stretches<Counts>) {
    let Some(events) = events else { return };
    events.for_each(|event| {
        if let Event::Bid(Bid { auction, date_time, .. }) = &event
            && let Some(counts) = slices.at(*date_time)
        {
            *counts.entry(*auction).or_insert(0) += 1;
        }
    });
}

/// Gives the hottest items of a window.
pub(super) fn answer(end: Timestamp, window: &Counts, hottest: &mut Vec<u64>, out: &mut impl FnMut(HotItem)) {
    let mut most = 0;
    for (auction, bids) in window {
        if *bids > most {
            most = *bids;
            hottest.clear();
        }
        if *bids == most {
            hottest.push(*auction);
        }
    }
    hottest.drain(..).for_each(|auction| out(HotItem { end, auction, bids: most }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{bid, events, run, same_everywhere};

    /// By looking at all bids for each window and auction.
    fn naive(events: &[Event]) -> Vec<HotItem> {
        let bids = || events.iter().filter_map(Event::bid);
        let mut items = Vec::new();
        for end in (-10..300).map(|i| Timestamp::from_seconds(2 * i)) {
            let window = Window::new(end - SIZE, end);
            let of = |auction| bids().filter(|b| b.auction == auction && window.contains(b.date_time)).count() as u64;
            let most = bids().map(|b| of(b.auction)).max().unwrap_or(0);
            let mut hottest: Vec<u64> = bids().map(|b| b.auction).filter(|a| most > 0 && of(*a) == most).collect();
            hottest.sort_unstable();
            hottest.dedup();
            items.extend(hottest.into_iter().map(|auction| HotItem { end, auction, bids: most }));
        }
        items
    }

    #[test]
    fn the_hottest_auctions_of_each_window_are_found() {
        let gap =
            [bid(7, 0, 1, 1), bid(8, 0, 1, 1), bid(7, 0, 1, 5), bid(9, 0, 1, 3), bid(9, 0, 1, 40), bid(9, 0, 1, 67)];
        for input in [gap.to_vec(), events(1, 100), events(2, 150), events(3, 10), vec![]] {
            assert_eq!(run::<Q5>(&input), naive(&input));
            same_everywhere::<Q5>(&input);
            same_everywhere::<Q5General>(&input);
        }
    }
}
