//! q19: the ten highest bids for each auction of a day.
//!
//! As in the SQL of Flink's suite, but by day, with the results of each when it is over. Of bids of the same price the
//! earlier one ranks higher, and of these that of the person with the lower number.

use crate::by_hand::{Aggregate, Aggregates, Given, Partials, Stretches, Table, on_one, on_two, owner, values_of};
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use std::cmp::Reverse;

/// The ten highest bids for each auction of a day.
pub struct Q19;

/// A bid and how high it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RankedBid {
    /// From 1 to 10.
    pub rank: u64,
    /// The bid.
    pub bid: Bid,
}

impl Row for RankedBid {
    #[inline]
    fn tally(&self) -> u64 {
        self.bid.tally() ^ self.rank.rotate_left(60)
    }
}

/// How many bids are asked for.
const HIGHEST: usize = 10;

/// What bids are ranked by.
#[inline]
fn height(bid: &Bid) -> (u64, Reverse<Timestamp>, Reverse<u64>) {
    (bid.price, Reverse(bid.date_time), Reverse(bid.bidder))
}

fn ranked(bids: Vec<Bid>) -> impl Iterator<Item = RankedBid> {
    (1..).zip(bids).map(|(rank, bid)| RankedBid { rank, bid })
}

impl Query for Q19 {
    type Row = RankedBid;
    const NAME: &'static str = "q19";
    const QUESTION: &'static str = "the ten highest bids for each auction of a day";

    fn pipeline(events: &PCollection<Event>) -> PCollection<RankedBid> {
        let bids = events.filter_map("Bids", |event| match event {
            Event::Bid(bid) => Some(bid),
            _ => None,
        });
        let daily = bids.window("Daily", FixedWindows::of(Duration::days(1)));
        let highest = daily.key_by("auction", |bid| bid.auction).top("Highest", HIGHEST, height);
        highest.flat_map("Row", |(_, bids)| ranked(bids))
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(RankedBid)) {
        let part = Aggregates::new(Highest, days(), |_, _, bids| ranked(bids).for_each(&mut out));
        on_one(feed, values_of(Highest), part);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(RankedBid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let fronts = [0, 1].map(|me| Partials::new(Highest, days(), move |auction| owner(*auction) == me));
        let parts =
            outs.map(|mut out| Aggregates::new(Highest, days(), move |_, _, bids| ranked(bids).for_each(&mut out)));
        on_two(feeds, fronts, parts, |(Given::One(_, auction, _) | Given::Some(_, auction, _))| owner(*auction));
    }
}

fn days() -> Stretches<Table<u64, Vec<Bid>>> {
    Stretches::of(Duration::days(1))
}

struct Highest;

impl Aggregate for Highest {
    type Key = u64;
    type Value = Bid;
    type Acc = Vec<Bid>;

    #[inline]
    fn of(&self, event: Event) -> Option<(Timestamp, u64, Bid)> {
        let Event::Bid(bid) = event else { return None };
        Some((bid.date_time, bid.auction, bid))
    }
    #[inline]
    fn first(&self, bid: Bid) -> Vec<Bid> {
        vec![bid]
    }
    #[inline]
    fn add(&self, bids: &mut Vec<Bid>, bid: Bid) {
        insert(bids, bid);
    }
    #[inline]
    fn merge(&self, bids: &mut Vec<Bid>, others: Vec<Bid>) {
        others.into_iter().for_each(|bid| insert(bids, bid));
    }
}

/// Puts a bid among the highest, if it is one of them.
#[inline]
fn insert(bids: &mut Vec<Bid>, bid: Bid) {
    if bids.len() == HIGHEST {
        if bids.last().is_some_and(|last| height(last) >= height(&bid)) {
            return;
        }
        bids.pop();
    }
    let at = bids.partition_point(|other| height(other) >= height(&bid));
    bids.insert(at, bid);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn the_rank_is_how_many_bids_are_higher() {
        for step in [Duration::minutes(5), Duration::millis(1)] {
            let events = samples::events(400, step);
            let bids = samples::bids(&events);
            let key = |bid: &Bid| (bid.auction, samples::day(bid.date_time));
            let is_higher = |a: &Bid, b: &Bid| {
                a.price > b.price
                    || a.price == b.price
                        && (a.date_time < b.date_time || a.date_time == b.date_time && a.bidder < b.bidder)
            };
            let ranked = bids.iter().map(|bid| {
                let higher = bids.iter().filter(|other| key(other) == key(bid) && is_higher(other, bid));
                RankedBid { rank: higher.count() as u64 + 1, bid: (*bid).clone() }
            });
            let expected: Vec<RankedBid> = ranked.filter(|row| row.rank <= 10).collect();
            assert!(expected.len() < bids.len());
            samples::check::<Q19>(&events, expected);
        }
    }
}
