//! q7: the highest bids, of each worker and then of all.

use super::{Stream, filter_map_ref, window_end};
use crate::event::Event;
use crate::queries::q7::HighestBid;
use ::timely::dataflow::channels::pact::{Exchange, ParallelizationContract, Pipeline};
use ::timely::dataflow::operators::Capability;
use ::timely::dataflow::operators::generic::Operator;
use ::timely::dataflow::operators::vec::Map;
use dataflow::prelude::Duration;
use std::collections::BTreeMap;

const SIZE: Duration = Duration::seconds(10);

/// A bid, and where its window ends.
type InWindow = (u64, HighestBid);

/// The bids of each window that no other one is above.
pub(super) fn q7(events: Stream<'_, Event>) -> Stream<'_, HighestBid> {
    let bids =
        filter_map_ref(events, |event| event.bid().map(|bid| (window_end(bid.date_time, SIZE), HighestBid::from(bid))));
    let of_workers = highest(bids, Pipeline, "Highest of a worker");
    highest(of_workers, Exchange::new(|bid: &InWindow| bid.0), "Highest").map(|(_, bid)| bid)
}

fn highest<'scope, P>(bids: Stream<'scope, InWindow>, pact: P, name: &str) -> Stream<'scope, InWindow>
where
    P: ParallelizationContract<u64, Vec<InWindow>>,
{
    bids.unary_frontier(pact, name, |_, _| {
        let mut windows: BTreeMap<u64, (Capability<u64>, Vec<HighestBid>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|time, bids| {
                for run in bids.chunk_by(|a, b| a.0 == b.0) {
                    let end = run[0].0;
                    let (_, highest) = windows.entry(end).or_insert_with(|| (time.delayed(&end, 0), Vec::new()));
                    for (_, bid) in run {
                        match highest.first().map(|first| first.price) {
                            Some(price) if price > bid.price => {}
                            Some(price) if price == bid.price => highest.push(*bid),
                            _ => *highest = vec![*bid],
                        }
                    }
                }
            });
            // What a worker has found has the time of the window's end, which must be over, too.
            while let Some(window) = windows.first_entry()
                && !frontier.less_equal(window.key())
            {
                let (end, (capability, highest)) = window.remove_entry();
                output.session(&capability).give_iterator(highest.into_iter().map(|bid| (end, bid)));
            }
        }
    })
}
