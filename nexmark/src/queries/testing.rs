//! Small inputs for tests of queries.

use crate::event::{Auction, Bid, Event, Person};
use crate::feed::Feed;
use crate::query::Query;
use dataflow::prelude::*;
use dataflow::testing::{TestPipeline, TestStream};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// How many seconds an event may be behind an earlier one.
const BEHIND: i64 = 4;

/// Events in chunks of two.
struct Chunks {
    events: Vec<Event>,
    next: usize,
}

impl Feed for Chunks {
    type Events = std::vec::IntoIter<Event>;

    fn next_chunk(&mut self) -> Option<(Self::Events, Timestamp)> {
        let rest = &self.events[self.next..];
        let chunk = rest.iter().take(2).cloned().collect::<Vec<_>>();
        if chunk.is_empty() {
            return None;
        }
        self.next += chunk.len();
        let seen = self.events[..self.next].iter().map(Event::date_time).max();
        Some((chunk.into_iter(), seen.map_or(Timestamp::MIN, |t| t - Duration::seconds(BEHIND))))
    }
}

/// What the loop on one thread makes of events, in order. An event may be up to four seconds behind an earlier one.
pub(super) fn run<Q: Query>(events: &[Event]) -> Vec<Q::Row> {
    let mut rows = Vec::new();
    Q::by_hand(Chunks { events: events.to_vec(), next: 0 }, |row| rows.push(row));
    rows.sort();
    rows
}

/// Checks that two threads make the same of it, whatever each of them has, and that the pipeline does.
pub(super) fn same_everywhere<Q: Query>(events: &[Event]) {
    let expected = run::<Q>(events);
    for threads in 1..4 {
        let mut stream = TestStream::new();
        let mut seen = Timestamp::MIN;
        for event in events {
            seen = seen.max(event.date_time());
            stream.add(event.clone(), event.date_time()).advance_watermark_to(seen - Duration::seconds(BEHIND));
        }
        let p = TestPipeline::new().threads(threads);
        let rows = Q::pipeline(&p.test_stream("Given", &stream)).collect("Tested");
        p.run();
        assert_eq!(rows.sorted(), expected, "the pipeline on {threads} threads");
    }
    for deal in [0b0000_0000_u32, 0b0101_0101, 0b0011_0011, 0b1111_0000, 0b1010_0011, 0b0001_1110] {
        let feed = |me| {
            let mine = |(i, event): (usize, &Event)| (deal >> (i % 8) & 1 == me).then(|| event.clone());
            Chunks { events: events.iter().enumerate().filter_map(mine).collect(), next: 0 }
        };
        let rows = [Mutex::new(Vec::new()), Mutex::new(Vec::new())];
        Q::by_hand_on_two([feed(0), feed(1)], rows.each_ref().map(|rows| |row| rows.lock().unwrap().push(row)));
        let mut rows: Vec<_> = rows.into_iter().flat_map(|rows| rows.into_inner().unwrap()).collect();
        rows.sort();
        assert_eq!(rows, expected, "dealt out as {deal:b}");
    }
}

/// Numbers that look as if they were random, for inputs of which a test makes many.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// `n` events, about one a second, some of them behind others by as much as they may be: few persons and auctions, so that
/// much comes together. Nobody registers twice, and nothing is put up twice.
pub(super) fn events(seed: u64, n: u64) -> Vec<Event> {
    let mut dice = Dice(seed);
    let event = |i: u64| {
        let second = (i - dice.below(BEHIND as u64).min(i)) as i64;
        match dice.below(10) {
            0 => person(i / 10, second),
            1 | 2 => {
                let Event::Auction(mut it) = auction(i / 5, (i / 10 + 2).saturating_sub(dice.below(6)), second) else {
                    unreachable!()
                };
                it.category = 10 + dice.below(2);
                it.reserve = dice.below(5);
                it.expires = it.date_time + Duration::seconds(1 + dice.below(20) as i64);
                Event::Auction(it)
            }
            _ => bid((i / 5 + 1).saturating_sub(dice.below(5)), dice.below(5), dice.below(7), second),
        }
    };
    let mut seen = BTreeSet::new();
    let is_new = |event: &Event| match event {
        Event::Person(person) => seen.insert((0, person.id)),
        Event::Auction(auction) => seen.insert((1, auction.id)),
        Event::Bid(_) => true,
    };
    (0..n).map(event).filter(is_new).collect()
}

/// Somebody of California, or of Arizona if the number is odd.
pub(super) fn person(id: u64, second: i64) -> Event {
    let state = if id.is_multiple_of(2) { "CA" } else { "AZ" }.to_owned();
    let [email_address, credit_card, extra] = [const { String::new() }; 3];
    let (name, city) = (format!("name of {id}"), format!("city of {id}"));
    let date_time = Timestamp::from_seconds(second);
    Event::Person(Box::new(Person { id, name, email_address, credit_card, city, state, date_time, extra }))
}

/// Something of category 10, up for ten seconds.
pub(super) fn auction(id: u64, seller: u64, second: i64) -> Event {
    let [item_name, description, extra] = [const { String::new() }; 3];
    let (date_time, expires) = (Timestamp::from_seconds(second), Timestamp::from_seconds(second + 10));
    let (initial_bid, reserve, category) = (1, 0, 10);
    Event::Auction(Box::new(Auction {
        id,
        item_name,
        description,
        initial_bid,
        reserve,
        date_time,
        expires,
        seller,
        category,
        extra,
    }))
}

/// A bid.
pub(super) fn bid(auction: u64, bidder: u64, price: u64, second: i64) -> Event {
    let [channel, url, extra] = [const { String::new() }; 3];
    Event::Bid(Bid { auction, bidder, price, channel, url, date_time: Timestamp::from_seconds(second), extra })
}
