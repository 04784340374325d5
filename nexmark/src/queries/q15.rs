//! q15: statistics of bids by day, with distinct counts.
//!
//! As in the SQL of Flink's suite, but with one result for each day, when it is over. Counts of different bidders and
//! auctions are exact.

use super::rank;
use crate::by_hand::{Front, Part, Stretches, Table, on_one, on_two, owner};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Numbers of bids, bidders and auctions.
pub struct Q15;

/// What is known of the bids of a day. Ranks are prices below 10,000, below 1,000,000, and above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DayReport {
    /// The beginning of the day.
    pub day: Timestamp,
    /// The counts.
    pub counts: Counts,
}

impl Row for DayReport {
    fn tally(&self) -> u64 {
        let Counts { total_bids, total_bidders, total_auctions, bidders, auctions, .. } = self.counts;
        total_bids ^ total_bidders.rotate_left(20) ^ total_auctions.rotate_left(40) ^ bidders[0] ^ auctions[2]
    }
}

/// How many, and how many by rank.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Bids.
    pub total_bids: u64,
    /// Bids by rank.
    pub bids: [u64; 3],
    /// Persons who bid.
    pub total_bidders: u64,
    /// Persons who bid, by the ranks of their bids.
    pub bidders: [u64; 3],
    /// Auctions with bids.
    pub total_auctions: u64,
    /// Auctions with bids, by the ranks of these.
    pub auctions: [u64; 3],
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.total_bids += other.total_bids;
        self.total_bidders += other.total_bidders;
        self.total_auctions += other.total_auctions;
        for rank in 0..3 {
            self.bids[rank] += other.bids[rank];
            self.bidders[rank] += other.bidders[rank];
            self.auctions[rank] += other.auctions[rank];
        }
    }
}

/// Whom or what a bid counts for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, Key)]
enum Of {
    Bidder(u64),
    Auction(u64),
}

/// How many bids there are by rank.
#[derive(Clone)]
struct ByRank;

impl CombineFn for ByRank {
    type In = usize;
    type Acc = [u64; 3];
    type Out = [u64; 3];

    fn create(&self) -> [u64; 3] {
        [0; 3]
    }
    #[inline]
    fn add(&self, bids: &mut [u64; 3], rank: &usize) {
        bids[*rank] += 1;
    }
    fn merge(&self, bids: &mut [u64; 3], other: [u64; 3]) {
        (0..3).for_each(|rank| bids[rank] += other[rank]);
    }
    fn extract(&self, bids: [u64; 3]) -> [u64; 3] {
        bids
    }
}

/// Counts bidders and auctions, each of which comes once, with the bids that there are.
#[derive(Clone)]
struct Report;

impl CombineFn for Report {
    type In = (Of, [u64; 3]);
    type Acc = Counts;
    type Out = Counts;

    fn create(&self) -> Counts {
        Counts::default()
    }
    fn add(&self, counts: &mut Counts, (of, bids): &(Of, [u64; 3])) {
        let by_rank = match of {
            Of::Bidder(_) => {
                counts.total_bidders += 1;
                counts.total_bids += bids.iter().sum::<u64>();
                (0..3).for_each(|rank| counts.bids[rank] += bids[rank]);
                &mut counts.bidders
            }
            Of::Auction(_) => {
                counts.total_auctions += 1;
                &mut counts.auctions
            }
        };
        (0..3).for_each(|rank| by_rank[rank] += u64::from(bids[rank] > 0));
    }
    fn merge(&self, counts: &mut Counts, other: Counts) {
        counts.add(&other);
    }
    fn extract(&self, counts: Counts) -> Counts {
        counts
    }
}

impl Query for Q15 {
    type Row = DayReport;
    const NAME: &'static str = "q15";
    const QUESTION: &'static str = "how many bids, bidders and auctions there were on a day, by levels of price";

