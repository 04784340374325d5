//! q20: bids with their auctions, of one category. A join without windows.
//!
//! As in the SQL of Flink's suite. Each bid comes out as soon as the auction is there; an auction is known forever, and
//! bids wait for it as long. Auctions of other categories are known as such, so that bids for them need not be kept.

use crate::by_hand::{Front, Part, Table, on_one, on_two};
use crate::event::{Auction, Bid, Event};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use hashbrown::hash_map::Entry;

/// Bids for auctions of category 10.
pub struct Q20;

/// A bid and its auction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BidOnAuction {
    /// The bid.
    pub bid: Bid,
    /// The auction.
    pub auction: Auction,
}

impl Row for BidOnAuction {
    #[inline]
    fn tally(&self) -> u64 {
        self.bid.tally() ^ self.auction.seller ^ self.auction.item_name.len() as u64
    }
}

/// The category.
const CATEGORY: u64 = 10;

impl Query for Q20 {
    type Row = BidOnAuction;
    const NAME: &'static str = "q20";
    const QUESTION: &'static str = "bids for auctions of category 10, with the auctions";

    fn pipeline(events: &PCollection<Event>) -> PCollection<BidOnAuction> {
        let by_auction = events.filter_map("ByAuction", |event| match event {
            Event::Bid(bid) => Some((bid.auction, Side::Bid(bid))),
            Event::Auction(auction) => Some((auction.id, Side::Auction(wanted(auction)))),
            Event::Person(_) => None,
        });
        by_auction.par_do_stateful("Join", Join)
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(BidOnAuction)) {
        on_one(feed, Told::<1>(0), Auctions { known: Table::default(), out });
    }

    fn by_hand_on_two<F: Feed, O: FnMut(BidOnAuction) + Send>(feeds: [F; 2], outs: [O; 2]) {
        // Auctions are few: both threads know them all, so that bids stay where they are.
        let parts = outs.map(|out| Auctions { known: Table::default(), out });
        on_two(feeds, [Told::<2>(0), Told(1)], parts, |given| match given {
            Given::Bid(to, _) | Given::Auction(to, ..) => *to,
        });
    }
}

/// The auction, if it is of the category.
fn wanted(auction: Box<Auction>) -> Option<Box<Auction>> {
    Some(auction).filter(|auction| auction.category == CATEGORY)
}

/// What comes for an auction.
#[derive(Clone)]
enum Side {
    Bid(Bid),
    /// The auction itself, if it is of the category.
    Auction(Option<Box<Auction>>),
}

/// What is known of an auction.
#[derive(Default, StateRow)]
struct Known {
    auction: Value<Option<Box<Auction>>>,
    waiting: Bag<Bid>,
}

/// Brings bids together with their auction.
#[derive(Clone)]
struct Join;

impl KeyedDoFn for Join {
    type Key = u64;
    type In = Side;
    type Out = BidOnAuction;
    type State = Known;

    #[inline]
    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        side: Element<Side>,
        known: &mut Known,
        out: &mut Output<'_, BidOnAuction>,
    ) -> Result<(), BoxError> {
        match side.value {
            Side::Bid(bid) => match known.auction.get() {
                Some(Some(auction)) => out.emit(BidOnAuction { bid, auction: (**auction).clone() }),
                Some(None) => {}
                None => known.waiting.add(bid),
            },
            Side::Auction(auction) => {
                for bid in known.waiting.take() {
                    if let Some(auction) = &auction {
                        out.emit(BidOnAuction { bid, auction: (**auction).clone() });
                    }
                }
                known.auction.set(auction);
            }
        }
        Ok(())
    }
}

/// What a thread is told.
enum Given {
    Bid(usize, Bid),
    Auction(usize, u64, Option<Box<Auction>>),
}

/// Tells its own thread of bids, and all of `N` threads of auctions.
struct Told<const N: usize>(usize);

impl<const N: usize> Front<Given> for Told<N> {
    #[inline(always)]
    fn event(&mut self, event: Event, give: &mut impl FnMut(Given)) {
        match event {
            Event::Bid(bid) => give(Given::Bid(self.0, bid)),
            Event::Auction(auction) => {
                let (id, auction) = (auction.id, wanted(auction));
                (0..N).filter(|to| *to != self.0).for_each(|to| give(Given::Auction(to, id, auction.clone())));
                give(Given::Auction(self.0, id, auction));
            }
            Event::Person(_) => {}
        }
    }
}

/// The auctions that are known.
struct Auctions<O> {
    known: Table<u64, State>,
    out: O,
}

/// What is known of one.
enum State {
    Wanted(Box<Auction>),
    Other,
    /// Nothing but bids.
    Unknown(Vec<Bid>),
}

impl<O: FnMut(BidOnAuction)> Part<Given> for Auctions<O> {
    #[inline]
    fn take(&mut self, given: Given) {
        match given {
            Given::Bid(_, bid) => match self.known.get_mut(&bid.auction) {
                Some(State::Wanted(auction)) => (self.out)(BidOnAuction { bid, auction: (**auction).clone() }),
                Some(State::Other) => {}
                Some(State::Unknown(waiting)) => waiting.push(bid),
                None => drop(self.known.insert(bid.auction, State::Unknown(vec![bid]))),
            },
            Given::Auction(_, id, auction) => {
                let state = match self.known.entry(id) {
                    Entry::Occupied(state) => state.into_mut(),
                    Entry::Vacant(free) => free.insert(State::Other),
                };
                let new = auction.map_or(State::Other, State::Wanted);
                if let State::Unknown(waiting) = std::mem::replace(state, new)
                    && let State::Wanted(auction) = state
                {
                    let found = waiting.into_iter().map(|bid| BidOnAuction { bid, auction: (**auction).clone() });
                    found.for_each(&mut self.out);
                }
            }
        }
    }

    fn advance(&mut self, _: Timestamp) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn bids_find_their_auction_before_and_behind_them() {
        let events = samples::events(300, Duration::seconds(1));
        let auctions = || events.iter().filter_map(Event::auction).filter(|auction| auction.category == 10);
        let rows = samples::bids(&events).into_iter().flat_map(|bid| {
            let of_bid = auctions().filter(|auction| auction.id == bid.auction);
            of_bid.map(|auction| BidOnAuction { bid: bid.clone(), auction: auction.clone() })
        });
        samples::check::<Q20>(&events, rows.collect());
    }
}
