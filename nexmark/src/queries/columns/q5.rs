//! q5 on columns: of a bid only its auction and its time are looked at.

use super::{ColumnQuery, batch_of, each_batch, numbers, times};
use crate::by_hand::{self, Sliding, Stretches, Together};
use crate::input::ColumnFeed;
use crate::queries::q5::{Auctions, Counts, Hottest, PERIOD, Q5, SIZE, answer, items};
use dataflow::arrow::array::RecordBatch;
use dataflow::arrow::{Aggregate, Columns, CombineColumns, ToColumns};
use dataflow::prelude::*;

/// One answer per window, when it is over.
pub struct Q5Columns;

impl CombineColumns for Hottest {
    type Acc = Auctions;
    type Out = Auctions;

    fn create(&self) -> Auctions {
        Auctions::default()
    }

    fn add(&self, hottest: &mut Auctions, rows: &RecordBatch) -> Result<()> {
        let (auctions, bids) = (numbers(rows, "auction"), numbers(rows, "bids"));
        let most = bids.iter().copied().max().unwrap_or(0);
        if most >= hottest.bids {
            let with_most = auctions.iter().zip(bids).filter(|(_, bids)| **bids == most).map(|(auction, _)| *auction);
            CombineFn::merge(self, hottest, Auctions { bids: most, auctions: with_most.collect() });
        }
        Ok(())
    }

    fn merge(&self, hottest: &mut Auctions, other: Auctions) {
        CombineFn::merge(self, hottest, other);
    }

    fn extract(&self, hottest: Auctions) -> Auctions {
        hottest
    }
}

impl ColumnQuery for Q5Columns {
    type Rows = Q5;

    fn pipeline(bids: &Columns) -> Columns {
        let counts = bids
            .window("Sliding", SlidingWindows::of(SIZE).every(PERIOD))
            .group_by(["auction"])
            .aggregate("Count", [Aggregate::count().named("bids")]);
        items(&counts.combine_globally("Hottest", Hottest)).to_columns("Columns")
    }

    fn by_hand(feed: impl ColumnFeed, mut out: impl FnMut(RecordBatch)) {
        let (mut slices, mut windows) = (Stretches::of(PERIOD), Sliding::of(SIZE, PERIOD));
        let (mut hottest, mut found) = (Vec::new(), Vec::new());
        each_batch(feed, |bids, watermark| {
            count(bids, &mut slices);
            slices.close(watermark, |slice, counts| windows.add(slice.end(), counts));
            windows.advance(watermark, |end, window| answer(end, window, &mut hottest, &mut |item| found.push(item)));
            if !found.is_empty() {
                out(batch_of(&found));
                found.clear();
            }
        });
    }

    /// Each thread counts what it has, slice by slice. The second one to have passed a slice puts the counts together.
    fn by_hand_on_two<F: ColumnFeed, O: FnMut(RecordBatch) + Send>(feeds: [F; 2], outs: [O; 2]) {
        let windows = Together::new(Sliding::of(SIZE, PERIOD));
        by_hand::beside(feeds, outs, |me, feed, mut out| {
            let (mut slices, mut hottest, mut found) = (Stretches::of(PERIOD), Vec::new(), Vec::new());
            each_batch(feed, |bids, watermark| {
                count(bids, &mut slices);
                if slices.is_due(watermark) {
                    windows.pass(me, watermark, |windows, both| {
                        slices.close(watermark, |slice, counts| windows.add(slice.end(), counts));
                        windows.advance(both, |end, window| {
                            answer(end, window, &mut hottest, &mut |item| found.push(item));
                        });
                    });
                }
                if !found.is_empty() {
                    out(batch_of(&found));
                    found.clear();
                }
            });
        });
    }
}

fn count(bids: Option<RecordBatch>, slices: &mut Stretches<Counts>) {
    let Some(bids) = bids else { return };
    for (auction, time) in numbers(&bids, "auction").iter().zip(times(&bids, "date_time")) {
        if let Some(counts) = slices.at(time) {
            *counts.entry(*auction).or_insert(0) += 1;
        }
    }
}
