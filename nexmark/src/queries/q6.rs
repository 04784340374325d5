//! q6: average selling price by seller, over the last ten auctions of a seller in the order in which they end (of those that
//! end together, in that of their numbers). Beam and Flink go by the time of the winning bid. See
//! `winning_bids.rs` for which bids win.

use super::winning_bids::{self, LotOrOffer, WinningBids};
use crate::by_hand::{self, Part, Table, Together};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};

/// State and timers by auction, then by seller.
pub struct Q6;

/// What somebody sells for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SellerPrice {
    /// Who sells.
    pub seller: u64,
    /// The average price, in cents.
    pub price: u64,
}

impl Row for SellerPrice {
    #[inline]
    fn tally(&self) -> u64 {
        self.seller << 32 ^ self.price
    }
}

/// The prices of the last ten auctions of a seller.
#[derive(Clone, Default, Serialize, Deserialize)]
struct LastTen {
    prices: [u64; 10],
    sold: usize,
}

impl LastTen {
    /// The average price with this one.
    #[inline]
    fn sell(&mut self, price: u64) -> u64 {
        self.prices[self.sold % 10] = price;
        self.sold += 1;
        let last = &self.prices[..self.sold.min(10)];
        (last.iter().sum::<u64>() as f64 / last.len() as f64).round() as u64
    }
}

/// What is known of a seller.
#[derive(Default, StateRow)]
struct Sales {
    last: Value<LastTen>,
    /// Auctions that are not in order yet: their numbers, and prices.
    unordered: OrderedList<(u64, u64)>,
    /// When the first of them is.
    ordered: EventTimer,
}

/// The average price of each seller, with each auction.
#[derive(Clone)]
struct AveragePrices;

impl KeyedDoFn for AveragePrices {
    type Key = u64;
    type In = (u64, u64);
    type Out = SellerPrice;
    type State = Sales;

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        sale: Element<(u64, u64)>,
        sales: &mut Sales,
        _: &mut Output<'_, SellerPrice>,
    ) -> Result<(), BoxError> {
        sales.unordered.add(sale.timestamp, sale.value);
        sales.wait();
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        SalesTimer::Ordered: SalesTimer,
        sales: &mut Sales,
        out: &mut Output<'_, SellerPrice>,
    ) -> Result<(), BoxError> {
        let mut together = Vec::new();
        while sales.unordered.first().is_some_and(|(time, _)| time <= context.fired_at()) {
            together.extend(sales.unordered.pop_first());
        }
        together.sort_unstable();
        for (_, (_, price)) in together {
            out.emit(SellerPrice { seller: *context.key(), price: sales.last.or_default().sell(price) });
        }
        sales.wait();
        Ok(())
    }
}

impl Sales {
    /// Waits for the watermark to pass the first sale.
    fn wait(&mut self) {
        if let Some((first, _)) = self.unordered.first() {
            self.ordered.set(first);
        }
    }
}

/// Auctions have a seller.
type Rest = LotOrOffer<u64, ()>;

#[inline(always)]
fn auction_or_bid(event: &Event) -> Option<(u64, Rest)> {
    winning_bids::auction_or_bid(event, |auction| auction.seller)
}

impl Query for Q6 {
    type Row = SellerPrice;
    const NAME: &'static str = "q6";
    const QUESTION: &'static str = "the average price of the last 10 auctions of a seller, with each that ends";

    fn pipeline(events: &PCollection<Event>) -> PCollection<SellerPrice> {
        let won =
            events.filter_map_ref("AuctionsAndBids", auction_or_bid).par_do_stateful("WinningBids", WinningBids::new());
        won.map("Sales", |won| (won.lot, (won.auction, won.offer.price)))
            .par_do_stateful("AveragePrices", AveragePrices)
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(SellerPrice)) {
        let mut sellers = Sellers::default();
        let part = ByHand::new(|watermark, sales: &mut Vec<Sale>| {
            sellers.sales.append(sales);
            sellers.advance(watermark, &mut out);
        });
        by_hand::on_one(feed, |event: Event| auction_or_bid(&event), part);
    }

