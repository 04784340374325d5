//! q4: average price for a category. As in Beam it is that of sliding windows, of ten seconds every five, by the end of the
//! auctions; in Flink it is that of all time, corrected with each auction. See `winning_bids.rs` for which bids win.

use super::winning_bids::{self, LotOrOffer, WinningBids};
use crate::by_hand::{self, Part, Sliding, Stretches, Table, Together};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use std::ops::{AddAssign, SubAssign};

const SIZE: Duration = Duration::seconds(10);
const PERIOD: Duration = Duration::seconds(5);

/// State and timers by auction, then sliding windows.
pub struct Q4;

/// What was paid for things of a category.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CategoryPrice {
    /// Where the window ends.
    pub end: Timestamp,
    /// The category.
    pub category: u64,
    /// The average price, in cents.
    pub price: u64,
}

impl Row for CategoryPrice {
    #[inline]
    fn tally(&self) -> u64 {
        self.end.as_micros() as u64 ^ self.category << 20 ^ self.price
    }
}

/// Auctions have a category.
type Rest = LotOrOffer<u64, ()>;

#[inline(always)]
fn auction_or_bid(event: &Event) -> Option<(u64, Rest)> {
    winning_bids::auction_or_bid(event, |auction| auction.category)
}

impl Query for Q4 {
    type Row = CategoryPrice;
    const NAME: &'static str = "q4";
    const QUESTION: &'static str =
        "the average price of each category, of the auctions that ended in the last 10 s, every 5 s";

    fn pipeline(events: &PCollection<Event>) -> PCollection<CategoryPrice> {
        let won = events
            .filter_map_ref("AuctionsAndBids", auction_or_bid)
            .par_do_stateful("WinningBids", WinningBids::new())
            .map("Prices", |won| (won.lot, won.offer.price));
        won.window("Sliding", SlidingWindows::of(SIZE).every(PERIOD)).mean("Mean", |price| *price as f64).map_element(
            "CategoryPrices",
            |mean| {
                let (category, price) = mean.value;
                CategoryPrice { end: mean.window().end(), category, price: price.round() as u64 }
            },
        )
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(CategoryPrice)) {
        let mut windows = Sliding::of(SIZE, PERIOD);
        let part = ByHand::new(out, |watermark, slices, out| {
            slices.close(watermark, |slice, sums| windows.add(slice.end(), sums));
            windows.advance(watermark, |end, sums| answer(end, sums, out));
        });
        by_hand::on_one(feed, |event: Event| auction_or_bid(&event), part);
    }

    /// Each thread has a part of the auctions. What they were sold for comes together in windows.
    fn by_hand_on_two<F: Feed, O: FnMut(CategoryPrice) + Send>(feeds: [F; 2], [a, b]: [O; 2]) {
        let windows = &Together::new(Sliding::of(SIZE, PERIOD));
        let part = |me, out| {
            ByHand::new(out, move |watermark, slices: &mut Slices, out: &mut O| {
                windows.pass(me, watermark, |windows, both| {
                    slices.close(watermark, |slice, sums| windows.add(slice.end(), sums));
                    windows.advance(both, |end, sums| answer(end, sums, out));
                });
            })
        };
        let fronts = [|event: Event| auction_or_bid(&event); 2];
        by_hand::on_two(feeds, fronts, [part(0, a), part(1, b)], |(auction, _)| by_hand::owner(*auction));
    }
}

/// What was paid by category, in slices of the windows.
type Slices = Stretches<Table<u64, Sum>>;

/// What was paid, and for how many things.
#[derive(Clone, Copy, Default, PartialEq)]
struct Sum {
    cents: u64,
    count: u64,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Sum) {
        *self = Sum { cents: self.cents + other.cents, count: self.count + other.count };
    }
}

impl SubAssign for Sum {
    fn sub_assign(&mut self, other: Sum) {
        *self = Sum { cents: self.cents - other.cents, count: self.count - other.count };
    }
}

fn answer(end: Timestamp, sums: &Table<u64, Sum>, out: &mut impl FnMut(CategoryPrice)) {
    for (category, sum) in sums {
        let price = (sum.cents as f64 / sum.count as f64).round() as u64;
        out(CategoryPrice { end, category: *category, price });
    }
}

/// Some of the auctions. `close` takes slices that are over.
struct ByHand<O, C> {
    auctions: winning_bids::ByHand<u64, ()>,
    slices: Slices,
    close: C,
    out: O,
}

impl<O, C: FnMut(Timestamp, &mut Slices, &mut O)> ByHand<O, C> {
    fn new(out: O, close: C) -> Self {
        ByHand { auctions: winning_bids::ByHand::new(), slices: Stretches::of(PERIOD), close, out }
    }
}

impl<O, C: FnMut(Timestamp, &mut Slices, &mut O)> Part<(u64, Rest)> for ByHand<O, C> {
    #[inline]
    fn take(&mut self, (auction, what): (u64, Rest)) {
        self.auctions.take(auction, what);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        self.auctions.advance(watermark, |won| {
            if let Some(slice) = self.slices.at(winning_bids::before(won.closes)) {
                *slice.entry(won.lot).or_default() += Sum { cents: won.offer.price, count: 1 };
            }
        });
        if self.slices.is_due(watermark) {
            (self.close)(watermark, &mut self.slices, &mut self.out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Auction;
    use crate::queries::testing::{auction, bid, events, run, same_everywhere};

    /// By looking at all winning bids for each window and category.
    fn naive(events: &[Event]) -> Vec<CategoryPrice> {
        let won = winning_bids::naive(events);
        let mut rows = Vec::new();
        for end in (-10..300).map(|i| Timestamp::from_seconds(5 * i)) {
            for category in 0..20 {
                let last = |auction: &Auction| auction.expires - Duration::micros(1);
                let here = |auction: &Auction| {
                    auction.category == category && end - SIZE <= last(auction) && last(auction) < end
                };
                let prices: Vec<u64> =
                    won.iter().filter(|(auction, _)| here(auction)).map(|(_, bid)| bid.price).collect();
                if !prices.is_empty() {
                    let price = (prices.iter().sum::<u64>() as f64 / prices.len() as f64).round() as u64;
                    rows.push(CategoryPrice { end, category, price });
                }
            }
        }
        rows
    }

    #[test]
    fn the_average_price_of_each_category_is_found() {
        let two = [
            auction(1, 1, 0),
            auction(2, 1, 1),
            bid(1, 1, 3, 2),
            bid(2, 1, 6, 3),
            bid(1, 1, 100, 10),
            bid(9, 1, 1, 80),
        ];
        for input in [two.to_vec(), events(1, 400), events(2, 150), events(3, 30), vec![]] {
            assert_eq!(run::<Q4>(&input), naive(&input));
            same_everywhere::<Q4>(&input);
        }
        let prices: Vec<_> = run::<Q4>(&two).iter().map(|row| (row.end.as_millis(), row.price)).collect();
        assert_eq!(prices, [(10_000, 3), (15_000, 5), (20_000, 6)]);
    }
}
