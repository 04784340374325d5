//! q22: directories of addresses. Strings are cut into parts.
//!
//! As in the SQL of Flink's suite: parts 3, 4 and 5 of the address between slashes, counted from 0; none where there
//! are not so many.

use crate::by_hand::apart;
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Bids with the directories of the page they came from.
pub struct Q22;

/// A bid and where its page is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BidFromPage {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In cents.
    pub price: u64,
    /// The name of the channel.
    pub channel: String,
    /// The outermost directory.
    pub dir1: Option<String>,
    /// That in it.
    pub dir2: Option<String>,
    /// That in that.
    pub dir3: Option<String>,
}

impl Row for BidFromPage {
    #[inline]
    fn tally(&self) -> u64 {
        let lengths = [&self.dir1, &self.dir2, &self.dir3].into_iter().flatten().map(String::len);
        self.auction ^ self.price ^ lengths.sum::<usize>() as u64
    }
}

#[inline]
fn from_page(event: Event) -> Option<BidFromPage> {
    let Event::Bid(Bid { auction, bidder, price, channel, mut url, .. }) = event else { return None };
    let mut parts = url.split('/').skip(3);
    let [dir1, dir2, dir3] = [parts.next(), parts.next(), parts.next()];
    let [dir2, dir3] = [dir2, dir3].map(|dir| dir.map(str::to_owned));
    let length = dir1.map(str::len);
    // The first is what is left of the address, which nobody needs any more.
    let dir1 = length.map(|length| {
        let start: usize = url.split('/').take(3).map(|part| part.len() + 1).sum();
        url.truncate(start + length);
        url.drain(..start);
        url
    });
    Some(BidFromPage { auction, bidder, price, channel, dir1, dir2, dir3 })
}

impl Query for Q22 {
    type Row = BidFromPage;
    const NAME: &'static str = "q22";
    const QUESTION: &'static str = "bids with the first three directories of the page they came from";

    fn pipeline(events: &PCollection<Event>) -> PCollection<BidFromPage> {
        events.filter_map("Directories", from_page)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(BidFromPage)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.filter_map(from_page).for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(BidFromPage) + Send>(feeds: [F; 2], outs: [O; 2]) {
        apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn directories_are_the_parts_behind_the_host() {
        let cases = [
            ("https://www.nexmark.com/ab/cde/f/item.htm?query=1", [Some("ab"), Some("cde"), Some("f")]),
            ("https://www.nexmark.com/ab/cde", [Some("ab"), Some("cde"), None]),
            ("https://www.nexmark.com//cde/", [Some(""), Some("cde"), Some("")]),
            ("https://www.nexmark.com/", [Some(""), None, None]),
            ("https://www.nexmark.com", [None; 3]),
            ("", [None; 3]),
        ];
        let date_time = Timestamp::from_seconds(1);
        let channel = || "Apple".to_owned();
        let events = cases.map(|(url, _)| {
            let (url, extra) = (url.to_owned(), String::new());
            Event::Bid(Bid { auction: 1, bidder: 2, price: 3, channel: channel(), url, date_time, extra })
        });
        let expected = cases.map(|(_, dirs)| {
            let [dir1, dir2, dir3] = dirs.map(|dir| dir.map(str::to_owned));
            BidFromPage { auction: 1, bidder: 2, price: 3, channel: channel(), dir1, dir2, dir3 }
        });
        samples::check::<Q22>(&events, expected.to_vec());
    }
}
