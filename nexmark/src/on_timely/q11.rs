//! q11: sessions of bids.

use super::{Stream, filter_map_ref, micros};
use crate::by_hand::Table;
use crate::event::Event;
use crate::queries::q11::UserSession;
use ::timely::dataflow::channels::pact::Exchange;
use ::timely::dataflow::operators::generic::Operator;
use dataflow::prelude::{Duration, Timestamp};
use hashbrown::hash_map::Entry;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const GAP: Duration = Duration::seconds(10);

/// How many bids each person makes in each session.
pub(super) fn q11(events: Stream<'_, Event>) -> Stream<'_, UserSession> {
    let bids = filter_map_ref(events, |event| event.bid().map(|bid| (bid.bidder, bid.date_time)));
    bids.unary_frontier(Exchange::new(|bid: &(u64, Timestamp)| bid.0), "Sessions", |capability, _| {
        let mut capability = Some(capability);
        let mut sessions: Table<u64, Open> = Table::default();
        // When to look at a person's sessions.
        let mut due: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
        move |(input, frontier), output| {
            input.for_each(|_, bids| {
                for (bidder, start) in bids.drain(..) {
                    let session = UserSession { bidder, bids: 1, start, end: start + GAP };
                    let alone = match sessions.entry(bidder) {
                        Entry::Occupied(mut open) => open.get_mut().add(session),
                        Entry::Vacant(free) => {
                            free.insert(Open { last: session, others: Vec::new() });
                            true
                        }
                    };
                    if alone {
                        due.push(Reverse((micros(session.end), bidder)));
                    }
                }
            });
            let Some(held) = &mut capability else { return };
            let mut session = output.session(&*held);
            while let Some(Reverse((at, bidder))) = due.peek().copied()
                && !frontier.less_than(&at)
            {
                due.pop();
                let Entry::Occupied(mut open) = sessions.entry(bidder) else { continue };
                match open.get_mut().end(at, |over| session.give(over)) {
                    Some(next) => due.push(Reverse((micros(next), bidder))),
                    None => _ = open.remove(),
                }
            }
            drop(session);
            match frontier.frontier().first() {
                Some(time) => held.downgrade(time),
                None => capability = None,
            }
        }
    })
}

/// The sessions of a person that are not over.
struct Open {
    last: UserSession,
    /// Nearly always none.
    others: Vec<UserSession>,
}

impl Open {
    /// Adds a session, or joins it with those it meets. Whether it is one of its own.
    #[inline]
    fn add(&mut self, new: UserSession) -> bool {
        if self.others.is_empty() && meets(&self.last, &new) {
            join(&mut self.last, &new);
            return false;
        }
        let mut new = new;
        let before = self.others.len();
        self.others.push(self.last);
        self.others.retain(|old| {
            let joined = meets(old, &new);
            if joined {
                join(&mut new, old);
            }
            !joined
        });
        self.last = new;
        self.others.len() > before
    }

    /// Gives the sessions that end at `at` or before. When the next one ends, if there is one.
    fn end(&mut self, at: u64, mut give: impl FnMut(UserSession)) -> Option<Timestamp> {
        let is_over = |session: &UserSession| micros(session.end) <= at;
        self.others.retain(|session| {
            if is_over(session) {
                give(*session);
            }
            !is_over(session)
        });
        if is_over(&self.last) {
            give(self.last);
            self.last = self.others.pop()?;
        }
        self.others.iter().map(|session| session.end).chain([self.last.end]).min()
    }
}

fn meets(a: &UserSession, b: &UserSession) -> bool {
    a.start < b.end && b.start < a.end
}

fn join(session: &mut UserSession, other: &UserSession) {
    session.start = session.start.min(other.start);
    session.end = session.end.max(other.end);
    session.bids += other.bids;
}
