//! q11: sessions of bids.

use super::{Stream, micros};
use crate::by_hand::Table;
use crate::event::Event;
use crate::queries::q11::UserSession;
use ::timely::dataflow::channels::pact::Exchange;
use ::timely::dataflow::operators::generic::Operator;
use ::timely::dataflow::operators::vec::Map;
use dataflow::prelude::{Duration, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const GAP: Duration = Duration::seconds(10);

/// How many bids each person makes in each session.
pub(super) fn q11(events: Stream<'_, Event>) -> Stream<'_, UserSession> {
    let bids = events.flat_map(|event| event.bid().map(|bid| (bid.bidder, bid.date_time)));
    bids.unary_frontier(Exchange::new(|bid: &(u64, Timestamp)| bid.0), "Sessions", |capability, _| {
        let mut capability = Some(capability);
        // The sessions of a person that are not over: one, nearly always.
        let mut sessions: Table<u64, Vec<UserSession>> = Table::default();
        // When to look at a person's sessions.
        let mut due: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
        move |(input, frontier), output| {
            input.for_each(|_, bids| {
                for (bidder, start) in bids.drain(..) {
                    let session = UserSession { bidder, bids: 1, start, end: start + GAP };
                    let open = sessions.entry(bidder).or_default();
                    if add(open, session) {
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
                let Some(open) = sessions.get_mut(&bidder) else { continue };
                let is_over = |session: &UserSession| micros(session.end) <= at;
                open.iter().filter(|session| is_over(session)).for_each(|over| session.give(*over));
                open.retain(|session| !is_over(session));
                match open.iter().map(|session| session.end).min() {
                    Some(next) => due.push(Reverse((micros(next), bidder))),
                    None => _ = sessions.remove(&bidder),
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

/// Puts a session among others of the person. Whether none of them has become it.
fn add(open: &mut Vec<UserSession>, new: UserSession) -> bool {
    let meets = |a: &UserSession, b: &UserSession| a.start < b.end && b.start < a.end;
    if let [only] = &mut open[..]
        && meets(only, &new)
    {
        join(only, &new);
        return false;
    }
    let mut new = new;
    let before = open.len();
    open.retain(|old| {
        let joined = meets(old, &new);
        if joined {
            join(&mut new, old);
        }
        !joined
    });
    let alone = open.len() == before;
    open.push(new);
    alone
}

fn join(session: &mut UserSession, other: &UserSession) {
    session.start = session.start.min(other.start);
    session.end = session.end.max(other.end);
    session.bids += other.bids;
}
