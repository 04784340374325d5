//! q21: channel ids. A case by the channel, and a search in a string.
//!
//! As in the SQL of Flink's suite: four channels have ids of their own; for others it is the first match of the regular
//! expression `(&|^)channel_id=([^&]*)` in the page's address. Bids without an id are left out.

use crate::by_hand::apart;
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use std::ops::Range;

/// Bids with the id of their channel.
pub struct Q21;

/// A bid and where it came from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BidInChannel {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In cents.
    pub price: u64,
    /// The name of the channel.
    pub channel: String,
    /// Its id.
    pub channel_id: String,
}

impl Row for BidInChannel {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction ^ self.price ^ self.channel_id.len() as u64
    }
}

/// Where the id is in an address: all up to the next `&`.
fn id_in(url: &str) -> Option<Range<usize>> {
    const NAME: &str = "channel_id=";
    let mut start = 0;
    for part in url.split('&') {
        let end = start + part.len();
        if part.starts_with(NAME) {
            return Some(start + NAME.len()..end);
        }
        start = end + 1;
    }
    None
}

#[inline]
fn with_channel_id(event: Event) -> Option<BidInChannel> {
    let Event::Bid(Bid { auction, bidder, price, channel, mut url, .. }) = event else { return None };
    let known = [("apple", "0"), ("google", "1"), ("facebook", "2"), ("baidu", "3")];
    // The id is written over the address, which nobody needs any more.
    if let Some((_, id)) = known.iter().find(|(name, _)| channel.eq_ignore_ascii_case(name)) {
        url.clear();
        url.push_str(id);
    } else {
        let id = id_in(&url)?;
        url.truncate(id.end);
        url.drain(..id.start);
    }
    Some(BidInChannel { auction, bidder, price, channel, channel_id: url })
}

impl Query for Q21 {
    type Row = BidInChannel;
    const NAME: &'static str = "q21";
    const QUESTION: &'static str = "bids with the id of their channel, from its name or the page's address";

    fn pipeline(events: &PCollection<Event>) -> PCollection<BidInChannel> {
        events.filter_map("ChannelId", with_channel_id)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(BidInChannel)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.filter_map(with_channel_id).for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(BidInChannel) + Send>(feeds: [F; 2], outs: [O; 2]) {
        apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn ids_are_those_of_the_channel_or_the_address() {
        let cases = [
            ("apple", "https://x.example/?channel_id=7", Some("0")),
            ("Google", "", Some("1")),
            ("FACEBOOK", "", Some("2")),
            ("Baidu", "", Some("3")),
            ("channel-1", "https://x.example/?query=1&channel_id=12", Some("12")),
            ("channel-2", "https://x.example/?query=1&channel_id=12&channel_id=13", Some("12")),
            ("channel-3", "channel_id=8&more", Some("8")),
            ("channel-4", "https://x.example/?a&channel_id=&b", Some("")),
            ("channel-5", "https://x.example/?channel_id=7", None),
            ("channel-6", "https://x.example/?query=1&channel_idx=7", None),
            ("channel-7", "", None),
        ];
        let date_time = Timestamp::from_seconds(1);
        let bid = |(channel, url): (&str, &str)| {
            let (channel, url, extra) = (channel.to_owned(), url.to_owned(), String::new());
            Event::Bid(Bid { auction: 1, bidder: 2, price: 3, channel, url, date_time, extra })
        };
        let events = cases.map(|(channel, url, _)| bid((channel, url)));
        let expected = cases.iter().filter_map(|(channel, _, id)| {
            let (channel, channel_id) = ((*channel).to_owned(), (*id)?.to_owned());
            Some(BidInChannel { auction: 1, bidder: 2, price: 3, channel, channel_id })
        });
        samples::check::<Q21>(&events, expected.collect());
    }
}
