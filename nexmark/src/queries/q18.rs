//! q18: the last bid of each person for each auction. Whole bids are kept.
//!
//! As in the SQL of Flink's suite, but by day, with the results of each when it is over. Of bids of the same time the
//! greatest is last, so that there is one answer.

use crate::by_hand::{Finished, Merged, Partials, Stretches, Table, on_one, on_two, owner};
use crate::event::{Bid, Event};
use crate::feed::Feed;
use crate::query::Query;
use dataflow::prelude::*;
use hashbrown::hash_map::Entry;

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
        on_one(feed, Partials::new(days(), add), Finished(|_, _, bid| out(bid)));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Bid) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let fronts = [(); 2].map(|()| Partials::new(days(), add));
        let parts = outs.map(|mut out| {
            let later = |last: &mut Bid, bid| {
                if is_before(last, &bid) {
                    *last = bid;
                }
            };
            Merged::new(days(), later, move |_, _, bid| out(bid))
        });
        on_two(feeds, fronts, parts, |(_, (bidder, auction), _)| owner(*bidder ^ *auction));
    }
}

type Days = Stretches<Table<(u64, u64), Bid>>;

fn days() -> Days {
    Stretches::of(Duration::days(1))
}

#[inline]
fn add(event: Event, days: &mut Days) {
    let Event::Bid(bid) = event else { return };
    let Some(last) = days.at(bid.date_time) else { return };
    match last.entry((bid.bidder, bid.auction)) {
        Entry::Vacant(free) => {
            free.insert(bid);
        }
        Entry::Occupied(mut last) => {
            if is_before(last.get(), &bid) {
                last.insert(bid);
            }
        }
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
