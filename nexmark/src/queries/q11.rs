//! q11: user sessions. Session windows whose bids mostly come in order.

use crate::by_hand::{Front, Part, Table, on_one, on_two, owner};
use crate::event::Event;
use crate::feed::Feed;
use crate::query::{Query, Row};
use dataflow::prelude::*;
use hashbrown::hash_map::Entry;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many bids a person makes in each session.
pub struct Q11;

/// A session of a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserSession {
    /// The person.
    pub bidder: u64,
    /// How many bids.
    pub bids: u64,
    /// When the first was made.
    pub start: Timestamp,
    /// The gap after the last.
    pub end: Timestamp,
}

impl Row for UserSession {
    #[inline]
    fn tally(&self) -> u64 {
        let length = (self.end - self.start).as_micros() as u64;
        self.bidder ^ self.bids.rotate_left(32) ^ length.rotate_left(16)
    }
}

/// A session ends when there is no bid for so long.
const GAP: Duration = Duration::seconds(10);

impl Query for Q11 {
    type Row = UserSession;
    const NAME: &'static str = "q11";
    const QUESTION: &'static str = "how many bids each person makes in each session";

    fn pipeline(events: &PCollection<Event>) -> PCollection<UserSession> {
        let bidders = events.filter_map_ref("Bidders", |event| event.bid().map(|bid| bid.bidder));
        let sessions = bidders.window("Sessions", Sessions::with_gap(GAP));
        sessions.key_by("bidder", |bidder| *bidder).count("Count").map_element("Row", |session| {
            let (window, (bidder, bids)) = (session.window(), session.value);
            UserSession { bidder, bids, start: window.start(), end: window.end() }
        })
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(UserSession)) {
        on_one(feed, session_of, OpenSessions::new(out));
    }

    fn by_hand_on_two<F: Feed, O: FnMut(UserSession) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let fronts = [(); 2].map(|()| Recent([None; 16]));
        on_two(feeds, fronts, outs.map(OpenSessions::new), |session| owner(session.bidder));
    }
}

/// The session of a single bid.
#[inline]
fn session_of(event: Event) -> Option<UserSession> {
    let Event::Bid(bid) = event else { return None };
    let start = bid.date_time;
    Some(UserSession { bidder: bid.bidder, bids: 1, start, end: start + GAP })
}

impl UserSession {
    /// Adds what another one of the person has, if they are one.
    #[inline]
    fn join(&mut self, other: &UserSession) -> bool {
        if other.start >= self.end || self.start >= other.end {
            return false;
        }
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.bids += other.bids;
        true
    }
}

/// What has come for a few persons since the last chunk: most bids are by very few, and are not worth the way to another
/// thread each.
struct Recent([Option<UserSession>; 16]);

impl Front<UserSession> for Recent {
    #[inline(always)]
    fn event(&mut self, event: Event, give: &mut impl FnMut(UserSession)) {
        let Some(session) = session_of(event) else { return };
        let slot = &mut self.0[(session.bidder.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % 16];
        let joined = slot.as_mut().is_some_and(|recent| recent.bidder == session.bidder && recent.join(&session));
        if !joined {
            slot.replace(session).into_iter().for_each(give);
        }
    }

    fn advance(&mut self, _: Timestamp, give: &mut impl FnMut(UserSession)) {
        self.0.iter_mut().filter_map(Option::take).for_each(give);
    }
}

/// The sessions that are not over.
struct OpenSessions<O> {
    by_bidder: Table<u64, Open>,
    /// Earlier ones of persons who have more than one: the watermark has not passed them yet, and bids may come that fill
    /// the gap.
    earlier: Table<u64, Vec<UserSession>>,
    /// When to look at a person's sessions.
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    watermark: Timestamp,
    out: O,
}

/// A person's last session, and when it is to be looked at: other notes are out of date.
struct Open {
    last: UserSession,
    due: Timestamp,
    /// Whether there are no earlier ones.
    alone: bool,
}

impl<O> OpenSessions<O> {
    fn new(out: O) -> Self {
        let (by_bidder, earlier) = (Table::default(), Table::default());
        OpenSessions { by_bidder, earlier, due: BinaryHeap::new(), watermark: Timestamp::MIN, out }
    }

