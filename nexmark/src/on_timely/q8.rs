//! q8: new persons who sell something within the same window.

use super::{Stream, filter_map_ref, window_end};
use crate::by_hand::Table;
use crate::event::Event;
use crate::queries::q8::NewSeller;
use ::timely::dataflow::channels::pact::Exchange;
use ::timely::dataflow::operators::Capability;
use ::timely::dataflow::operators::generic::Operator;
use dataflow::prelude::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const SIZE: Duration = Duration::seconds(10);

#[derive(Serialize, Deserialize)]
enum What {
    Person(String),
    Auction(u64),
}

struct Window {
    capability: Capability<u64>,
    names: Table<u64, String>,
    /// Sellers and reserves.
    auctions: Vec<(u64, u64)>,
}

/// Each auction of somebody who registered in the same ten seconds.
pub(super) fn q8(events: Stream<'_, Event>) -> Stream<'_, NewSeller> {
    let arrivals = filter_map_ref(events, |event| match event {
        Event::Person(person) => {
            Some((person.id, window_end(person.date_time, SIZE), What::Person(person.name.clone())))
        }
        Event::Auction(auction) => {
            Some((auction.seller, window_end(auction.date_time, SIZE), What::Auction(auction.reserve)))
        }
        Event::Bid(_) => None,
    });
    arrivals.unary_frontier(Exchange::new(|arrival: &(u64, u64, What)| arrival.0), "Join", |_, _| {
        let mut windows: BTreeMap<u64, Window> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|time, arrivals| {
                for (id, end, what) in arrivals.drain(..) {
                    let window = windows.entry(end).or_insert_with(|| Window {
                        capability: time.delayed(&end, 0),
                        names: Table::default(),
                        auctions: Vec::new(),
                    });
                    match what {
                        What::Person(name) => _ = window.names.insert(id, name),
                        What::Auction(reserve) => window.auctions.push((id, reserve)),
                    }
                }
            });
            while let Some(window) = windows.first_entry()
                && !frontier.less_than(window.key())
            {
                let Window { capability, names, auctions } = window.remove();
                let mut session = output.session(&capability);
                for (id, reserve) in auctions {
                    if let Some(name) = names.get(&id) {
                        session.give(NewSeller { id, name: name.clone(), reserve });
                    }
                }
            }
        }
    })
}
