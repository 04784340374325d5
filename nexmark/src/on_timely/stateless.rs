//! q0, q1 and q2: an event after the other.

use super::{Stream, filter_map_ref};
use crate::event::{Bid, Event};
use crate::queries::q1::{Offer, offer};
use crate::queries::q2::AuctionPrice;
use ::timely::dataflow::operators::vec::Map;

/// Events as they are.
pub(super) fn q0(events: Stream<'_, Event>) -> Stream<'_, Event> {
    events.map(|event| event)
}

/// The same, with events left where they are.
pub(super) fn q0_in_place(events: Stream<'_, Event>) -> Stream<'_, Event> {
    events.map_in_place(|_| {})
}

/// Bids in euros.
pub(super) fn q1(events: Stream<'_, Event>) -> Stream<'_, Bid> {
    events.flat_map(|event| match event {
        Event::Bid(mut bid) => {
            bid.price = bid.price * 908 / 1_000;
            Some(bid)
        }
        _ => None,
    })
}

/// What bids are about, in euros.
pub(super) fn q1_by_ref(events: Stream<'_, Event>) -> Stream<'_, Offer> {
    filter_map_ref(events, offer)
}

/// Bids for some auctions.
pub(super) fn q2(events: Stream<'_, Event>) -> Stream<'_, AuctionPrice> {
    filter_map_ref(events, |event| match event {
        Event::Bid(bid) if bid.auction % 123 == 0 => Some(AuctionPrice { auction: bid.auction, price: bid.price }),
        _ => None,
    })
}
