//! Small inputs, and all ways to answer a query from them.

use crate::event::{Auction, Bid, Event};
use crate::feed::Feed;
use crate::query::Query;
use dataflow::prelude::*;
use dataflow::testing::{PAssert, TestPipeline, TestStream};
use std::collections::BTreeSet;

/// A bid. What is not given is derived.
pub(super) fn bid(auction: u64, bidder: u64, price: u64, date_time: Timestamp) -> Event {
    let (channel, url) = match (auction + bidder) % 3 {
        0 => ("Google".to_owned(), "https://a.example/x".to_owned()),
        n => (format!("channel-{n}"), format!("https://a.example/x/{bidder}/y?q&channel_id={price}")),
    };
    Event::Bid(Bid { auction, bidder, price, channel, url, date_time, extra: "accent".repeat(price as usize % 4) })
}

/// An auction. What is not given is derived.
pub(super) fn auction(id: u64, category: u64, date_time: Timestamp) -> Event {
    let (item_name, description, extra) = (format!("item {id}"), String::new(), "extra".to_owned());
    let (initial_bid, reserve, seller, expires) = (id, id * 2, id % 7, date_time + Duration::minutes(1));
    let auction =
        Auction { id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra };
    Event::Auction(Box::new(auction))
}

/// `n` events, `step` apart but up to seven steps out of order: of few bidders and auctions, with many prices.
pub(super) fn events(n: u64, step: Duration) -> Vec<Event> {
    let mut state = 0x853C_49E6_748F_EA9B ^ n;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut events = Vec::new();
    for i in 0..n {
        let steps = i as i64 - random(8) as i64;
        let date_time = Timestamp::from_seconds(1_436_918_400) + Duration::micros(steps * step.as_micros());
        if i % 15 == 4 {
            events.push(auction(i / 15, 10 + random(3), date_time));
        }
        let prices = [100, 3_000, 900_000, 2_000_000, 100_000_000];
        let level = random(5) as usize;
        let price = 1 + random(prices[level]);
        // Some auctions are not there yet, and some never come.
        events.push(bid((i / 15 + random(4)).saturating_sub(random(6)), random(11), price, date_time));
    }
    events
}

/// The bids among `events`.
pub(super) fn bids(events: &[Event]) -> Vec<&Bid> {
    events.iter().filter_map(Event::bid).collect()
}

/// The day of a time.
pub(super) fn day(t: Timestamp) -> Timestamp {
    Timestamp::from_seconds(t.as_micros().div_euclid(86_400_000_000) * 86_400)
}

/// How many different ones there are.
pub(super) fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> u64 {
    values.collect::<BTreeSet<_>>().len() as u64
}

/// Events in chunks, with the watermarks that are right for them.
struct Chunks(std::vec::IntoIter<(Vec<Event>, Timestamp)>);

impl Feed for Chunks {
    type Events = std::vec::IntoIter<Event>;

    fn next_chunk(&mut self) -> Option<(Self::Events, Timestamp)> {
        self.0.next().map(|(events, watermark)| (events.into_iter(), watermark))
    }
}

fn chunks(events: &[Event], size: usize) -> Chunks {
    let times: Vec<Timestamp> = events.iter().map(Event::date_time).collect();
    let chunks = events.chunks(size).enumerate().map(|(i, chunk)| {
        let later = times.iter().skip((i + 1) * size).min();
        (chunk.to_vec(), later.or(times.iter().max()).copied().unwrap_or(Timestamp::MAX))
    });
    Chunks(chunks.collect::<Vec<_>>().into_iter())
}

/// Answers the query by hand, on one thread and on two, with several sizes of chunks, and with the pipeline: all give
/// `expected`, in any order.
pub(super) fn check<Q: Query>(events: &[Event], mut expected: Vec<Q::Row>)
where
    Q::Row: PartialEq,
{
    expected.sort_unstable();
    assert!(!expected.is_empty(), "an input that says nothing");
    for size in [1, 3, 50, events.len()] {
        let mut rows = Vec::new();
        Q::by_hand(chunks(events, size), |row| rows.push(row));
        rows.sort_unstable();
        assert_eq!(rows, expected, "in chunks of {size}");

        for stretch in [5, 64] {
            let mut halves = [Vec::new(), Vec::new()];
            for (i, events) in events.chunks(stretch).enumerate() {
                halves[i % 2].extend_from_slice(events);
            }
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let feeds = halves.map(|half| chunks(&half, size));
            let (a_rows, b_rows) = (&mut a, &mut b);
            let outs: [Box<dyn FnMut(Q::Row) + Send>; 2] =
                [Box::new(|row| a_rows.push(row)), Box::new(|row| b_rows.push(row))];
            Q::by_hand_on_two(feeds, outs);
            a.append(&mut b);
            a.sort_unstable();
            assert_eq!(a, expected, "on two threads, in chunks of {size} and stretches of {stretch}");
        }
    }

    let mut stream = TestStream::new();
    let mut in_chunks = chunks(events, 50);
    while let Some((events, watermark)) = in_chunks.next_chunk() {
        stream.add_elements(events.map(|event| {
            let t = event.date_time();
            (event, t)
        }));
        stream.advance_watermark_to(watermark);
    }
    for threads in [1, 3] {
        let p = TestPipeline::new().threads(threads);
        let rows = Q::pipeline(&p.test_stream("Events", &stream));
        PAssert::that("Rows", &rows).contains_in_any_order(expected.clone());
        p.run();
    }
}
