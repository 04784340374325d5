//! What is to be made.

use dataflow::prelude::{Duration, Timestamp};

/// What a [`Generator`](super::Generator) makes. The defaults are Beam's (`NexmarkConfiguration`), for one timeline.
///
/// Rates, ratios, sizes of groups and numbers of auctions and people that are 0 count as 1.
///
/// ```
/// use nexmark::generator::{Config, Generator};
///
/// let slow = Generator::new(Config { first_rate: 100, next_rate: 100, ..Config::default() });
/// assert_eq!(slow.time(100) - slow.time(0), dataflow::prelude::Duration::seconds(1));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Other seeds, other events.
    pub seed: u64,
    /// The time of the first event.
    pub base_time: Timestamp,
    /// How the rate moves between the first and the next one.
    pub shape: Shape,
    /// Events per second of event time, at first.
    pub first_rate: u64,
    /// Events per second of event time, later.
    pub next_rate: u64,
    /// After so long the rates begin again.
    pub rate_period: Duration,
    /// Events come out of order within groups of so many; 1 is in order.
    pub out_of_order_group: u64,
    /// About so many auctions are open at any time.
    pub in_flight_auctions: u64,
    /// Only so many people, the newest, sell and bid.
    pub active_people: u64,
    /// One of so many bids is not for the hot auction.
    pub hot_auction_ratio: u64,
    /// One of so many auctions is not of the hot seller.
    pub hot_seller_ratio: u64,
    /// One of so many bids is not of the hot bidder.
    pub hot_bidder_ratio: u64,
    /// The average size of a person, in bytes.
    pub person_bytes: usize,
    /// The average size of an auction, in bytes.
    pub auction_bytes: usize,
    /// The average size of a bid without its channel and URL, in bytes.
    pub bid_bytes: usize,
}

/// How the rate of events moves between a first and a next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Shape {
    /// In ten steps along a cosine.
    #[default]
    Sine,
    /// Half of the period the one, half of it the other.
    Square,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            base_time: Timestamp::from_seconds(1_436_918_400), // 2015-07-15T00:00:00Z
            shape: Shape::Sine,
            first_rate: 10_000,
            next_rate: 10_000,
            rate_period: Duration::seconds(600),
            out_of_order_group: 1,
            in_flight_auctions: 100,
            active_people: 1_000,
            hot_auction_ratio: 2,
            hot_seller_ratio: 4,
            hot_bidder_ratio: 4,
            person_bytes: 200,
            auction_bytes: 500,
            bid_bytes: 100,
        }
    }
}
