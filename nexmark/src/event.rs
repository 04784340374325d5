//! What happens in the auction house.

use dataflow::arrow::ArrowRow;
use dataflow::prelude::Timestamp;
use serde::{Deserialize, Serialize};

/// An event. Persons and auctions are rare (1 and 3 of 50), so that they are boxed: 112 bytes, and about 200 with what the
/// strings own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Event {
    /// Somebody registers.
    Person(Box<Person>),
    /// Something is put up for auction.
    Auction(Box<Auction>),
    /// Somebody bids for it.
    Bid(Bid),
}

/// Somebody who sells or bids.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Their number.
    pub id: u64,
    /// First and last name.
    pub name: String,
    /// E-mail address.
    pub email_address: String,
    /// Four groups of four digits.
    pub credit_card: String,
    /// A town.
    pub city: String,
    /// The two letters of a state.
    pub state: String,
    /// When they registered: event time.
    pub date_time: Timestamp,
    /// Makes the event as large as configured.
    pub extra: String,
}

/// Something that is up for auction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Auction {
    /// Its number.
    pub id: u64,
    /// What it is.
    pub item_name: String,
    /// More of that.
    pub description: String,
    /// The first price, in cents.
    pub initial_bid: u64,
    /// Below this price, in cents, it is not sold.
    pub reserve: u64,
    /// When it was put up: event time.
    pub date_time: Timestamp,
    /// When it ends: bids at or after this do not count.
    pub expires: Timestamp,
    /// The person who sells it.
    pub seller: u64,
    /// What kind of thing it is, from 10 to 14.
    pub category: u64,
    /// Makes the event as large as configured.
    pub extra: String,
}

/// A bid for an auction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ArrowRow)]
pub struct Bid {
    /// The auction.
    pub auction: u64,
    /// The person who bids.
    pub bidder: u64,
    /// In cents.
    pub price: u64,
    /// Through which channel it came: `Google`, `Facebook`, `Baidu`, `Apple`, or `channel-N`.
    pub channel: String,
    /// The page it came from.
    pub url: String,
    /// When: event time.
    pub date_time: Timestamp,
    /// Makes the event as large as configured.
    pub extra: String,
}

impl Event {
    /// Its event time.
    #[inline]
    pub fn date_time(&self) -> Timestamp {
        match self {
            Event::Person(person) => person.date_time,
            Event::Auction(auction) => auction.date_time,
            Event::Bid(bid) => bid.date_time,
        }
    }

    /// The bid, if it is one.
    #[inline]
    pub fn bid(&self) -> Option<&Bid> {
        match self {
            Event::Bid(bid) => Some(bid),
            _ => None,
        }
    }

    /// The auction, if it is one.
    #[inline]
    pub fn auction(&self) -> Option<&Auction> {
        match self {
            Event::Auction(auction) => Some(auction),
            _ => None,
        }
    }

    /// The person, if it is one.
    #[inline]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Event::Person(person) => Some(person),
            _ => None,
        }
    }
}
