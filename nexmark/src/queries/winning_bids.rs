//! The winning bids of auctions, which are what q9 asks for, and what q4 and q6 begin with.
//!
//! An auction is won by the highest bid that came while it was open and is not below the reserve, of equal ones the
//! earliest. It is known when the watermark passes the end of the auction. So it is in Beam, but that there also bids from
//! before the auction was opened count; here, and in Flink, they do not, so that a bid whose auction is not known can be
//! forgotten when the watermark passes it. (Flink has no reserve, and bids count up to the end of the auction, inclusive.)
//!
//! About half of the generator's bids are for auctions that have just ended. An auction is known a while longer, so that
//! such bids are refused at once.

use crate::by_hand::{Stretches, Table};
use crate::event::{Auction, Bid, Event};
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
    pub(super) closes: Timestamp,
    pub(super) lot: A,
    pub(super) offer: Offer<B>,
}

/// How long an auction that is over is known.
const KNOWN: Duration = Duration::seconds(1);

/// What an event says of an auction: that it is one, with `more` of it, or that there is a bid.
#[inline(always)]
pub(super) fn auction_or_bid<A>(event: &Event, more: impl Fn(&Auction) -> A) -> Option<(u64, LotOrOffer<A, ()>)> {
    match event {
        Event::Bid(Bid { auction, price, date_time, .. }) => {
            Some((*auction, LotOrOffer::Offer(Offer { price: *price, at: *date_time, more: () })))
        }
        Event::Auction(auction) => {
            let Auction { id, reserve, date_time: opens, expires: closes, .. } = **auction;
            Some((id, LotOrOffer::Lot(Lot { reserve, opens, closes, more: more(auction) })))
        }
        Event::Person(_) => None,
    }
}

/// The last moment before an auction closes: the time of what is known then.
pub(super) fn before(closes: Timestamp) -> Timestamp {
    closes - Duration::micros(1)
}

impl<A> Lot<A> {
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
    /// The auction, without what is more of it when it is over.
    lot: Value<Lot<Option<A>>>,
    best: Value<Offer<B>>,
    /// When the auction is over.
    over: EventTimer,
    /// Bids that came before the auction.
    waiting: Bag<Offer<B>>,
    /// When all this is of no more use.
    forget: EventTimer,
}

impl<A: Coded, B: Coded> Default for Bidding<A, B> {
    fn default() -> Self {
        let (lot, best, over, waiting, forget) = Default::default();
        Bidding { lot, best, over, waiting, forget }
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
                    let latest = state.forget.time().map_or(offer.at, |set| set.max(offer.at));
                    state.forget.set(latest);
                    state.waiting.add(offer);
                }
            },
            LotOrOffer::Lot(Lot { reserve, opens, closes, more }) => {
                let lot = Lot { reserve, opens, closes, more: Some(more) };
                for offer in state.waiting.take() {
                    if lot.allows(&offer) {
                        consider(&mut state.best, offer);
                    }
                }
                state.over.set(before(closes));
                state.forget.set(closes + KNOWN);
                state.lot.set(lot);
            }
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        timer: BiddingTimer,
        state: &mut Bidding<A, B>,
        out: &mut Output<'_, Won<A, B>>,
    ) -> Result<(), BoxError> {
        match timer {
            BiddingTimer::Over => {
                if let Some(lot) = state.lot.get_mut()
                    && let (Some(more), Some(offer)) = (lot.more.take(), state.best.take())
                {
                    out.emit(Won { auction: *context.key(), closes: lot.closes, lot: more, offer });
                }
            }
            BiddingTimer::Forget => {
                // An auction that opens later would not allow the bids that wait.
                state.waiting.clear();
                state.lot.clear();
            }
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
    lot: Lot<Option<A>>,
    best: Option<Offer<B>>,
}

/// What is to be done when the watermark passes a stretch of time.
struct Moment<B> {
    /// Bids whose auction was not there. They are tried once more.
    waiting: Vec<(u64, Offer<B>)>,
    /// Auctions that close.
    closing: Vec<(Timestamp, u64)>,
    /// Auctions that are of no more use.
    forgotten: Vec<u64>,
}

impl<B> Default for Moment<B> {
    fn default() -> Self {
        Moment { waiting: Vec::new(), closing: Vec::new(), forgotten: Vec::new() }
    }
}

impl<A, B: Ord> Open<A, B> {
    #[inline(always)]
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

    #[inline(always)] // bids may be large, and nearly all of them stay where they are
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
            LotOrOffer::Lot(Lot { reserve, opens, closes, more }) => {
                let Some(moment) = self.moments.at(before(closes)) else { return };
                moment.closing.push((closes, auction));
                if let Some(moment) = self.moments.at(closes + KNOWN) {
                    moment.forgotten.push(auction);
                }
                let lot = Lot { reserve, opens, closes, more: Some(more) };
                self.open.insert(auction, Open { lot, best: None });
            }
        }
    }

    /// Gives what was won in the moments that are over, in the order in which auctions close; and where the last of those
    /// moments ends, if any is over.
    pub(super) fn advance(&mut self, watermark: Timestamp, mut out: impl FnMut(Won<A, B>)) -> Option<Timestamp> {
        let open = &mut self.open;
        self.moments.close(watermark, |_, Moment { waiting, closing, forgotten }| {
            for (auction, offer) in waiting.drain(..) {
                if let Some(open) = open.get_mut(&auction) {
                    open.consider(offer);
                }
            }
            closing.sort_unstable();
            for (closes, auction) in closing.drain(..) {
                if let Some(Open { lot, best }) = open.get_mut(&auction)
                    && let (Some(lot), Some(offer)) = (lot.more.take(), best.take())
                {
                    out(Won { auction, closes, lot, offer });
                }
            }
            for auction in forgotten.drain(..) {
                open.remove(&auction);
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
