//! q5: hot items. Bids are counted in slices of a period; a window is a running total, to which its newest slice is added
//! and from which the one before its oldest is taken.

use super::{Stream, filter_map_ref, window_end};
use crate::by_hand::Table;
use crate::event::Event;
use crate::queries::q5::HotItem;
use ::timely::dataflow::channels::pact::Exchange;
use ::timely::dataflow::operators::Capability;
use ::timely::dataflow::operators::generic::Operator;
use dataflow::prelude::{Duration, Timestamp};
use std::collections::BTreeMap;

const PERIOD: Duration = Duration::seconds(2);
const PERIODS: u64 = 5;

type Counts = Table<u64, u64>;

/// The auctions with the most bids of ten seconds, every two.
pub(super) fn q5(events: Stream<'_, Event>) -> Stream<'_, HotItem> {
    let bids = filter_map_ref(events, |event| event.bid().map(|bid| (bid.auction, window_end(bid.date_time, PERIOD))));
    global(local(bids))
}

/// The hottest items of each worker: where a window ends, the most bids, and which auctions have them.
fn local(bids: Stream<'_, (u64, u64)>) -> Stream<'_, (u64, u64, Vec<u64>)> {
    let period = PERIOD.as_micros().unsigned_abs();
    bids.unary_frontier(Exchange::new(|bid: &(u64, u64)| bid.0), "Count", move |_, _| {
        let mut slices: BTreeMap<u64, Counts> = BTreeMap::new();
        let mut windows: BTreeMap<u64, Capability<u64>> = BTreeMap::new();
        let mut running = Counts::default();
        move |(input, frontier), output| {
            input.for_each(|time, bids| {
                for run in bids.chunk_by(|a, b| a.1 == b.1) {
                    let slice = run[0].1;
                    let counts = slices.entry(slice).or_insert_with(|| {
                        for end in (0..PERIODS).map(|i| slice + i * period) {
                            windows.entry(end).or_insert_with(|| time.delayed(&end, 0));
                        }
                        Counts::default()
                    });
                    for (auction, _) in run {
                        *counts.entry(*auction).or_insert(0) += 1;
                    }
                }
            });
            while let Some(window) = windows.first_entry()
                && !frontier.less_than(window.key())
            {
                let (end, capability) = window.remove_entry();
                for (auction, bids) in slices.get(&end).into_iter().flatten() {
                    *running.entry(*auction).or_insert(0) += bids;
                }
                for (auction, bids) in slices.remove(&(end - PERIODS * period)).into_iter().flatten() {
                    if let Some(count) = running.get_mut(&auction) {
                        *count -= bids;
                    }
                }
                running.retain(|_, bids| *bids > 0);
                let most = running.values().copied().max().unwrap_or_default();
                let hottest = running.iter().filter(|item| *item.1 == most).map(|item| *item.0).collect();
                output.session(&capability).give((end, most, hottest));
            }
        }
    })
}

/// The hottest of all workers.
fn global(hottest: Stream<'_, (u64, u64, Vec<u64>)>) -> Stream<'_, HotItem> {
    hottest.unary_frontier(Exchange::new(|hottest: &(u64, u64, Vec<u64>)| hottest.0), "Hottest", |_, _| {
        let mut windows: BTreeMap<u64, (Capability<u64>, u64, Vec<u64>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|time, all| {
                for (end, bids, mut auctions) in all.drain(..) {
                    let (_, most, hottest) =
                        windows.entry(end).or_insert_with(|| (time.delayed(&end, 0), 0, Vec::new()));
                    if bids > *most {
                        (*most, *hottest) = (bids, auctions);
                    } else if bids == *most {
                        hottest.append(&mut auctions);
                    }
                }
            });
            // Others that end then have the same time, so it must be over, too.
            while let Some(window) = windows.first_entry()
                && !frontier.less_equal(window.key())
            {
                let (end, (capability, bids, auctions)) = window.remove_entry();
                let end = Timestamp::from_micros(end.cast_signed());
                let items = auctions.into_iter().map(|auction| HotItem { end, auction, bids });
                output.session(&capability).give_iterator(items);
            }
        }
    })
}
