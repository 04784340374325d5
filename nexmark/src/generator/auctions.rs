//! Auctions.

use super::{Generator, ids, random::Random};
use crate::event::Auction;
use dataflow::prelude::{Duration, Timestamp};

/// The auction that event `id` is.
pub(super) fn auction(generator: &Generator, id: u64, random: &mut Random, date_time: Timestamp) -> Auction {
    let Generator { config, texts, prices, .. } = generator;
    let seller = ids::seller(config, id, random);
    let category = ids::FIRST_CATEGORY + random.below(ids::CATEGORIES);
    let initial_bid = prices.any(random);
    let expires = date_time + length(generator, id, random, date_time);
    let item_name = texts.words(random, 20);
    let description = texts.words(random, 100);
    let size = 6 * 8 + item_name.len() + description.len();
    Auction {
        id: ids::FIRST_AUCTION + ids::last_auction(id),
        item_name,
        description,
        initial_bid,
        reserve: initial_bid + prices.any(random),
        date_time,
        expires,
        seller,
        category,
        extra: texts.extra(random, size, config.auction_bytes),
    }
}

/// So long that as many auctions as configured are open at a time, on average.
fn length(generator: &Generator, id: u64, random: &mut Random, now: Timestamp) -> Duration {
    let events = generator.config.in_flight_auctions * ids::PROPORTIONS / ids::AUCTIONS;
    let horizon = (generator.clock.time(id + events) - now).as_micros().max(1) as u64;
    Duration::millis(1) + Duration::micros(random.below((horizon * 2).min(u64::from(u32::MAX))) as i64)
}