    fn pipeline(events: &PCollection<Event>) -> PCollection<DayReport> {
        let bids = events.filter_map_ref("Bids", |e| e.bid().map(|bid| (bid.bidder, bid.auction, rank(bid.price))));
        let daily = bids.window("Daily", FixedWindows::of(Duration::days(1)));
        let both = daily.flat_map("BidderAndAuction", |(bidder, auction, rank)| {
            [(Of::Bidder(bidder), rank), (Of::Auction(auction), rank)]
        });
        let counts = both.combine_per_key("Distinct", ByRank).combine_globally("Report", Report);
        counts.map_element("Row", |counts| DayReport { day: counts.window().start(), counts: counts.value })
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(DayReport)) {
        let report = |day: Window, counts| out(DayReport { day: day.start(), counts });
        on_one(feed, Seen(days()), Whole(report));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(DayReport) + Send>(feeds: [F; 2], outs: [O; 2]) {
        // Each thread counts a half of the bidders and auctions; who is second adds up.
        let half = Mutex::new(BTreeMap::new());
        let parts = outs.map(|mut out| {
            let half = &half;
            let report = move |day: Window, mut counts: Counts| {
                let mut half = half.lock().unwrap_or_else(PoisonError::into_inner);
                match half.remove(&day) {
                    Some(other) => {
                        counts.add(&other);
                        out(DayReport { day: day.start(), counts });
                    }
                    None => drop(half.insert(day, counts)),
                }
            };
            Merged { days: days(), report }
        });
        on_two(feeds, [(); 2].map(|()| Seen(days())), parts, |given: &Given| match given {
            Given::Bids { to, .. } => *to,
            Given::Bidder(_, id, _) | Given::Auction(_, id, _) => owner(*id),
        });
    }
}

/// What has been seen on a day: of bidders and auctions the ranks of their bids, a bit each.
#[derive(Default)]
struct Day {
    bids: [u64; 3],
    bidders: Table<u64, u8>,
    auctions: Table<u64, u8>,
}

impl Day {
    /// Counts and forgets.
    fn take_counts(&mut self) -> Counts {
        let (mut bidders, mut auctions) = ([0; 3], [0; 3]);
        let (total_bidders, total_auctions) = (self.bidders.len() as u64, self.auctions.len() as u64);
        for (table, by_rank) in [(&mut self.bidders, &mut bidders), (&mut self.auctions, &mut auctions)] {
            for (_, ranks) in table.drain() {
                (0..3).for_each(|rank| by_rank[rank] += u64::from(ranks >> rank & 1));
            }
        }
        let bids = std::mem::take(&mut self.bids);
        Counts { total_bids: bids.iter().sum(), bids, total_bidders, bidders, total_auctions, auctions }
    }
}

/// The days of a thread.
struct Seen(Stretches<Day>);

fn days() -> Stretches<Day> {
    Stretches::of(Duration::days(1))
}

impl Seen {
    #[inline]
    fn add(&mut self, event: Event) {
        if let Event::Bid(bid) = event
            && let Some(day) = self.0.at(bid.date_time)
        {
            let rank = rank(bid.price);
            day.bids[rank] += 1;
            *day.bidders.entry(bid.bidder).or_default() |= 1 << rank;
            *day.auctions.entry(bid.auction).or_default() |= 1 << rank;
        }
    }
}

/// On one thread: the counts of a day.
impl Front<(Window, Counts)> for Seen {
    #[inline(always)]
    fn event(&mut self, event: Event, _: &mut impl FnMut((Window, Counts))) {
        self.add(event);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp, give: &mut impl FnMut((Window, Counts))) {
        self.0.close(watermark, |window, day| give((window, day.take_counts())));
    }
}

/// Has the counts of a day.
struct Whole<R>(R);

impl<R: FnMut(Window, Counts)> Part<(Window, Counts)> for Whole<R> {
    fn take(&mut self, (day, counts): (Window, Counts)) {
        (self.0)(day, counts);
    }

    fn advance(&mut self, _: Timestamp) {}
}

/// What one of two threads has seen on a day.
enum Given {
    Bids { to: usize, day: Window, bids: [u64; 3] },
    Bidder(Window, u64, u8),
    Auction(Window, u64, u8),
}

impl Front<Given> for Seen {
    #[inline(always)]
    fn event(&mut self, event: Event, _: &mut impl FnMut(Given)) {
        self.add(event);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp, give: &mut impl FnMut(Given)) {
        self.0.close(watermark, |day, seen| {
            // Both are told that there is such a day.
            give(Given::Bids { to: 0, day, bids: std::mem::take(&mut seen.bids) });
            give(Given::Bids { to: 1, day, bids: [0; 3] });
            seen.bidders.drain().for_each(|(bidder, ranks)| give(Given::Bidder(day, bidder, ranks)));
            seen.auctions.drain().for_each(|(auction, ranks)| give(Given::Auction(day, auction, ranks)));
        });
    }
}

/// What both have seen of a half of the bidders and auctions.
struct Merged<R> {
    days: Stretches<Day>,
    report: R,
}

impl<R: FnMut(Window, Counts)> Part<Given> for Merged<R> {
    fn take(&mut self, given: Given) {
        let (Given::Bids { day, .. } | Given::Bidder(day, ..) | Given::Auction(day, ..)) = given;
        let Some(seen) = self.days.at(day.start()) else { return };
        match given {
            Given::Bids { bids, .. } => (0..3).for_each(|rank| seen.bids[rank] += bids[rank]),
            Given::Bidder(_, bidder, ranks) => *seen.bidders.entry(bidder).or_default() |= ranks,
            Given::Auction(_, auction, ranks) => *seen.auctions.entry(auction).or_default() |= ranks,
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        self.days.close(watermark, |day, seen| (self.report)(day, seen.take_counts()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn each_day_has_its_counts() {
        let events = samples::events(300, Duration::minutes(20));
        let bids = samples::bids(&events);
        let mut days: Vec<_> = bids.iter().map(|bid| samples::day(bid.date_time)).collect();
        days.dedup();
        days.sort_unstable();
        days.dedup();
        let levels = [0..10_000, 10_000..1_000_000, 1_000_000..u64::MAX];
        let report = |day| {
            let of_day = || bids.iter().filter(move |bid| samples::day(bid.date_time) == day);
            let levels = &levels;
            let of_rank = |rank: usize| of_day().filter(move |bid| levels[rank].contains(&bid.price));
            let counts = Counts {
                total_bids: of_day().count() as u64,
                bids: [0, 1, 2].map(|rank| of_rank(rank).count() as u64),
                total_bidders: samples::distinct(of_day().map(|bid| bid.bidder)),
                bidders: [0, 1, 2].map(|rank| samples::distinct(of_rank(rank).map(|bid| bid.bidder))),
                total_auctions: samples::distinct(of_day().map(|bid| bid.auction)),
                auctions: [0, 1, 2].map(|rank| samples::distinct(of_rank(rank).map(|bid| bid.auction))),
            };
            DayReport { day, counts }
        };
        samples::check::<Q15>(&events, days.into_iter().map(report).collect());
    }
}
