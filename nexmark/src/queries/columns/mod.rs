//! Queries on columns: bids come as Arrow batches, and results leave as such. Each has loops on columns of its own.

pub mod q1;
pub mod q5;
pub mod q7;

use crate::event::Event;
use crate::feed::Feed;
use crate::input::ColumnFeed;
use crate::query::{Query, Row};
use dataflow::arrow::array::RecordBatch;
use dataflow::arrow::array::cast::AsArray;
use dataflow::arrow::array::types::{TimestampMicrosecondType, UInt64Type};
use dataflow::arrow::{ArrowRow, Columns, RowBuilder};
use dataflow::prelude::*;
use std::marker::PhantomData;

/// A query on columns: the pipeline that a user would write, and the loop that it is measured against.
pub trait ColumnQuery: Send + Sync + 'static {
    /// The query whose results are the same, as rows.
    type Rows: Query<Row: ArrowRow>;

    /// The pipeline.
    fn pipeline(bids: &Columns) -> Columns;

    /// The same by hand, on one thread: results go to `out`, batch by batch.
    fn by_hand(feed: impl ColumnFeed, out: impl FnMut(RecordBatch));

    /// The same by hand on two threads: each has a part of the bids (alternating stretches of time) and an `out`.
    fn by_hand_on_two<F: ColumnFeed, O: FnMut(RecordBatch) + Send>(feeds: [F; 2], outs: [O; 2]);

    /// The sum of the [tallies](Row::tally) of results.
    ///
    /// # Errors
    /// If they are not results of this query.
    fn tally(results: &RecordBatch) -> Result<u64> {
        let rows = <Self::Rows as Query>::Row::from_batch(results)?;
        Ok(rows.iter().fold(0, |sum, row| sum.wrapping_add(row.tally())))
    }
}

/// A query on columns as one of events, which become columns on the way.
pub struct OfEvents<Q>(PhantomData<fn() -> Q>);

impl<Q: ColumnQuery> Query for OfEvents<Q> {
    type Row = <Q::Rows as Query>::Row;
    const NAME: &'static str = Q::Rows::NAME;
    const PATH: &'static str = "column";
    const QUESTION: &'static str = Q::Rows::QUESTION;

    fn pipeline(events: &PCollection<Event>) -> PCollection<Self::Row> {
        let bids = events.filter_map("Bids", |event| match event {
            Event::Bid(bid) => Some(bid),
            _ => None,
        });
        Q::pipeline(&bids.to_columns("OfBids")).to_rows("Rows")
    }

    fn by_hand(feed: impl Feed, out: impl FnMut(Self::Row)) {
        Q::Rows::by_hand(feed, out);
    }

    fn by_hand_on_two<F: Feed, O: FnMut(Self::Row) + Send>(feeds: [F; 2], outs: [O; 2]) {
        Q::Rows::by_hand_on_two(feeds, outs);
    }
}

/// Calls `work` with each batch of a feed and the watermark behind it, and at last with nothing and the end of time.
fn each_batch(mut feed: impl ColumnFeed, mut work: impl FnMut(Option<RecordBatch>, Timestamp)) {
    while let Some((bids, watermark)) = feed.next_batch() {
        work(Some(bids), watermark);
    }
    work(None, Timestamp::MAX);
}

/// A column of numbers.
fn numbers<'a>(rows: &'a RecordBatch, column: &str) -> &'a [u64] {
    rows[column].as_primitive::<UInt64Type>().values()
}

/// A column of times, in microseconds.
fn micros<'a>(rows: &'a RecordBatch, column: &str) -> &'a [i64] {
    rows[column].as_primitive::<TimestampMicrosecondType>().values()
}

/// A column of times.
fn times<'a>(rows: &'a RecordBatch, column: &str) -> impl Iterator<Item = Timestamp> + use<'a> {
    micros(rows, column).iter().map(|us| Timestamp::from_micros(*us))
}

/// Results as a batch.
fn batch_of<T: ArrowRow>(rows: &[T]) -> RecordBatch {
    let mut builder = T::Builder::default();
    builder.extend(rows);
    builder.finish().unwrap_or_else(|e| panic!("numbers and times can be columns: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Bid;
    use crate::queries::testing::{events, run};
    use dataflow::testing::{TestPipeline, TestStream};
    use std::sync::Mutex;

    /// How many seconds an event may be behind an earlier one.
    const BEHIND: i64 = 4;

    struct Batches(Vec<(RecordBatch, Timestamp)>);

    impl ColumnFeed for Batches {
        fn next_batch(&mut self) -> Option<(RecordBatch, Timestamp)> {
            self.0.pop()
        }
    }

    fn feed<'a>(events: impl Iterator<Item = &'a Event>) -> Batches {
        let bids: Vec<Bid> = events.filter_map(Event::bid).cloned().collect();
        let mut seen = Timestamp::MIN;
        let batch = |bids: &[Bid]| {
            seen = bids.iter().map(|bid| bid.date_time).fold(seen, Timestamp::max);
            (batch_of(bids), seen - Duration::seconds(BEHIND))
        };
        let mut batches: Vec<_> = bids.chunks(3).map(batch).collect();
        batches.reverse();
        Batches(batches)
    }

    fn sorted<Q: ColumnQuery>(batches: &[RecordBatch]) -> Vec<<Q::Rows as Query>::Row> {
        let mut rows: Vec<_> = batches.iter().flat_map(|b| <Q::Rows as Query>::Row::from_batch(b).unwrap()).collect();
        rows.sort();
        rows
    }

    fn same_as_rows<Q: ColumnQuery>() {
        for input in [events(1, 100), events(2, 150), events(3, 10), vec![]] {
            let expected = run::<Q::Rows>(&input);
            for threads in 1..4 {
                let mut stream = TestStream::new();
                let mut seen = Timestamp::MIN;
                for event in &input {
                    seen = seen.max(event.date_time());
                    stream.add(event.clone(), event.date_time()).advance_watermark_to(seen - Duration::seconds(BEHIND));
                }
                let p = TestPipeline::new().threads(threads);
                let rows = OfEvents::<Q>::pipeline(&p.test_stream("Events", &stream)).collect("Out");
                p.run();
                assert_eq!(rows.sorted(), expected, "the pipeline on {threads} threads");
            }
            let mut batches = Vec::new();
            Q::by_hand(feed(input.iter()), |batch| batches.push(batch));
            assert_eq!(sorted::<Q>(&batches), expected);
            let tallies: u64 = batches.iter().fold(0, |sum, batch| sum.wrapping_add(Q::tally(batch).unwrap()));
            assert_eq!(tallies, expected.iter().fold(0, |sum: u64, row| sum.wrapping_add(row.tally())));
            for deal in [0b0101_0101_u32, 0b1111_0000, 0b0000_0000] {
                let part =
                    |me| feed(input.iter().enumerate().filter(move |(i, _)| deal >> (i % 8) & 1 == me).map(|(_, e)| e));
                let batches = [Mutex::new(Vec::new()), Mutex::new(Vec::new())];
                let outs = batches.each_ref().map(|batches| |batch| batches.lock().unwrap().push(batch));
                Q::by_hand_on_two([part(0), part(1)], outs);
                let batches: Vec<_> = batches.into_iter().flat_map(|b| b.into_inner().unwrap()).collect();
                assert_eq!(sorted::<Q>(&batches), expected, "dealt out as {deal:b}");
            }
        }
    }

    #[test]
    fn columns_give_the_answers_of_rows() {
        same_as_rows::<q1::Q1Columns>();
        same_as_rows::<q5::Q5Columns>();
        same_as_rows::<q7::Q7Columns>();
    }
}
