//! q1 on columns: all columns but the prices are passed on as they are.

use super::{ColumnQuery, numbers};
use crate::by_hand;
use crate::input::ColumnFeed;
use crate::queries::q1::{Q1, in_euros};
use dataflow::arrow::Columns;
use dataflow::arrow::array::cast::AsArray;
use dataflow::arrow::array::types::UInt64Type;
use dataflow::arrow::array::{ArrayRef, RecordBatch};
use dataflow::prelude::*;
use std::sync::Arc;

/// Whole bids, with their price in euros.
pub struct Q1Columns;

fn prices(bids: &RecordBatch) -> ArrayRef {
    Arc::new(bids["price"].as_primitive::<UInt64Type>().unary::<_, UInt64Type>(in_euros))
}

impl ColumnQuery for Q1Columns {
    type Rows = Q1;

    fn pipeline(bids: &Columns) -> Columns {
        bids.with_column("InEuros", "price", |bids| Ok(prices(bids)))
    }

    fn by_hand(mut feed: impl ColumnFeed, mut out: impl FnMut(RecordBatch)) {
        while let Some((bids, _)) = feed.next_batch() {
            let mut columns = bids.columns().to_vec();
            columns[2] = prices(&bids);
            out(RecordBatch::try_new(bids.schema(), columns).unwrap_or_else(|e| panic!("prices are numbers: {e}")));
        }
    }

    fn by_hand_on_two<F: ColumnFeed, O: FnMut(RecordBatch) + Send>(feeds: [F; 2], outs: [O; 2]) {
        by_hand::apart(feeds, outs, |feed, out| Self::by_hand(feed, out));
    }

    fn tally(bids: &RecordBatch) -> Result<u64> {
        let (auctions, prices) = (numbers(bids, "auction"), numbers(bids, "price"));
        Ok(auctions.iter().zip(prices).fold(0, |sum, (auction, price)| sum.wrapping_add(auction ^ price)))
    }
}
