//! q8: monitor new users. As in Beam there is a row for each auction, and windows are of ten seconds.

use crate::by_hand::{self, Front, Part, Stretches, Table};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

const SIZE: Duration = Duration::seconds(10);

/// A join of two kinds of events in windows.
pub struct Q8;

/// Somebody new who sells something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NewSeller {
    /// Their number.
    pub id: u64,
    /// Their name.
    pub name: String,
    /// The lowest price at which they sell, in cents.
    pub reserve: u64,
}

impl Row for NewSeller {
    #[inline]
    fn tally(&self) -> u64 {
        self.id << 32 ^ self.reserve
    }
}

impl Query for Q8 {
    type Row = NewSeller;
    const NAME: &'static str = "q8";
    const QUESTION: &'static str = "who registered and put something up for auction within the same 10 s";

    fn pipeline(events: &PCollection<Event>) -> PCollection<NewSeller> {
        let windows = FixedWindows::of(SIZE);
        let persons = events
            .filter_map_ref("Persons", |event| event.person().map(|person| (person.id, person.name.clone())))
            .window("PersonWindows", windows);
        let auctions = events
            .filter_map_ref("Auctions", |event| event.auction().map(|auction| (auction.seller, auction.reserve)))
            .window("AuctionWindows", windows);
        persons.join("Sellers", &auctions).map("NewSellers", |(id, (name, reserve))| NewSeller { id, name, reserve })
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(NewSeller)) {
        by_hand::on_one(feed, Arrivals, Join::new(out));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(NewSeller) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::on_two(feeds, [Arrivals; 2], outs.map(Join::new), |(id, _, _)| by_hand::owner(*id));
    }
}

/// What there is to know of an event: the person who registers or sells, when, and what else.
type Arrival = (u64, Timestamp, PersonOrAuction);

enum PersonOrAuction {
    Person(String),
    Auction(u64),
}

#[derive(Clone, Copy)]
struct Arrivals;

impl Front<Arrival> for Arrivals {
    #[inline(always)] // a call would move each event
    fn event(&mut self, event: Event, give: &mut impl FnMut(Arrival)) {
        match event {
            Event::Bid(_) => {}
            Event::Person(person) => give((person.id, person.date_time, PersonOrAuction::Person(person.name))),
            Event::Auction(auction) => {
                give((auction.seller, auction.date_time, PersonOrAuction::Auction(auction.reserve)));
            }
        }
    }
}

/// A window.
#[derive(Default)]
struct Window {
    names: Table<u64, String>,
    /// Sellers and reserves.
    auctions: Vec<(u64, u64)>,
}

struct Join<O> {
    windows: Stretches<Window>,
    out: O,
}

impl<O> Join<O> {
    fn new(out: O) -> Self {
        Join { windows: Stretches::of(SIZE), out }
    }
}

impl<O: FnMut(NewSeller)> Part<Arrival> for Join<O> {
    #[inline]
    fn take(&mut self, (id, date_time, what): Arrival) {
        match (self.windows.at(date_time), what) {
            (Some(window), PersonOrAuction::Person(name)) => _ = window.names.insert(id, name),
            (Some(window), PersonOrAuction::Auction(reserve)) => window.auctions.push((id, reserve)),
            (None, _) => {}
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        self.windows.close(watermark, |_, Window { names, auctions }| {
            for (id, reserve) in auctions.drain(..) {
                if let Some(name) = names.get(&id) {
                    (self.out)(NewSeller { id, name: name.clone(), reserve });
                }
            }
            names.clear();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{auction, events, person, run, same_everywhere};

    /// Each person with each auction.
    fn naive(events: &[Event]) -> Vec<NewSeller> {
        let mut rows = Vec::new();
        let window = |t: Timestamp| FixedWindows::of(SIZE).assign(t);
        for person in events.iter().filter_map(Event::person) {
            let here = window(person.date_time);
            let theirs = events.iter().filter_map(Event::auction).filter(|auction| auction.seller == person.id);
            for auction in theirs.filter(|auction| window(auction.date_time) == here) {
                rows.push(NewSeller { id: person.id, name: person.name.clone(), reserve: auction.reserve });
            }
        }
        rows.sort();
        rows
    }

    #[test]
    fn new_sellers_are_found_whatever_comes_first() {
        let input =
            [auction(1, 7, 3), person(7, 5), auction(2, 7, 9), person(8, 9), auction(3, 8, 10), auction(4, 7, 8)];
        for input in [input.to_vec(), events(1, 300), events(2, 100), vec![]] {
            assert_eq!(run::<Q8>(&input), naive(&input));
            same_everywhere::<Q8>(&input);
        }
        assert_eq!(run::<Q8>(&input).len(), 3);
    }
}
