//! Makes the events of Beam's Nexmark generator, with the channels and pages of bids that Flink's suite has.
//!
//! Each event is a function of the seed and its number: threads can make any parts of the whole.
//!
//! Sources: `org.apache.beam.sdk.nexmark.sources.generator` of Apache Beam, and `com.github.nexmark.flink.generator` of
//! <https://github.com/nexmark/nexmark>, for what is distributed how; the random numbers are others.

mod auctions;
mod bids;
mod config;
pub mod ids;
mod persons;
mod price;
mod random;
mod rate;
mod text;

#[cfg(test)]
mod tests;

use crate::event::Event;
use bids::Channels;
pub use config::{Config, Shape};
use dataflow::prelude::Timestamp;
use ids::Kind;
use price::Prices;
use random::Random;
use rate::Clock;
use text::Texts;

/// The number that is multiplied with to bring the events of a group out of order, and another one for groups whose size
/// it divides.
const STRIDES: [u64; 2] = [953, 967];

/// Makes events.
///
/// ```
/// use nexmark::event::Event;
/// use nexmark::generator::{Config, Generator};
///
/// let generator = Generator::new(Config::default());
/// let bids = (0..100).filter(|i| matches!(generator.event(*i), Event::Bid(_))).count();
/// assert_eq!(bids, 92);
/// ```
#[derive(Debug)]
pub struct Generator {
    config: Config,
    clock: Clock,
    texts: Texts,
    prices: Prices,
    channels: Channels,
    stride: u64,
}

impl Generator {
    /// A generator of events as configured.
    pub fn new(config: Config) -> Self {
        let least_one = |n: u64| n.clamp(1, u64::from(u32::MAX) / 2);
        let config = Config {
            out_of_order_group: least_one(config.out_of_order_group),
            in_flight_auctions: least_one(config.in_flight_auctions),
            active_people: least_one(config.active_people),
            hot_auction_ratio: least_one(config.hot_auction_ratio),
            hot_seller_ratio: least_one(config.hot_seller_ratio),
            hot_bidder_ratio: least_one(config.hot_bidder_ratio),
            ..config
        };
        let texts = Texts::new(config.seed);
        let channels = Channels::new(config.seed, &texts);
        let stride = STRIDES[usize::from(config.out_of_order_group.is_multiple_of(STRIDES[0]))];
        Generator { clock: Clock::new(&config), prices: Prices::new(), config, texts, channels, stride }
    }

    /// What is made.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Event number `i` in the order in which they come, from 0.
    #[inline]
    pub fn event(&self, i: u64) -> Event {
        let id = self.id(i);
        let (mut random, time) = (Random::new(self.config.seed, id), self.clock.time(id));
        match ids::kind(id) {
            Kind::Bid => Event::Bid(bids::bid(self, id, &mut random, time)),
            Kind::Auction => Event::Auction(Box::new(auctions::auction(self, id, &mut random, time))),
            Kind::Person => Event::Person(Box::new(persons::person(self, id, &mut random, time))),
        }
    }

    /// The time of the event that comes as number `i`.
    #[inline]
    pub fn time(&self, i: u64) -> Timestamp {
        self.clock.time(self.id(i))
    }

    /// When the event that comes as number `i` comes, on the clock of event time.
    #[inline]
    pub fn due(&self, i: u64) -> Timestamp {
        self.clock.time(i)
    }

    /// No event from number `i` on is before this time: that of the first event of its group.
    #[inline]
    pub fn watermark(&self, i: u64) -> Timestamp {
        self.clock.time(i / self.config.out_of_order_group * self.config.out_of_order_group)
    }

    /// Which event comes as number `i`.
    #[inline]
    fn id(&self, i: u64) -> u64 {
        let group = self.config.out_of_order_group;
        if group == 1 {
            return i;
        }
        i / group * group + i % group * self.stride % group
    }
}
