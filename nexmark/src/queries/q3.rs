//! q3: local item suggestion. As in the first definition of the benchmark, and in Flink's, nothing is forgotten; Beam's
//! forgets sellers of whom it has not heard for a while.

use crate::by_hand::{self, Front, Part, Table};
use crate::event::{Event, Person};
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};

/// A join over all time, each of whose results comes as soon as it is known.
pub struct Q3;

/// An item that somebody sells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LocalItem {
    /// Who sells it.
    pub seller: Seller,
    /// The auction.
    pub auction: u64,
}

/// Somebody, and where they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Seller {
    /// First and last name.
    pub name: String,
    /// A town.
    pub city: String,
    /// The two letters of a state.
    pub state: String,
}

impl Row for LocalItem {
    #[inline]
    fn tally(&self) -> u64 {
        self.auction << 8 ^ self.seller.name.len() as u64
    }
}

/// An event that matters.
#[derive(Clone)]
enum SellerOrItem {
    /// Somebody of the states that are looked at.
    Seller(Seller),
    /// An auction of the category that is looked at.
    Item(u64),
}

#[inline]
fn is_local(state: &str) -> bool {
    matches!(state, "OR" | "ID" | "CA")
}

/// What is known of a seller.
#[derive(Default, StateRow)]
struct Known {
    seller: Value<Seller>,
    /// Auctions that came before the person.
    waiting: Bag<u64>,
}

/// Brings auctions and their sellers together.
#[derive(Clone)]
struct Join;

impl KeyedDoFn for Join {
    type Key = u64;
    type In = SellerOrItem;
    type Out = LocalItem;
    type State = Known;

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        element: Element<SellerOrItem>,
        known: &mut Known,
        out: &mut Output<'_, LocalItem>,
    ) -> Result<(), BoxError> {
        match (element.value, known.seller.get()) {
            (SellerOrItem::Item(auction), Some(seller)) => out.emit(LocalItem { seller: seller.clone(), auction }),
            (SellerOrItem::Item(auction), None) => known.waiting.add(auction),
            (SellerOrItem::Seller(seller), _) => {
                for auction in known.waiting.take() {
                    out.emit(LocalItem { seller: seller.clone(), auction });
                }
                known.seller.set(seller);
            }
        }
        Ok(())
    }
}

impl Query for Q3 {
    type Row = LocalItem;
    const NAME: &'static str = "q3";
    const QUESTION: &'static str = "who in OR, ID or CA sells in category 10, and in which auctions";

    fn pipeline(events: &PCollection<Event>) -> PCollection<LocalItem> {
        let sellers_and_items = events.filter_map_ref("SellersAndItems", |event| match event {
            Event::Person(person) if is_local(&person.state) => {
                let (name, city, state) = (person.name.clone(), person.city.clone(), person.state.clone());
                Some((person.id, SellerOrItem::Seller(Seller { name, city, state })))
            }
            Event::Auction(auction) if auction.category == 10 => Some((auction.seller, SellerOrItem::Item(auction.id))),
            _ => None,
        });
        sellers_and_items.par_do_stateful("Join", Join)
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(LocalItem)) {
        by_hand::on_one(feed, Filter, JoinByHand::new(out));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(LocalItem) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::on_two(feeds, [Filter; 2], outs.map(JoinByHand::new), |(id, _)| by_hand::owner(*id));
    }
}

#[derive(Clone, Copy)]
struct Filter;

impl Front<(u64, SellerOrItem)> for Filter {
    #[inline(always)] // a call would move each event
    fn event(&mut self, event: Event, give: &mut impl FnMut((u64, SellerOrItem))) {
        match event {
            Event::Person(person) if is_local(&person.state) => {
                let Person { id, name, city, state, .. } = *person;
                give((id, SellerOrItem::Seller(Seller { name, city, state })));
            }
            Event::Auction(auction) if auction.category == 10 => give((auction.seller, SellerOrItem::Item(auction.id))),
            _ => {}
        }
    }
}

enum KnownByHand {
    Seller(Seller),
    Waiting(Vec<u64>),
}

struct JoinByHand<O> {
    known: Table<u64, KnownByHand>,
    out: O,
}

impl<O> JoinByHand<O> {
    fn new(out: O) -> Self {
        JoinByHand { known: Table::default(), out }
    }
}

impl<O: FnMut(LocalItem)> Part<(u64, SellerOrItem)> for JoinByHand<O> {
    #[inline]
    fn take(&mut self, (id, what): (u64, SellerOrItem)) {
        let known = self.known.entry(id);
        match (what, known) {
            (SellerOrItem::Item(auction), Entry::Occupied(mut known)) => match known.get_mut() {
                KnownByHand::Seller(seller) => (self.out)(LocalItem { seller: seller.clone(), auction }),
                KnownByHand::Waiting(waiting) => waiting.push(auction),
            },
            (SellerOrItem::Item(auction), Entry::Vacant(known)) => {
                known.insert(KnownByHand::Waiting(vec![auction]));
            }
            (SellerOrItem::Seller(seller), Entry::Vacant(known)) => {
                known.insert(KnownByHand::Seller(seller));
            }
            (SellerOrItem::Seller(seller), Entry::Occupied(mut known)) => {
                if let KnownByHand::Waiting(waiting) = known.get_mut() {
                    for auction in waiting.drain(..) {
                        (self.out)(LocalItem { seller: seller.clone(), auction });
                    }
                }
                known.insert(KnownByHand::Seller(seller));
            }
        }
    }

    fn advance(&mut self, _: Timestamp) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{auction, events, person, run, same_everywhere};

    /// Each person with each auction.
    fn naive(events: &[Event]) -> Vec<LocalItem> {
        let mut rows = Vec::new();
        for person in events.iter().filter_map(Event::person).filter(|p| ["OR", "ID", "CA"].contains(&&*p.state)) {
            for auction in events.iter().filter_map(Event::auction) {
                if auction.seller == person.id && auction.category == 10 {
                    let (name, city, state) = (person.name.clone(), person.city.clone(), person.state.clone());
                    rows.push(LocalItem { seller: Seller { name, city, state }, auction: auction.id });
                }
            }
        }
        rows.sort();
        rows
    }

    #[test]
    fn items_are_suggested_whatever_comes_first() {
        let input =
            [auction(1, 8, 0), auction(2, 7, 1), person(8, 2), auction(3, 8, 3), person(7, 4), auction(4, 8, 90)];
        for input in [input.to_vec(), events(1, 300), events(2, 100), vec![]] {
            assert_eq!(run::<Q3>(&input), naive(&input));
            same_everywhere::<Q3>(&input);
        }
        assert_eq!(run::<Q3>(&input).len(), 3);
    }
}
