//! Bids. They are 46 of 50 events, so that what they cost is what making events costs.

use super::{Generator, ids, random::Random, text::Texts};
use crate::event::Bid;
use dataflow::prelude::Timestamp;
use std::fmt::Write;

/// Half of the bids come through one of these.
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];

/// The others through one of so many.
const CHANNELS: u32 = 10_000;

/// Channels, and the page that each shows.
#[derive(Debug)]
pub(super) struct Channels {
    /// All strings, one behind the other.
    text: String,
    /// Where the channel begins, its page, and the next channel.
    at: Vec<[u32; 3]>,
}

impl Channels {
    pub(super) fn new(seed: u64, texts: &Texts) -> Self {
        let mut random = Random::new(seed, u64::MAX - 2);
        let mut text = String::new();
        let mut add = |name: String, id: Option<u32>| {
            let from = text.len() as u32;
            text.push_str(&name);
            let page = text.len() as u32;
            text.push_str("https://www.nexmark.com/");
            for _ in 0..3 {
                text.push_str(texts.word(&mut random, 5));
                text.push('/');
            }
            text.push_str("item.htm?query=1");
            if let Some(id) = id
                && random.below(10) > 0
            {
                _ = write!(text, "&channel_id={}", id.reverse_bits().cast_signed().unsigned_abs());
            }
            [from, page, text.len() as u32]
        };
        let mut at: Vec<_> = HOT_CHANNELS.iter().map(|name| add((*name).to_owned(), None)).collect();
        at.extend((0..CHANNELS).map(|i| add(format!("channel-{i}"), Some(i))));
        Channels { text, at }
    }

    /// A channel and its page.
    #[inline]
    fn any(&self, random: &mut Random) -> (&str, &str) {
        let any = random.below(2 * HOT_CHANNELS.len() as u64 * u64::from(CHANNELS)) as usize;
        // Half of the numbers are for the hot ones, each of which has as many as the others have together.
        let (hot, other) = (any / CHANNELS as usize, any % CHANNELS as usize);
        let number = if hot < HOT_CHANNELS.len() { hot } else { HOT_CHANNELS.len() + other };
        let [from, page, to] = self.at[number];
        (&self.text[from as usize..page as usize], &self.text[page as usize..to as usize])
    }
}

/// The bid that event `id` is.
#[inline]
pub(super) fn bid(generator: &Generator, id: u64, random: &mut Random, date_time: Timestamp) -> Bid {
    let Generator { config, texts, prices, channels, .. } = generator;
    let (channel, url) = channels.any(random);
    Bid {
        auction: ids::auction(config, id, random),
        bidder: ids::bidder(config, id, random),
        price: prices.any(random),
        channel: channel.to_owned(),
        url: url.to_owned(),
        date_time,
        extra: texts.extra(random, 4 * 8, config.bid_bytes),
    }
}
