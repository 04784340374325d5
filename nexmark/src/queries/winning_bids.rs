//! The winning bids of auctions, which are what q9 asks for, and what q4 and q6 begin with.
//!
//! An auction is won by the highest bid that came while it was open and is not below the reserve, of equal ones the
//! earliest. It is known when the watermark passes the end of the auction. So it is in Beam, but that there also bids from
//! before the auction was opened count; here, and in Flink, they do not, so that a bid whose auction is not known can be
//! forgotten when the watermark passes it. (Flink has no reserve, and bids count up to the end of the auction, inclusive.)

use crate::by_hand::{Stretches, Table};
use dataflow::prelude::*;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// What matters of an event, for which there is an auction's number.
#[derive(Clone)]
pub(super) enum LotOrOffer<A, B> {
    Lot(Lot<A>),
    Offer(Offer<B>),
}

/// An auction, with more of it if need be.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Lot<A> {
    pub(super) reserve: u64,
    pub(super) opens: Timestamp,
    pub(super) closes: Timestamp,
    pub(super) more: A,
}

/// A bid, with more of it if need be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Offer<B> {
    pub(super) price: u64,
    pub(super) at: Timestamp,
    pub(super) more: B,
}

/// What is known when an auction is over.
#[derive(Clone)]
pub(super) struct Won<A, B> {
    pub(super) auction: u64,
    pub(super) lot: Lot<A>,
    pub(super) offer: Offer<B>,
}

impl<A> Lot<A> {
    /// The last moment in which it is open: the time of what is known then.
    pub(super) fn last_moment(&self) -> Timestamp {
        self.closes - Duration::micros(1)
    }

    #[inline]
    fn allows<B>(&self, offer: &Offer<B>) -> bool {
        self.opens <= offer.at && offer.at < self.closes && self.reserve <= offer.price
    }
}

impl<B: Ord> Offer<B> {
    /// Whether it wins against `other`.
    #[inline]
    fn beats(&self, other: &Self) -> bool {
        (other.price, self.at, &self.more) < (self.price, other.at, &other.more)
    }
}

/// What is known of an auction.
#[derive(StateRow)]
pub(super) struct Bidding<A: Coded, B: Coded> {
    lot: Value<Lot<A>>,
    best: Value<Offer<B>>,
    /// Bids that came before the auction, or after its end.
    waiting: Bag<Offer<B>>,
    /// When the auction is over; while it is not known, when bids for it can be forgotten.
    over: EventTimer,
}

impl<A: Coded, B: Coded> Default for Bidding<A, B> {
    fn default() -> Self {
        let (lot, best) = Default::default();
        Bidding { lot, best, waiting: Bag::default(), over: EventTimer::default() }
    }
}

/// Finds the winning bid of each auction.
pub(super) struct WinningBids<A, B>(PhantomData<fn() -> (A, B)>);

impl<A, B> WinningBids<A, B> {
    pub(super) fn new() -> Self {
        WinningBids(PhantomData)
    }
}

impl<A, B> Clone for WinningBids<A, B> {
    fn clone(&self) -> Self {
        WinningBids(PhantomData)
    }
}

impl<A: Coded, B: Coded + Ord> KeyedDoFn for WinningBids<A, B> {
    type Key = u64;
    type In = LotOrOffer<A, B>;
    type Out = Won<A, B>;
    type State = Bidding<A, B>;

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        element: Element<LotOrOffer<A, B>>,
        state: &mut Bidding<A, B>,
        _: &mut Output<'_, Won<A, B>>,
    ) -> Result<(), BoxError> {
        match element.value {
            LotOrOffer::Offer(offer) => match state.lot.get() {
                Some(lot) if !lot.allows(&offer) => {}
                Some(_) => consider(&mut state.best, offer),
                None => {
                    let latest = state.over.time().map_or(offer.at, |set| set.max(offer.at));
                    state.over.set(latest);
                    state.waiting.add(offer);
                }
            },
            LotOrOffer::Lot(lot) => {
                for offer in state.waiting.take() {
                    if lot.allows(&offer) {
                        consider(&mut state.best, offer);
                    }
                }
                state.over.set(lot.last_moment());
                state.lot.set(lot);
            }
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        BiddingTimer::Over: BiddingTimer,
        state: &mut Bidding<A, B>,
        out: &mut Output<'_, Won<A, B>>,
    ) -> Result<(), BoxError> {
        // An auction that opens later would not allow those bids.
        state.waiting.clear();
        if let (Some(lot), Some(offer)) = (state.lot.take(), state.best.take()) {
            out.emit(Won { auction: *context.key(), lot, offer });
        }
        Ok(())
    }
}

