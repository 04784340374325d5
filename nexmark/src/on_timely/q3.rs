//! q3: who sells what, over all time.

use super::{Stream, filter_map_ref};
use crate::by_hand::Table;
use crate::event::Event;
use crate::queries::q3::{LocalItem, Seller};
use ::timely::dataflow::channels::pact::Exchange;
use ::timely::dataflow::operators::generic::Operator;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Arrival {
    Seller(Seller),
    Item(u64),
}

/// Persons of three states, with their auctions of category 10.
pub(super) fn q3(events: Stream<'_, Event>) -> Stream<'_, LocalItem> {
    let arrivals = filter_map_ref(events, |event| match event {
        Event::Person(person) if matches!(&*person.state, "OR" | "ID" | "CA") => {
            let (name, city, state) = (person.name.clone(), person.city.clone(), person.state.clone());
            Some((person.id, Arrival::Seller(Seller { name, city, state })))
        }
        Event::Auction(auction) if auction.category == 10 => Some((auction.seller, Arrival::Item(auction.id))),
        _ => None,
    });
    arrivals.unary(Exchange::new(|arrival: &(u64, Arrival)| arrival.0), "Join", |_, _| {
        let mut sellers: Table<u64, Seller> = Table::default();
        let mut waiting: Table<u64, Vec<u64>> = Table::default();
        move |input, output| {
            input.for_each(|time, arrivals| {
                let mut session = output.session(&time);
                for (id, arrival) in arrivals.drain(..) {
                    match (arrival, sellers.get(&id)) {
                        (Arrival::Item(auction), Some(seller)) => {
                            session.give(LocalItem { seller: seller.clone(), auction });
                        }
                        (Arrival::Item(auction), None) => waiting.entry(id).or_default().push(auction),
                        (Arrival::Seller(seller), _) => {
                            for auction in waiting.remove(&id).unwrap_or_default() {
                                session.give(LocalItem { seller: seller.clone(), auction });
                            }
                            sellers.insert(id, seller);
                        }
                    }
                }
            });
        }
    })
}
