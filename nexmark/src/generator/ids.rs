//! Which persons and auctions there are when an event happens, and which of them it is about.
//!
//! Of each 50 events the first is a person, the next three are auctions, the rest are bids. So the ids that exist are
//! known from the number of an event alone.

use super::config::Config;
use super::random::Random;

/// Of [`PROPORTIONS`] events so many are persons.
pub const PERSONS: u64 = 1;
/// Of [`PROPORTIONS`] events so many are auctions.
pub const AUCTIONS: u64 = 3;
/// Of [`PROPORTIONS`] events so many are bids.
pub const BIDS: u64 = 46;
/// After so many events the kinds of events begin again.
pub const PROPORTIONS: u64 = PERSONS + AUCTIONS + BIDS;

/// The id of the first person.
pub const FIRST_PERSON: u64 = 1_000;
/// The id of the first auction.
pub const FIRST_AUCTION: u64 = 1_000;
/// The first category. The others follow.
pub const FIRST_CATEGORY: u64 = 10;
/// How many categories there are.
pub const CATEGORIES: u64 = 5;

/// So many persons that do not exist yet are already referred to, as if events had changed places.
pub const PERSON_LEAD: u64 = 10;
/// So many auctions that do not exist yet are already referred to.
pub const AUCTION_LEAD: u64 = 10;

/// The hot auction is the first of so many; likewise sellers and bidders.
const HOT: u64 = 100;

/// What an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Person,
    Auction,
    Bid,
}

/// What event `id` is.
#[inline]
pub(super) fn kind(id: u64) -> Kind {
    match id % PROPORTIONS {
        0..PERSONS => Kind::Person,
        n if n < PERSONS + AUCTIONS => Kind::Auction,
        _ => Kind::Bid,
    }
}

/// The newest person when event `id` happens, from 0: itself, if it is one. There is one, the first, in each proportion.
#[inline]
pub(super) fn last_person(id: u64) -> u64 {
    id / PROPORTIONS
}

/// How many auctions there are when event `id` has happened.
#[inline]
pub(super) fn auctions(id: u64) -> u64 {
    id / PROPORTIONS * AUCTIONS + (id % PROPORTIONS + 1).saturating_sub(PERSONS).min(AUCTIONS)
}

/// The newest auction when event `id` happens, from 0. Before there is one, the first.
#[inline]
pub(super) fn last_auction(id: u64) -> u64 {
    auctions(id).saturating_sub(1)
}

/// A person of those who are active, or about to come.
#[inline]
fn some_person(config: &Config, id: u64, random: &mut Random) -> u64 {
    let people = last_person(id) + 1;
    let active = people.min(config.active_people);
    people - active + random.below(active + PERSON_LEAD)
}

/// The id of the person who sells the auction that event `id` is.
#[inline]
pub(super) fn seller(config: &Config, id: u64, random: &mut Random) -> u64 {
    FIRST_PERSON
        + match random.below(config.hot_seller_ratio) {
            0 => some_person(config, id, random),
            _ => last_person(id) / HOT * HOT,
        }
}

/// The id of the person who makes the bid that event `id` is.
#[inline]
pub(super) fn bidder(config: &Config, id: u64, random: &mut Random) -> u64 {
    FIRST_PERSON
        + match random.below(config.hot_bidder_ratio) {
            0 => some_person(config, id, random),
            // Not the one who sells.
            _ => last_person(id) / HOT * HOT + 1,
        }
}

/// The id of the auction that the bid of event `id` is for.
#[inline]
pub(super) fn auction(config: &Config, id: u64, random: &mut Random) -> u64 {
    let last = last_auction(id);
    FIRST_AUCTION
        + match random.below(config.hot_auction_ratio) {
            0 => {
                let first = last.saturating_sub(config.in_flight_auctions);
                first + random.below(last - first + 1 + AUCTION_LEAD)
            }
            _ => last / HOT * HOT,
        }
}
