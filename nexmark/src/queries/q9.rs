//! q9: winning bids. Whole auctions and bids come out, as in Beam. See `winning_bids.rs` for which bids win.

use super::winning_bids::{self, Lot, LotOrOffer, Offer, WinningBids, Won};
use crate::by_hand::{self, Front, Part};
use crate::event::{Auction, Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// State and timers by auction.
pub struct Q9;

/// An auction, and the bid that won it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WinningBid {
    /// The auction.
    pub auction: Box<Auction>,
    /// The bid.
    pub bid: Bid,
}

impl Row for WinningBid {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction.id << 32 ^ self.bid.price ^ self.bid.bidder << 16
    }
}

type Rest = LotOrOffer<Box<Auction>, Bid>;

#[inline]
fn auction_or_bid(event: Event) -> Option<(u64, Rest)> {
    match event {
        Event::Bid(bid) => {
            Some((bid.auction, LotOrOffer::Offer(Offer { price: bid.price, at: bid.date_time, more: bid })))
        }
        Event::Auction(auction) => {
            let Auction { id, reserve, date_time: opens, expires: closes, .. } = *auction;
            Some((id, LotOrOffer::Lot(Lot { reserve, opens, closes, more: auction })))
        }
        Event::Person(_) => None,
    }
}

#[inline]
fn row(won: Won<Box<Auction>, Bid>) -> WinningBid {
    WinningBid { auction: won.lot, bid: won.offer.more }
}

impl Query for Q9 {
    type Row = WinningBid;
    const NAME: &'static str = "q9";
    const QUESTION: &'static str = "the auctions that are over, and the bids that won them";

    fn pipeline(events: &PCollection<Event>) -> PCollection<WinningBid> {
        let auctions_and_bids = events.filter_map("AuctionsAndBids", auction_or_bid);
        auctions_and_bids.par_do_stateful("WinningBids", WinningBids::new()).map("Winners", row)
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(WinningBid)) {
        by_hand::on_one(feed, AuctionsAndBids, ByHand { auctions: winning_bids::ByHand::new(), out });
    }

    fn by_hand_on_two<F: Feed, O: FnMut(WinningBid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let parts = outs.map(|out| ByHand { auctions: winning_bids::ByHand::new(), out });
        by_hand::on_two(feeds, [AuctionsAndBids; 2], parts, |(auction, _)| by_hand::owner(*auction));
    }
}

#[derive(Clone, Copy)]
struct AuctionsAndBids;

impl Front<(u64, Rest)> for AuctionsAndBids {
    #[inline(always)] // a call would move each event once more
    fn event(&mut self, event: Event, give: &mut impl FnMut((u64, Rest))) {
        if let Some(row) = auction_or_bid(event) {
            give(row);
        }
    }
}

struct ByHand<O> {
    auctions: winning_bids::ByHand<Box<Auction>, Bid>,
    out: O,
}

impl<O: FnMut(WinningBid)> Part<(u64, Rest)> for ByHand<O> {
    #[inline(always)]
    fn take(&mut self, (auction, what): (u64, Rest)) {
        self.auctions.take(auction, what);
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        self.auctions.advance(watermark, |won| (self.out)(row(won)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{auction, bid, events, run, same_everywhere};

    #[test]
    fn the_best_valid_bid_wins_whatever_comes_first() {
        let early = [bid(1, 5, 9, 0), bid(1, 6, 3, 2), auction(1, 7, 1), bid(1, 7, 3, 2), bid(1, 8, 3, 5)];
        let late = [bid(1, 8, 2, 10), bid(1, 9, 9, 11), bid(2, 1, 1, 14), auction(2, 7, 30), bid(2, 2, 2, 39)];
        let mut third = auction(3, 7, 50);
        if let Event::Auction(auction) = &mut third {
            auction.reserve = 5;
        }
        let reserve = [bid(3, 1, 4, 52), third, bid(3, 2, 5, 51), bid(3, 3, 5, 53), bid(4, 4, 4, 54)];
        let by_hand = [early.as_slice(), &late, &reserve].concat();
        let won: Vec<_> = run::<Q9>(&by_hand).iter().map(|won| (won.bid.auction, won.bid.bidder)).collect();
        assert_eq!(won, [(1, 6), (2, 2), (3, 2)]);

        for input in [by_hand, events(1, 400), events(2, 150), events(3, 30), vec![]] {
            let mut naive: Vec<_> = winning_bids::naive(&input)
                .into_iter()
                .map(|(auction, bid)| WinningBid { auction: auction.into(), bid })
                .collect();
            naive.sort();
            assert_eq!(run::<Q9>(&input), naive);
            same_everywhere::<Q9>(&input);
        }
    }
}
