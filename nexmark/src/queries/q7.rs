//! q7: highest bid. Beam and Flink find the highest price first and then the bids that have it; here one step does both, as
//! Beam's documentation of the query advises. Windows are Beam's, of ten seconds.

use crate::by_hand::{self, Stretches, Together};
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::arrow::ArrowRow;
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const SIZE: Duration = Duration::seconds(10);

/// The highest bids of each window.
pub struct Q7;

/// A bid that no other one of its window is above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ArrowRow)]
pub struct HighestBid {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In cents.
    pub price: u64,
    /// When.
    pub date_time: Timestamp,
}

impl Row for HighestBid {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price ^ self.date_time.as_micros() as u64
    }
}

impl From<&Bid> for HighestBid {
    #[inline]
    fn from(bid: &Bid) -> Self {
        let Bid { auction, bidder, price, date_time, .. } = *bid;
        HighestBid { auction, bidder, price, date_time }
    }
}

/// The highest of some bids: one, nearly always.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Highest {
    pub(super) first: Option<HighestBid>,
    others: Vec<HighestBid>,
}

impl Highest {
    #[inline]
    pub(super) fn add(&mut self, bid: HighestBid) {
        match &self.first {
            Some(first) if first.price > bid.price => {}
            Some(first) if first.price == bid.price => self.others.push(bid),
            _ => {
                self.first = Some(bid);
                self.others.clear();
            }
        }
    }

    pub(super) fn bids(self) -> impl Iterator<Item = HighestBid> {
        self.first.into_iter().chain(self.others)
    }
}

/// Keeps the highest bids. It looks at events where they are, which is cheaper than to take the bids out first.
#[derive(Clone)]
pub(super) struct HighestBids;

impl CombineFn for HighestBids {
    type In = Event;
    type Acc = Highest;
    type Out = Highest;

    fn create(&self) -> Highest {
        Highest::default()
    }

    #[inline]
    fn add(&self, highest: &mut Highest, event: &Event) {
        if let Event::Bid(bid) = event {
            highest.add(bid.into());
        }
    }

    fn merge(&self, highest: &mut Highest, other: Highest) {
        other.bids().for_each(|bid| highest.add(bid));
    }

    fn extract(&self, highest: Highest) -> Highest {
        highest
    }
}

impl Query for Q7 {
    type Row = HighestBid;
    const NAME: &'static str = "q7";
    const QUESTION: &'static str = "the highest bids of every 10 s";

    fn pipeline(events: &PCollection<Event>) -> PCollection<HighestBid> {
        let highest = events.window("Windows", FixedWindows::of(SIZE)).combine_globally("Highest", HighestBids);
        highest.flat_map("Each", Highest::bids)
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(HighestBid)) {
        let mut windows = Stretches::of(SIZE);
        by_hand::each_chunk(feed, |events, watermark| {
            compare(events, &mut windows);
            windows.close(watermark, |_, highest| std::mem::take(highest).bids().for_each(&mut out));
        });
    }

    /// Each thread has the highest bids of its own. The second one to have passed a window knows which are the highest.
    fn by_hand_on_two<F: Feed, O: FnMut(HighestBid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let both = Together::new(BTreeMap::<Timestamp, Highest>::new());
        by_hand::beside(feeds, outs, |me, feed, mut out| {
            let mut windows = Stretches::of(SIZE);
            by_hand::each_chunk(feed, |events, watermark| {
                compare(events, &mut windows);
                if windows.is_due(watermark) {
                    both.pass(me, watermark, |all, both| {
                        windows.close(watermark, |window, highest| {
                            let all = all.entry(window.end()).or_default();
                            std::mem::take(highest).bids().for_each(|bid| all.add(bid));
                        });
                        while let Some(first) = all.first_entry().filter(|first| *first.key() <= both) {
                            first.remove().bids().for_each(&mut out);
                        }
                    });
                }
            });
        });
    }
}

fn compare(events: Option<impl Iterator<Item = Event>>, windows: &mut Stretches<Highest>) {
    let Some(events) = events else { return };
    events.for_each(|event| {
        if let Event::Bid(bid) = &event
            && let Some(highest) = windows.at(bid.date_time)
        {
            highest.add(bid.into());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{bid, events, run, same_everywhere};

    /// By comparing each bid with each.
    fn naive(events: &[Event]) -> Vec<HighestBid> {
        let bids = || events.iter().filter_map(Event::bid);
        let window = |bid: &Bid| FixedWindows::of(SIZE).assign(bid.date_time);
        let highest = |a: &&Bid| bids().all(|b| window(a) != window(b) || a.price >= b.price);
        let mut highest: Vec<HighestBid> = bids().filter(highest).map(HighestBid::from).collect();
        highest.sort();
        highest
    }

    #[test]
    fn the_highest_bids_of_each_window_are_found() {
        let ties =
            [bid(7, 0, 5, 1), bid(8, 0, 5, 2), bid(7, 0, 4, 9), bid(9, 0, 0, 10), bid(9, 0, 9, 8), bid(9, 0, 9, 8)];
        for input in [ties.to_vec(), events(1, 200), events(2, 50), vec![]] {
            assert_eq!(run::<Q7>(&input), naive(&input));
            same_everywhere::<Q7>(&input);
        }
    }
}
