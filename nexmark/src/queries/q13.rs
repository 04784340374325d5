//! q13: a join with a bounded side input. A table of 10,000 rows, looked up with each bid.
//!
//! As in the suites of Beam and Flink; the columns are those of the latter.

use crate::by_hand::{Table, apart};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Bids with what a table has for them.
pub struct Q13;

/// A bid and its row of the table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EnrichedBid {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In cents.
    pub price: u64,
    /// When.
    pub date_time: Timestamp,
    /// What the table has.
    pub value: String,
}

impl Row for EnrichedBid {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price ^ self.value.len() as u64
    }
}

/// How many rows the table has.
const SIDE_ROWS: u64 = 10_000;

/// The table.
fn side() -> impl Iterator<Item = (u64, String)> {
    (0..SIDE_ROWS).map(|key| (key, key.to_string()))
}

impl Query for Q13 {
    type Row = EnrichedBid;
    const NAME: &'static str = "q13";
    const QUESTION: &'static str = "bids with what a bounded side input has for their auction";

    fn pipeline(events: &PCollection<Event>) -> PCollection<EnrichedBid> {
        let side = events.pipeline().create("Side", side()).as_map_view("SideByKey");
        let bids = events
            .filter_map_ref("Bids", |event| event.bid().map(|bid| (bid.auction, bid.bidder, bid.price, bid.date_time)));
        bids.flat_map_with_side_input("Enrich", &side, |(auction, bidder, price, date_time), side| {
            let value = side.get(&(auction % SIDE_ROWS)).cloned();
            value.map(|value| EnrichedBid { auction, bidder, price, date_time, value })
        })
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(EnrichedBid)) {
        enrich(feed, &side().collect(), out);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(EnrichedBid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let side = side().collect();
        apart(feeds, outs, |feed, out| enrich(feed, &side, out));
    }
}

fn enrich(mut feed: impl Feed, side: &Table<u64, String>, mut out: impl FnMut(EnrichedBid)) {
    while let Some((events, _)) = feed.next_chunk() {
        for event in events {
            let Event::Bid(bid) = event else { continue };
            if let Some(value) = side.get(&(bid.auction % SIDE_ROWS)) {
                let value = value.clone();
                out(EnrichedBid {
                    auction: bid.auction,
                    bidder: bid.bidder,
                    price: bid.price,
                    date_time: bid.date_time,
                    value,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn each_bid_has_the_value_of_its_key() {
        let at = Timestamp::from_seconds;
        let events = [0, 1, 9_999, 10_000, 123_456].map(|auction| samples::bid(auction, 1, 5, at(1)));
        let row = |auction, value: &str| EnrichedBid {
            auction,
            bidder: 1,
            price: 5,
            date_time: at(1),
            value: value.to_owned(),
        };
        let expected = vec![row(0, "0"), row(1, "1"), row(9_999, "9999"), row(10_000, "0"), row(123_456, "3456")];
        samples::check::<Q13>(&events, expected);
    }
}
