//! q2: selection. Beam's and Flink's are the same: the auctions whose number is a multiple of 123.

use crate::by_hand;
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Bids for some auctions, taken out of the events.
pub struct Q2;

/// The same, with events looked at where they are.
pub struct Q2ByRef;

/// A price bid for an auction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuctionPrice {
    /// The auction.
    pub auction: u64,
    /// In cents.
    pub price: u64,
}

impl Row for AuctionPrice {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price
    }
}

#[inline]
fn select(event: &Event) -> Option<AuctionPrice> {
    match event {
        Event::Bid(Bid { auction, price, .. }) if auction % 123 == 0 => {
            Some(AuctionPrice { auction: *auction, price: *price })
        }
        _ => None,
    }
}

impl Query for Q2 {
    type Row = AuctionPrice;
    const NAME: &'static str = "q2";
    const QUESTION: &'static str = "the prices bid for every 123rd auction";

    fn pipeline(events: &PCollection<Event>) -> PCollection<AuctionPrice> {
        events.filter_map("Selection", |event| select(&event))
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(AuctionPrice)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.filter_map(|event| select(&event)).for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(AuctionPrice) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

impl Query for Q2ByRef {
    type Row = AuctionPrice;
    const NAME: &'static str = "q2";
    const PATH: &'static str = "by_ref";
    const QUESTION: &'static str = Q2::QUESTION;

    fn pipeline(events: &PCollection<Event>) -> PCollection<AuctionPrice> {
        events.filter_map_ref("Selection", select)
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(AuctionPrice)) {
        Q2::by_hand(feed, out);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(AuctionPrice) + Send>(feeds: [F; 2], outs: [O; 2]) {
        Q2::by_hand_on_two(feeds, outs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{bid, events, person, run, same_everywhere};

    #[test]
    fn every_123rd_auction_is_selected() {
        let input = [bid(122, 1, 5, 0), bid(123, 1, 6, 1), person(123, 2), bid(246, 1, 7, 3), bid(0, 2, 8, 4)];
        let row = |auction, price| AuctionPrice { auction, price };
        assert_eq!(run::<Q2>(&input), [row(0, 8), row(123, 6), row(246, 7)]);
        same_everywhere::<Q2>(&input);
        same_everywhere::<Q2ByRef>(&events(1, 100));
    }
}
