//! q14: calculation. A filter, arithmetic, a case by the hour, and user code on a string.
//!
//! As in the SQL of Flink's suite: prices are converted by 0.908 and kept from 1,000,000 to 50,000,000, both
//! exclusive. Decimals with three places are integers of thousandths here.

use crate::by_hand::apart;
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Bids in another currency, with the time of the day and the letters `c` in `extra`.
pub struct Q14;

/// When a bid was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimeOfDay {
    /// From 8 to 18 o'clock, the last hour included.
    Day,
    /// Before 7 o'clock, or from 20 o'clock on.
    Night,
    /// Between these.
    Other,
}

/// A converted bid.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConvertedBid {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// Thousandths of what a price in cents becomes.
    pub price: u64,
    /// When, roughly.
    pub time_of_day: TimeOfDay,
    /// When.
    pub date_time: Timestamp,
    /// As in the bid.
    pub extra: String,
    /// How many of its bytes are a `c`.
    pub c_counts: u64,
}

impl Row for ConvertedBid {
    #[inline]
    fn tally(&self) -> u64 {
        self.price ^ self.auction ^ self.c_counts
    }
}

#[inline]
fn convert(event: Event) -> Option<ConvertedBid> {
    let Event::Bid(Bid { auction, bidder, price, date_time, extra, .. }) = event else { return None };
    let price = price.saturating_mul(908);
    if price <= 1_000_000_000 || price >= 50_000_000_000 {
        return None;
    }
    let time_of_day = match date_time.as_millis().div_euclid(3_600_000).rem_euclid(24) {
        8..=18 => TimeOfDay::Day,
        0..=6 | 20.. => TimeOfDay::Night,
        _ => TimeOfDay::Other,
    };
    let c_counts = extra.bytes().filter(|b| *b == b'c').count() as u64;
    Some(ConvertedBid { auction, bidder, price, time_of_day, date_time, extra, c_counts })
}

impl Query for Q14 {
    type Row = ConvertedBid;
    const NAME: &'static str = "q14";
    const QUESTION: &'static str = "bids of middling prices in another currency, and when in the day they were made";

    fn pipeline(events: &PCollection<Event>) -> PCollection<ConvertedBid> {
        events.filter_map("Convert", convert)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(ConvertedBid)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.filter_map(convert).for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(ConvertedBid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn prices_hours_and_letters() {
        let at = |hour: i64, price| {
            let date_time = Timestamp::from_seconds(1_436_918_400 + hour * 3_600 + 3_599);
            let [channel, url] = [const { String::new() }; 2];
            let extra = format!("{}d", "cC".repeat(hour as usize));
            Event::Bid(Bid { auction: 1, bidder: 2, price, channel, url, date_time, extra })
        };
        // 0.908 × 1,101,321 = 999,999.468, and 0.908 × 55,066,080 = 50,000,000.64
        let mut events: Vec<Event> = [1_101_321, 55_066_080, 1, 100_000_000].map(|price| at(3, price)).to_vec();
        events.extend((0..24).map(|hour| at(hour, 1_101_322)));
        events.push(at(5, 55_066_079));
        let row = |hour: i64, price, time_of_day| ConvertedBid {
            auction: 1,
            bidder: 2,
            price,
            time_of_day,
            date_time: at(hour, 0).date_time(),
            extra: format!("{}d", "cC".repeat(hour as usize)),
            c_counts: hour as u64,
        };
        let mut expected = vec![row(5, 49_999_999_732, TimeOfDay::Night)];
        for (hours, time_of_day) in [
            (0..=6, TimeOfDay::Night),
            (7..=7, TimeOfDay::Other),
            (8..=18, TimeOfDay::Day),
            (19..=19, TimeOfDay::Other),
            (20..=23, TimeOfDay::Night),
        ] {
            expected.extend(hours.map(|hour| row(hour, 1_000_000_376, time_of_day)));
        }
        samples::check::<Q14>(&events, expected);
    }
}
