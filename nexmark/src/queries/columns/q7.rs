//! q7 on columns: the highest price is found first, and then the bids that have it.

use super::{ColumnQuery, batch_of, each_batch, numbers, times};
use crate::by_hand::{self, Stretches, Together};
use crate::input::ColumnFeed;
use crate::queries::q7::{Highest, HighestBid, HighestBids, Q7, SIZE};
use dataflow::arrow::array::RecordBatch;
use dataflow::arrow::{Columns, CombineColumns, ToColumns};
use dataflow::prelude::*;
use std::collections::BTreeMap;

/// The highest bids of each window.
pub struct Q7Columns;

impl CombineColumns for HighestBids {
    type Acc = Highest;
    type Out = Highest;

    fn create(&self) -> Highest {
        Highest::default()
    }

    fn add(&self, highest: &mut Highest, bids: &RecordBatch) -> Result<()> {
        let prices = numbers(bids, "price");
        let highest_price = prices.iter().copied().max().unwrap_or(0);
        if highest.first.as_ref().is_none_or(|first| first.price <= highest_price) {
            let bid = bid_of(bids);
            let with_it = prices.iter().enumerate().filter(|(_, price)| **price == highest_price);
            with_it.for_each(|(i, _)| highest.add(bid(i)));
        }
        Ok(())
    }

    fn merge(&self, highest: &mut Highest, other: Highest) {
        CombineFn::merge(self, highest, other);
    }

    fn extract(&self, highest: Highest) -> Highest {
        highest
    }
}

/// Finds the bid of a row.
fn bid_of(bids: &RecordBatch) -> impl Fn(usize) -> HighestBid {
    let [auctions, bidders, prices] = ["auction", "bidder", "price"].map(|column| numbers(bids, column));
    let times = super::micros(bids, "date_time");
    move |i| HighestBid {
        auction: auctions[i],
        bidder: bidders[i],
        price: prices[i],
        date_time: Timestamp::from_micros(times[i]),
    }
}

impl ColumnQuery for Q7Columns {
    type Rows = Q7;

    fn pipeline(bids: &Columns) -> Columns {
        let highest = bids.window("Windows", FixedWindows::of(SIZE)).combine_globally("Highest", HighestBids);
        highest.flat_map("Each", Highest::bids).to_columns("Columns")
    }

    fn by_hand(feed: impl ColumnFeed, mut out: impl FnMut(RecordBatch)) {
        let mut windows = Stretches::of(SIZE);
        each_batch(feed, |bids, watermark| {
            compare(bids, &mut windows);
            windows.close(watermark, |_, highest| {
                out(batch_of(&std::mem::take(highest).bids().collect::<Vec<_>>()));
            });
        });
    }

    /// Each thread has the highest bids of its own. The second one to have passed a window knows which are the highest.
    fn by_hand_on_two<F: ColumnFeed, O: FnMut(RecordBatch) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let both = Together::new(BTreeMap::<Timestamp, Highest>::new());
        by_hand::beside(feeds, outs, |me, feed, mut out| {
            let mut windows = Stretches::of(SIZE);
            each_batch(feed, |bids, watermark| {
                compare(bids, &mut windows);
                if windows.is_due(watermark) {
                    both.pass(me, watermark, |all, both| {
                        windows.close(watermark, |window, highest| {
                            let all = all.entry(window.end()).or_default();
                            std::mem::take(highest).bids().for_each(|bid| all.add(bid));
                        });
                        while let Some(first) = all.first_entry().filter(|first| *first.key() <= both) {
                            out(batch_of(&first.remove().bids().collect::<Vec<_>>()));
                        }
                    });
                }
            });
        });
    }
}

fn compare(bids: Option<RecordBatch>, windows: &mut Stretches<Highest>) {
    let Some(bids) = bids else { return };
    let bid = bid_of(&bids);
    for (i, (price, time)) in numbers(&bids, "price").iter().zip(times(&bids, "date_time")).enumerate() {
        if let Some(highest) = windows.at(time)
            && highest.first.as_ref().is_none_or(|first| first.price <= *price)
        {
            highest.add(bid(i));
        }
    }
}
