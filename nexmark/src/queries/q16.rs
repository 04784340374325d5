//! q16: statistics of channels by day, with distinct counts.
//!
//! As in the SQL of Flink's suite, but with one result for each channel and day, when the day is over. Counts of
//! different bidders and auctions are exact.

use super::q15::Counts;
use super::rank;
use crate::by_hand::{Front, Part, Stretches, Table, on_one, on_two, owner};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use foldhash::fast::RandomState;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Numbers of bids, bidders and auctions of a channel.
pub struct Q16;

/// What is known of the bids of a day that came through a channel.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelReport {
    /// The channel.
    pub channel: String,
    /// The beginning of the day.
    pub day: Timestamp,
    /// The minute of the day of the last bid.
    pub minute: u32,
    /// The counts.
    pub counts: Counts,
}

impl Row for ChannelReport {
    #[inline]
    fn tally(&self) -> u64 {
        let Counts { total_bids, total_bidders, total_auctions, bidders, .. } = self.counts;
        let totals = total_bids ^ total_bidders.rotate_left(20) ^ total_auctions.rotate_left(40);
        totals ^ bidders[1].rotate_left(10) ^ u64::from(self.minute).rotate_left(50)
    }
}

/// What is needed of a bid.
#[derive(Clone, Copy)]
struct Seen {
    bidder: u64,
    auction: u64,
    rank: usize,
    minute: u32,
}

impl Seen {
    #[inline]
    fn new(bidder: u64, auction: u64, price: u64, t: Timestamp) -> Self {
        let minute = t.as_micros().div_euclid(60_000_000).rem_euclid(1_440) as u32;
        Seen { bidder, auction, rank: rank(price), minute }
    }
}

/// What has been seen: of bidders and auctions the ranks of their bids, a bit each.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Statistics {
    minute: u32,
    bids: [u64; 3],
    bidders: HashMap<u64, u8, RandomState>,
    auctions: HashMap<u64, u8, RandomState>,
}

impl Statistics {
    #[inline]
    fn add(&mut self, seen: &Seen) {
        self.minute = self.minute.max(seen.minute);
        self.bids[seen.rank] += 1;
        *self.bidders.entry(seen.bidder).or_default() |= 1 << seen.rank;
        *self.auctions.entry(seen.auction).or_default() |= 1 << seen.rank;
    }

    fn merge(&mut self, other: Statistics) {
        self.minute = self.minute.max(other.minute);
        (0..3).for_each(|rank| self.bids[rank] += other.bids[rank]);
        other.bidders.into_iter().for_each(|(id, ranks)| *self.bidders.entry(id).or_default() |= ranks);
        other.auctions.into_iter().for_each(|(id, ranks)| *self.auctions.entry(id).or_default() |= ranks);
    }

    fn report(&self, channel: String, day: Timestamp) -> ChannelReport {
        let by_rank = |table: &HashMap<u64, u8, RandomState>| {
            let mut by_rank = [0; 3];
            for ranks in table.values() {
                (0..3).for_each(|rank| by_rank[rank] += u64::from(ranks >> rank & 1));
            }
            by_rank
        };
        let counts = Counts {
            total_bids: self.bids.iter().sum(),
            bids: self.bids,
            total_bidders: self.bidders.len() as u64,
            bidders: by_rank(&self.bidders),
            total_auctions: self.auctions.len() as u64,
            auctions: by_rank(&self.auctions),
        };
        ChannelReport { channel, day, minute: self.minute, counts }
    }
}

/// [`Statistics`] of bids.
#[derive(Clone)]
struct Summary;

impl CombineFn for Summary {
    type In = Seen;
    type Acc = Statistics;
    type Out = Statistics;

    fn create(&self) -> Statistics {
        Statistics::default()
    }
    #[inline]
    fn add(&self, statistics: &mut Statistics, seen: &Seen) {
        statistics.add(seen);
    }
    fn merge(&self, statistics: &mut Statistics, other: Statistics) {
        statistics.merge(other);
    }
    fn extract(&self, statistics: Statistics) -> Statistics {
        statistics
    }
}

impl Query for Q16 {
    type Row = ChannelReport;
    const NAME: &'static str = "q16";
    const QUESTION: &'static str = "how many bids, bidders and auctions each channel had on a day, by levels of price";

    fn pipeline(events: &PCollection<Event>) -> PCollection<ChannelReport> {
        let bids = events.filter_map("Bids", |event| match event {
            Event::Bid(bid) => Some((bid.channel, Seen::new(bid.bidder, bid.auction, bid.price, bid.date_time))),
            _ => None,
        });
        let daily = bids.window("Daily", FixedWindows::of(Duration::days(1)));
        daily.combine_per_key("Statistics", Summary).map_element("Report", |statistics| {
            let day = statistics.window().start();
            let (channel, statistics) = statistics.value;
            statistics.report(channel, day)
        })
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(ChannelReport)) {
        on_one(feed, Channels::new(0, |_: &str| 0), ByNumber::new(out));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(ChannelReport) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let hasher = RandomState::default(); // one for both, so that they agree who owns a channel
        let to = |channel: &str| owner(hasher.hash_one(channel)) as u8;
        let fronts = [0, 1].map(|from| Channels::new(from, to));
        let parts = outs.map(ByNumber::new);
        on_two(feeds, fronts, parts, |given| match given {
            Given::Name { to, .. } | Given::Bid { to, .. } => usize::from(*to),
        });
    }
}