fn consider<B: Ord>(best: &mut Value<Offer<B>>, offer: Offer<B>) {
    if best.get().is_none_or(|best| offer.beats(best)) {
        best.set(offer);
    }
}

/// Auctions are closed, by hand, all of so much time at once. The windows of what follows are multiples of it.
const TOGETHER: Duration = Duration::millis(50);

/// The same by hand.
pub(super) struct ByHand<A, B> {
    open: Table<u64, Open<A, B>>,
    moments: Stretches<Moment<B>>,
}

struct Open<A, B> {
    lot: Lot<A>,
    best: Option<Offer<B>>,
}

/// What is to be done when the watermark passes a stretch of time.
struct Moment<B> {
    /// Bids whose auction was not there. They are tried once more, as most of them are for auctions that are over: those
    /// that are not were just behind the bid.
    waiting: Vec<(u64, Offer<B>)>,
    /// Auctions that close.
    closing: Vec<(Timestamp, u64)>,
}

impl<B> Default for Moment<B> {
    fn default() -> Self {
        Moment { waiting: Vec::new(), closing: Vec::new() }
    }
}

impl<A, B: Ord> Open<A, B> {
    #[inline]
    fn consider(&mut self, offer: Offer<B>) {
        if self.lot.allows(&offer) && self.best.as_ref().is_none_or(|best| offer.beats(best)) {
            self.best = Some(offer);
        }
    }
}

impl<A, B: Ord> ByHand<A, B> {
    pub(super) fn new() -> Self {
        ByHand { open: Table::default(), moments: Stretches::of(TOGETHER) }
    }

    #[inline]
    pub(super) fn take(&mut self, auction: u64, what: LotOrOffer<A, B>) {
        match what {
            LotOrOffer::Offer(offer) => match self.open.get_mut(&auction) {
                Some(open) => open.consider(offer),
                None => {
                    if let Some(moment) = self.moments.at(offer.at) {
                        moment.waiting.push((auction, offer));
                    }
                }
            },
            LotOrOffer::Lot(lot) => {
                if let Some(moment) = self.moments.at(lot.last_moment()) {
                    moment.closing.push((lot.closes, auction));
                    self.open.insert(auction, Open { lot, best: None });
                }
            }
        }
    }

    /// Gives what was won in the moments that are over, in the order in which auctions close; and where the last of those
    /// moments ends, if any is over.
    pub(super) fn advance(&mut self, watermark: Timestamp, mut out: impl FnMut(Won<A, B>)) -> Option<Timestamp> {
        let open = &mut self.open;
        self.moments.close(watermark, |_, Moment { waiting, closing }| {
            for (auction, offer) in waiting.drain(..) {
                if let Some(open) = open.get_mut(&auction) {
                    open.consider(offer);
                }
            }
            closing.sort_unstable();
            for (_, auction) in closing.drain(..) {
                if let Some(Open { lot, best: Some(offer) }) = open.remove(&auction) {
                    out(Won { auction, lot, offer });
                }
            }
        })
    }
}

/// What was won, found by trying each bid for each auction.
#[cfg(test)]
pub(super) fn naive(events: &[crate::event::Event]) -> Vec<(crate::event::Auction, crate::event::Bid)> {
    use crate::event::Event;
    let mut won = Vec::new();
    for auction in events.iter().filter_map(Event::auction) {
        let bids = events.iter().filter_map(Event::bid).filter(|bid| bid.auction == auction.id);
        let valid = bids.filter(|bid| {
            bid.date_time >= auction.date_time && bid.date_time < auction.expires && bid.price >= auction.reserve
        });
        let best = valid.min_by_key(|bid| (std::cmp::Reverse(bid.price), bid.date_time, *bid));
        won.extend(best.map(|bid| (auction.clone(), bid.clone())));
    }
    won.sort_by_key(|(auction, _)| (auction.expires, auction.id));
    won
}