    /// Puts a session among others of the person, from which the last one is known to be apart, or which it may have
    /// joined.
    #[cold]
    #[inline(never)]
    fn among_others(&mut self, session: UserSession) {
        let bidder = session.bidder;
        let Some(open) = self.by_bidder.get_mut(&bidder) else { return };
        let mut all = self.earlier.remove(&bidder).unwrap_or_default();
        all.push(open.last);
        let mut new = session;
        all.retain(|old| !new.join(old)); // what is new may join several, which are apart from each other
        if new.bids == session.bids && new.end <= self.watermark {
            // It has joined none, and is late.
        } else {
            all.push(new);
        }
        all.sort_unstable_by_key(|session| session.start);
        if let Some(first) = all.first().filter(|first| first.end < open.due) {
            open.due = first.end;
            self.due.push(Reverse((first.end, bidder)));
        }
        if let Some(last) = all.pop() {
            open.last = last;
        }
        open.alone = all.is_empty();
        if !open.alone {
            self.earlier.insert(bidder, all);
        }
    }
}

impl<O: FnMut(UserSession)> Part<UserSession> for OpenSessions<O> {
    #[inline]
    fn take(&mut self, session: UserSession) {
        match self.by_bidder.entry(session.bidder) {
            Entry::Occupied(mut open) => {
                let open = open.get_mut();
                let joined = open.alone && open.last.join(&session);
                if !joined {
                    self.among_others(session);
                }
            }
            Entry::Vacant(free) if session.end > self.watermark => {
                free.insert(Open { last: session, due: session.end, alone: true });
                self.due.push(Reverse((session.end, session.bidder)));
            }
            Entry::Vacant(_) => {} // late
        }
    }

    fn advance(&mut self, watermark: Timestamp) {
        self.watermark = self.watermark.max(watermark);
        while let Some(Reverse((due, bidder))) = self.due.peek().copied()
            && due <= watermark
        {
            self.due.pop();
            let Entry::Occupied(mut open) = self.by_bidder.entry(bidder) else { continue };
            if open.get().due != due {
                continue;
            }
            let mut next = open.get().last.end;
            if let Some(earlier) = self.earlier.get_mut(&bidder) {
                let over = earlier.partition_point(|session| session.end <= watermark);
                earlier.drain(..over).for_each(&mut self.out);
                match earlier.first() {
                    Some(first) => next = first.end,
                    None => {
                        open.get_mut().alone = true;
                        self.earlier.remove(&bidder);
                    }
                }
            }
            if next <= watermark {
                (self.out)(open.remove().last);
            } else {
                open.get_mut().due = next;
                self.due.push(Reverse((next, bidder)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::samples;

    /// Sessions as they are defined: bids of a person that are less than the gap apart, over any others between them.
    fn sessions(events: &[Event]) -> Vec<UserSession> {
        let mut bids: Vec<_> = samples::bids(events).iter().map(|bid| (bid.bidder, bid.date_time)).collect();
        bids.sort_unstable();
        let same = |a: &(u64, Timestamp), b: &(u64, Timestamp)| a.0 == b.0 && b.1 - a.1 < GAP;
        let sessions = bids.chunk_by(same).map(|session| {
            let (first, last) = (session[0], session[session.len() - 1]);
            UserSession { bidder: first.0, bids: session.len() as u64, start: first.1, end: last.1 + GAP }
        });
        sessions.collect()
    }

    #[test]
    fn bids_out_of_order_join_sessions() {
        for step in [50, 300, 700, 1_500, 3_000] {
            let events = samples::events(400, Duration::millis(step));
            samples::check::<Q11>(&events, sessions(&events));
        }
    }

    #[test]
    fn a_bid_may_fill_the_gap_between_two_sessions() {
        let at = Timestamp::from_seconds;
        let bids = |times: &[i64]| times.iter().map(|t| samples::bid(1, 7, 5, at(*t))).collect::<Vec<_>>();
        // 20 and 30 are apart: windows that only touch are not one.
        for times in [&[0, 19, 9][..], &[0, 11, 30, 20, 31, 10], &[30, 15, 0, 22, 7], &[0, 10, 20], &[20, 10, 0]] {
            let events = bids(times);
            samples::check::<Q11>(&events, sessions(&events));
        }
    }
}
