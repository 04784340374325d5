//! q18: the last bid of each person for each auction. Whole bids are kept.
//!
//! As in the SQL of Flink's suite, but by day, with the results of each when it is over. Of bids of the same time the
//! greatest is last, so that there is one answer.

use crate::by_hand::{Aggregate, Aggregates, Given, Partials, Stretches, Table, on_one, on_two, owner, values_of};
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::Query;
use dataflow::prelude::*;

/// The last bid of each person for each auction of a day.
pub struct Q18;

/// The bid that was made last.
#[derive(Clone)]
struct Latest;

impl CombineFn for Latest {
    type In = Bid;
    type Acc = Option<Bid>;
    type Out = Option<Bid>;

    fn create(&self) -> Option<Bid> {
        None
    }
    #[inline]
    fn add(&self, last: &mut Option<Bid>, bid: &Bid) {
        match last {
            None => *last = Some(bid.clone()),
            Some(last) if is_before(last, bid) => {
                // The strings' memory is used again.
                (last.auction, last.bidder) = (bid.auction, bid.bidder);
                (last.price, last.date_time) = (bid.price, bid.date_time);
                last.channel.clone_from(&bid.channel);
                last.url.clone_from(&bid.url);
                last.extra.clone_from(&bid.extra);
            }
            Some(_) => {}
        }
    }
    fn merge(&self, last: &mut Option<Bid>, other: Option<Bid>) {
        if let Some(other) = other {
            match last {
                Some(last) if !is_before(last, &other) => {}
                _ => *last = Some(other),
            }
        }
    }
    fn extract(&self, last: Option<Bid>) -> Option<Bid> {
        last
    }
}

#[inline]
fn is_before(a: &Bid, b: &Bid) -> bool {
    a.date_time < b.date_time || a.date_time == b.date_time && a < b
}

impl Query for Q18 {
    type Row = Bid;
    const NAME: &'static str = "q18";
    const QUESTION: &'static str = "the last bid of each person for each auction of a day";

    fn pipeline(events: &PCollection<Event>) -> PCollection<Bid> {
        let bids = events.filter_map("Bids", |event| match event {
            Event::Bid(bid) => Some(bid),
            _ => None,
        });
        let daily = bids.window("Daily", FixedWindows::of(Duration::days(1)));
        let last = daily.key_by("bidder and auction", |bid| (bid.bidder, bid.auction)).combine_per_key("Last", Latest);
        last.filter_map("Row", |(_, bid)| bid)
    }

    fn by_hand(feed: impl Feed, mut out: impl FnMut(Bid)) {
        on_one(feed, values_of(Latest), Aggregates::new(Latest, days(), |_, _, bid| out(bid)));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Bid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let owner = |(bidder, auction): &(u64, u64)| owner(*bidder ^ *auction);
        let fronts = [0, 1].map(|me| Partials::new(Latest, days(), move |key| owner(key) == me));
        let parts = outs.map(|mut out| Aggregates::new(Latest, days(), move |_, _, bid| out(bid)));
        on_two(feeds, fronts, parts, |(Given::One(_, key, _) | Given::Some(_, key, _))| owner(key));
    }
}

fn days() -> Stretches<Table<(u64, u64), Bid>> {
    Stretches::of(Duration::days(1))
}

impl Aggregate for Latest {
    type Key = (u64, u64);
    type Value = Bid;
    type Acc = Bid;

    #[inline]
    fn of(&self, event: Event) -> Option<(Timestamp, (u64, u64), Bid)> {
        let Event::Bid(bid) = event else { return None };
        Some((bid.date_time, (bid.bidder, bid.auction), bid))
    }
    #[inline]
    fn first(&self, bid: Bid) -> Bid {
        bid
    }
    #[inline]
    fn add(&self, last: &mut Bid, bid: Bid) {
        if is_before(last, &bid) {
            *last = bid;
        }
    }
    #[inline]
    fn merge(&self, last: &mut Bid, other: Bid) {
        Aggregate::add(self, last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    #[test]
    fn no_later_bid_of_the_person_and_day_is_for_the_auction() {
        // Many are of the same time.
        for step in [Duration::minutes(5), Duration::millis(1), Duration::ZERO] {
            let events = samples::events(300, step);
            let bids = samples::bids(&events);
            let is_last = |bid: &&Bid| {
                let key = |bid: &Bid| (bid.auction, bid.bidder, samples::day(bid.date_time));
                let same = |other: &&&Bid| key(other) == key(bid);
                bids.iter().filter(same).all(|other| (other.date_time, *other) <= (bid.date_time, *bid))
            };
            let mut expected: Vec<Bid> = bids.iter().copied().filter(is_last).cloned().collect();
            expected.sort_unstable();
            expected.dedup();
            samples::check::<Q18>(&events, expected);
        }
    }
}