    /// Each thread has a part of the auctions. What they were sold for comes together by seller.
    fn by_hand_on_two<F: Feed, O: FnMut(SellerPrice) + Send>(feeds: [F; 2], [a, b]: [O; 2]) {
        let sellers = &Together::new(Sellers::default());
        let part = |me, mut out| {
            ByHand::new(move |watermark, sales: &mut Vec<Sale>| {
                sellers.pass(me, watermark, |sellers, both| {
                    sellers.sales.append(sales);
                    sellers.advance(both, &mut out);
                });
            })
        };
        let fronts = [|event: Event| auction_or_bid(&event); 2];
        by_hand::on_two(feeds, fronts, [part(0, a), part(1, b)], |(auction, _)| by_hand::owner(*auction));
    }
}

/// When an auction ended, its number, its seller and its price.
type Sale = (Timestamp, u64, u64, u64);

/// All sellers.
#[derive(Default)]
struct Sellers {
    last: Table<u64, LastTen>,
    sales: Vec<Sale>,
}

impl Sellers {
    /// Gives the prices with all auctions that ended by `watermark`.
    fn advance(&mut self, watermark: Timestamp, out: &mut impl FnMut(SellerPrice)) {
        self.sales.sort_unstable();
        let over = self.sales.partition_point(|(closes, ..)| *closes <= watermark);
        for (_, _, seller, price) in self.sales.drain(..over) {
            out(SellerPrice { seller, price: self.last.entry(seller).or_default().sell(price) });
        }
    }
}

/// Some of the auctions. `close` takes what was sold by a watermark.
struct ByHand<C> {
    auctions: winning_bids::ByHand<u64, ()>,
    sales: Vec<Sale>,
    close: C,
}

impl<C: FnMut(Timestamp, &mut Vec<Sale>)> ByHand<C> {
    fn new(close: C) -> Self {
        ByHand { auctions: winning_bids::ByHand::new(), sales: Vec::new(), close }
    }
}

impl<C: FnMut(Timestamp, &mut Vec<Sale>)> Part<(u64, Rest)> for ByHand<C> {
    #[inline]
    fn take(&mut self, (auction, what): (u64, Rest)) {
        self.auctions.take(auction, what);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        if let Some(passed) = self.auctions.advance(watermark, |won| {
            self.sales.push((won.closes, won.auction, won.lot, won.offer.price));
        }) {
            (self.close)(passed, &mut self.sales);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Auction, Bid};
    use crate::queries::testing::{auction, bid, events, run, same_everywhere};

    /// By looking at the last ten of all winning bids, for each.
    fn naive(events: &[Event]) -> Vec<SellerPrice> {
        let won = winning_bids::naive(events);
        let row = |(i, (auction, _)): (usize, &(Auction, Bid))| {
            let theirs = won[..=i].iter().rev().filter(|(other, _)| other.seller == auction.seller);
            let prices: Vec<u64> = theirs.take(10).map(|(_, bid)| bid.price).collect();
            let price = (prices.iter().sum::<u64>() as f64 / prices.len() as f64).round() as u64;
            SellerPrice { seller: auction.seller, price }
        };
        let mut rows: Vec<SellerPrice> = won.iter().enumerate().map(row).collect();
        rows.sort();
        rows
    }

    #[test]
    fn prices_are_the_average_of_the_last_ten() {
        // Auctions 2 and 3 end together, before 1 does.
        let mut first = auction(1, 7, 0);
        if let Event::Auction(auction) = &mut first {
            auction.expires = Timestamp::from_seconds(60);
        }
        let few = [first, auction(3, 7, 1), auction(2, 7, 1), bid(3, 1, 30, 3), bid(1, 1, 2, 3), bid(2, 1, 10, 4)];
        assert_eq!(run::<Q6>(&few).iter().map(|row| row.price).collect::<Vec<_>>(), [10, 14, 20]);

        let many: Vec<Event> = (0..24)
            .map(|i| if i % 2 == 0 { auction(i, 7, i as i64) } else { bid(i - 1, 1, i * i, i as i64) })
            .collect();
        for input in [few.to_vec(), many, events(1, 400), events(2, 150), events(3, 30), vec![]] {
            assert_eq!(run::<Q6>(&input), naive(&input));
            same_everywhere::<Q6>(&input);
        }
    }
}