/// What is said from thread to thread. Channels have numbers, others on each thread, so that a name travels once.
enum Given {
    Name { from: u8, to: u8, number: u32, name: String },
    Bid { from: u8, to: u8, number: u32, date_time: Timestamp, seen: Seen },
}

/// Gives numbers to channels.
struct Channels<T> {
    from: u8,
    /// The number, and the thread that has the statistics.
    numbers: Table<String, (u32, u8)>,
    /// Which thread that is.
    to: T,
    /// What is to be given behind the chunk: then the processor looks up the tables of several bids at once, since there
    /// is nothing else between them.
    given: Vec<Given>,
}

impl<T> Channels<T> {
    fn new(from: u8, to: T) -> Self {
        Channels { from, numbers: Table::default(), to, given: Vec::new() }
    }
}

impl<T: Fn(&str) -> u8 + Send> Front<Given> for Channels<T> {
    #[inline(always)]
    fn event(&mut self, event: Event, _: &mut impl FnMut(Given)) {
        let Event::Bid(bid) = event else { return };
        let (from, date_time) = (self.from, bid.date_time);
        let seen = Seen::new(bid.bidder, bid.auction, bid.price, date_time);
        let (number, to) = match self.numbers.get(&bid.channel) {
            Some(known) => *known,
            None => {
                let to = (self.to)(&bid.channel);
                let number = self.numbers.len() as u32;
                self.numbers.insert(bid.channel.clone(), (number, to));
                self.given.push(Given::Name { from, to, number, name: bid.channel });
                (number, to)
            }
        };
        self.given.push(Given::Bid { from, to, number, date_time, seen });
    }

    #[inline]
    fn advance(&mut self, _: Timestamp, give: &mut impl FnMut(Given)) {
        self.given.drain(..).for_each(give);
    }
}

/// The statistics of half of the channels, which have numbers of their own here.
struct ByNumber<O> {
    numbers: Table<String, usize>,
    names: Vec<String>,
    /// By the numbers that either thread has.
    theirs: [Vec<usize>; 2],
    days: Stretches<Vec<Option<Statistics>>>,
    out: O,
}

impl<O> ByNumber<O> {
    fn new(out: O) -> Self {
        let (numbers, names, theirs) = (Table::default(), Vec::new(), [Vec::new(), Vec::new()]);
        ByNumber { numbers, names, theirs, days: Stretches::of(Duration::days(1)), out }
    }
}

impl<O: FnMut(ChannelReport)> Part<Given> for ByNumber<O> {
    #[inline]
    fn take(&mut self, given: Given) {
        match given {
            Given::Name { from, number, name, .. } => {
                let own = match self.numbers.entry(name) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        self.names.push(new.key().clone());
                        *new.insert(self.names.len() - 1)
                    }
                };
                let (theirs, number) = (&mut self.theirs[usize::from(from)], number as usize);
                theirs.resize(theirs.len().max(number + 1), usize::MAX);
                theirs[number] = own;
            }
            Given::Bid { from, number, date_time, seen, .. } => {
                let number = self.theirs[usize::from(from)][number as usize];
                let Some(channels) = self.days.at(date_time) else { return };
                if channels.len() <= number {
                    channels.resize(number + 1, None);
                }
                channels[number].get_or_insert_default().add(&seen);
            }
        }
    }

    #[inline]
    fn advance(&mut self, watermark: Timestamp) {
        self.days.close(watermark, |day, channels| {
            for (name, statistics) in self.names.iter().zip(channels.drain(..)) {
                if let Some(statistics) = statistics {
                    (self.out)(statistics.report(name.clone(), day.start()));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;
    use std::collections::BTreeSet;

    #[test]
    fn each_channel_and_day_has_its_counts() {
        let events = samples::events(300, Duration::minutes(20));
        let bids = samples::bids(&events);
        let keys: BTreeSet<_> = bids.iter().map(|bid| (bid.channel.clone(), samples::day(bid.date_time))).collect();
        let levels = &[0..10_000, 10_000..1_000_000, 1_000_000..u64::MAX];
        let report = |(channel, day): (String, Timestamp)| {
            let of_key = || bids.iter().filter(|bid| bid.channel == channel && samples::day(bid.date_time) == day);
            let of_rank = |rank: usize| of_key().filter(move |bid| levels[rank].contains(&bid.price));
            let counts = Counts {
                total_bids: of_key().count() as u64,
                bids: [0, 1, 2].map(|rank| of_rank(rank).count() as u64),
                total_bidders: samples::distinct(of_key().map(|bid| bid.bidder)),
                bidders: [0, 1, 2].map(|rank| samples::distinct(of_rank(rank).map(|bid| bid.bidder))),
                total_auctions: samples::distinct(of_key().map(|bid| bid.auction)),
                auctions: [0, 1, 2].map(|rank| samples::distinct(of_rank(rank).map(|bid| bid.auction))),
            };
            let minute = of_key().map(|bid| ((bid.date_time - day).as_micros() / 60_000_000) as u32).max().unwrap();
            ChannelReport { channel: channel.clone(), day, minute, counts }
        };
        samples::check::<Q16>(&events, keys.into_iter().map(report).collect());
    }
}
