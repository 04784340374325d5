//! q1: currency conversion. Beam multiplies by 0.89 and Flink by 0.908: it is the latter here, in whole cents.

use crate::by_hand;
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Whole bids, with their price in euros.
pub struct Q1;

/// What bids are about, with their price in euros: events are looked at, and the numbers copied.
pub struct Q1ByRef;

/// What a bid is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Offer {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In euro cents.
    pub price: u64,
    /// When.
    pub date_time: Timestamp,
}

impl Row for Bid {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price
    }
}

impl Row for Offer {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price
    }
}

#[inline]
pub(super) fn in_euros(cents: u64) -> u64 {
    cents * 908 / 1_000
}

#[inline]
fn converted(event: Event) -> Option<Bid> {
    match event {
        // Changed in place: `Bid { price, ..bid }` moves each field by itself, and the processor waits for them.
        Event::Bid(mut bid) => {
            bid.price = in_euros(bid.price);
            Some(bid)
        }
        _ => None,
    }
}

#[inline]
pub(crate) fn offer(event: &Event) -> Option<Offer> {
    let Bid { auction, bidder, price, date_time, .. } = *event.bid()?;
    Some(Offer { auction, bidder, price: in_euros(price), date_time })
}

impl Query for Q1 {
    type Row = Bid;
    const NAME: &'static str = "q1";
    const QUESTION: &'static str = "all bids, with their prices in euros";

    fn pipeline(events: &PCollection<Event>) -> PCollection<Bid> {
        events.filter_map("InEuros", converted)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(Bid)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.for_each(|event| {
                if let Event::Bid(mut bid) = event {
                    bid.price = in_euros(bid.price);
                    out(bid);
                }
            });
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Bid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

impl Query for Q1ByRef {
    type Row = Offer;
    const NAME: &'static str = "q1";
    const PATH: &'static str = "by_ref";
    const QUESTION: &'static str = "what all bids are about, with their prices in euros";

    fn pipeline(events: &PCollection<Event>) -> PCollection<Offer> {
        events.filter_map_ref("InEuros", offer)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(Offer)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.filter_map(|event| offer(&event)).for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Offer) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{auction, bid, events, run, same_everywhere};

    #[test]
    fn bids_cost_less_in_euros() {
        let input = [bid(7, 1, 1_000, 3), auction(8, 1, 4), bid(9, 2, 1, 5)];
        let rows = run::<Q1>(&input);
        assert_eq!(rows.iter().map(|b| (b.auction, b.price)).collect::<Vec<_>>(), [(7, 908), (9, 0)]);
        same_everywhere::<Q1>(&input);

        let at = Timestamp::from_seconds;
        let offer = |auction, bidder, price, s| Offer { auction, bidder, price, date_time: at(s) };
        assert_eq!(run::<Q1ByRef>(&input), [offer(7, 1, 908, 3), offer(9, 2, 0, 5)]);
        same_everywhere::<Q1ByRef>(&events(1, 100));
    }
}
