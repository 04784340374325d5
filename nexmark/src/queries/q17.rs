//! q17: statistics of auctions by day.
//!
//! As in the SQL of Flink's suite, but with one result for each auction and day, when the day is over.

use super::rank;
use crate::by_hand::{Aggregate, Aggregates, Given, Partials, Stretches, Table, on_one, on_two, owner, values_of};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};

/// Numbers and prices of an auction's bids.
pub struct Q17;

/// What is known of the bids for an auction of a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AuctionReport {
    /// The auction.
    pub auction: u64,
    /// The beginning of the day.
    pub day: Timestamp,
    /// How many bids there are.
    pub bids: u64,
    /// How many of them below 10,000, below 1,000,000, and above.
    pub bids_by_rank: [u64; 3],
    /// The lowest price.
    pub min_price: u64,
    /// The highest.
    pub max_price: u64,
    /// The mean, rounded down.
    pub avg_price: u64,
    /// The sum.
    pub sum_price: u64,
}

impl Row for AuctionReport {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.sum_price ^ self.min_price ^ self.max_price.rotate_left(20) ^ self.bids_by_rank[0]
    }
}

/// The prices of bids. At least one has been added, or it is merged into others without effect.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Prices {
    by_rank: [u64; 3],
    min: u64,
    max: u64,
    sum: u64,
}

impl Prices {
    const NONE: Prices = Prices { by_rank: [0; 3], min: u64::MAX, max: 0, sum: 0 };

    #[inline]
    fn add(&mut self, price: u64) {
        self.by_rank[rank(price)] += 1;
        self.min = self.min.min(price);
        self.max = self.max.max(price);
        self.sum += price;
    }

    fn merge(&mut self, other: &Prices) {
        (0..3).for_each(|rank| self.by_rank[rank] += other.by_rank[rank]);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    fn report(&self, auction: u64, day: Timestamp) -> AuctionReport {
        let bids: u64 = self.by_rank.iter().sum();
        AuctionReport {
            auction,
            day,
            bids,
            bids_by_rank: self.by_rank,
            min_price: self.min,
            max_price: self.max,
            avg_price: self.sum / bids.max(1),
            sum_price: self.sum,
        }
    }
}

/// [`Prices`] of bids.
#[derive(Clone)]
struct Summary;

impl CombineFn for Summary {
    type In = u64;
    type Acc = Prices;
    type Out = Prices;

    fn create(&self) -> Prices {
        Prices::NONE
    }
    #[inline]
    fn add(&self, prices: &mut Prices, price: &u64) {
        prices.add(*price);
    }
    fn merge(&self, prices: &mut Prices, other: Prices) {
        prices.merge(&other);
    }
    fn extract(&self, prices: Prices) -> Prices {
        prices
    }
}

impl Query for Q17 {
    type Row = AuctionReport;
    const NAME: &'static str = "q17";
    const QUESTION: &'static str = "how many bids each auction had on a day, and for which prices";

    fn pipeline(events: &PCollection<Event>) -> PCollection<AuctionReport> {
        let bids = events.filter_map_ref("Bids", |event| event.bid().map(|bid| (bid.auction, bid.price)));
        let daily = bids.window("Daily", FixedWindows::of(Duration::days(1)));
        let prices = daily.combine_per_key("Prices", Summary);
        prices.map_element("Report", |prices| {
            let day = prices.window().start();
            let (auction, prices) = prices.value;
            prices.report(auction, day)
        })
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(AuctionReport)) {
        let part = Aggregates::new(Summary, days(), |day, auction, prices| out(prices.report(auction, day.start())));
        on_one(feed, values_of(Summary), part);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(AuctionReport) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let fronts = [0, 1].map(|me| Partials::new(Summary, days(), move |auction| owner(*auction) == me));
        let parts = outs.map(|mut out| {
            let out = move |day: Window, auction, prices: Prices| out(prices.report(auction, day.start()));
            Aggregates::new(Summary, days(), out)
        });
        on_two(feeds, fronts, parts, |(Given::One(_, auction, _) | Given::Some(_, auction, _))| owner(*auction));
    }
}

fn days() -> Stretches<Table<u64, Prices>> {
    Stretches::of(Duration::days(1))
}

impl Aggregate for Summary {
    type Key = u64;
    type Value = u64;
    type Acc = Prices;

    #[inline]
    fn of(&self, event: Event) -> Option<(Timestamp, u64, u64)> {
        event.bid().map(|bid| (bid.date_time, bid.auction, bid.price))
    }
    #[inline]
    fn first(&self, price: u64) -> Prices {
        let mut prices = Prices::NONE;
        prices.add(price);
        prices
    }
    #[inline]
    fn add(&self, prices: &mut Prices, price: u64) {
        prices.add(price);
    }
    #[inline]
    fn merge(&self, prices: &mut Prices, other: Prices) {
        prices.merge(&other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;
    use std::collections::BTreeSet;

    #[test]
    fn each_auction_and_day_has_its_prices() {
        let events = samples::events(200, Duration::minutes(20));
        let bids = samples::bids(&events);
        let keys: BTreeSet<_> = bids.iter().map(|bid| (bid.auction, samples::day(bid.date_time))).collect();
        let report = |&(auction, day)| {
            let of_key = bids.iter().filter(|bid| bid.auction == auction && samples::day(bid.date_time) == day);
            let prices: Vec<u64> = of_key.map(|bid| bid.price).collect();
            let count = |from, to| prices.iter().filter(|price| (from..to).contains(*price)).count() as u64;
            let sum_price = prices.iter().sum();
            AuctionReport {
                auction,
                day,
                bids: prices.len() as u64,
                bids_by_rank: [count(0, 10_000), count(10_000, 1_000_000), count(1_000_000, u64::MAX)],
                min_price: *prices.iter().min().unwrap(),
                max_price: *prices.iter().max().unwrap(),
                avg_price: sum_price / prices.len() as u64,
                sum_price,
            }
        };
        samples::check::<Q17>(&events, keys.iter().map(report).collect());
    }
}
