//! q0: pass through. What it costs to move events.

use crate::by_hand;
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;

/// Events as they are.
pub struct Q0;

/// The same, with events looked at where they are.
pub struct Q0ByRef;

impl Row for Event {
    #[inline]
    fn tally(&self) -> u64 {
        match self {
            Event::Person(person) => person.id,
            Event::Auction(auction) => auction.id ^ auction.seller,
            Event::Bid(bid) => bid.auction ^ bid.price,
        }
    }
}

impl Query for Q0 {
    type Row = Event;
    const NAME: &'static str = "q0";
    const QUESTION: &'static str = "all events, as they are";

    fn pipeline(events: &PCollection<Event>) -> PCollection<Event> {
        events.map("PassThrough", |event| event)
    }

    fn by_hand(mut feed: impl Feed, mut out: impl FnMut(Event)) {
        while let Some((events, _)) = feed.next_chunk() {
            events.for_each(&mut out);
        }
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Event) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }
}

impl Query for Q0ByRef {
    type Row = Event;
    const NAME: &'static str = "q0";
    const PATH: &'static str = "by_ref";
    const QUESTION: &'static str = "all events, as they are";

    fn pipeline(events: &PCollection<Event>) -> PCollection<Event> {
        events.update("PassThrough", |_| {})
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(Event)) {
        Q0::by_hand(feed, out);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Event) + Send>(feeds: [F; 2], outs: [O; 2]) {
        Q0::by_hand_on_two(feeds, outs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::testing::{events, run, same_everywhere};

    #[test]
    fn every_event_comes_out() {
        let mut input = events(1, 100);
        same_everywhere::<Q0>(&input);
        same_everywhere::<Q0ByRef>(&input);
        input.sort();
        assert_eq!(run::<Q0>(&input), input);
    }
}
