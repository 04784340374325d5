//! q0: pass through. What it costs to move events.

use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use std::thread;

/// Events as they are.
pub struct Q0;

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

    fn by_hand_on_two<F: Feed, O: FnMut(Event) + Send>([a, b]: [F; 2], [out_a, out_b]: [O; 2]) {
        thread::scope(|scope| {
            scope.spawn(|| Self::by_hand(a, out_a));
            Self::by_hand(b, out_b);
        });
    }
}
