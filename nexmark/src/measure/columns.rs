//! Queries on columns, measured.

use super::registry::Measured;
use super::run::{Input, Run, measured, on_a_thread};
use super::tally::{Tally, Total};
use crate::generator::{Config, Generator};
use crate::input::{ColumnBids, Filled};
use crate::latency::{self, Latency, Paced};
use crate::queries::columns::{ColumnQuery, OfEvents};
use crate::query::Query;
use dataflow::DirectRunner;
use dataflow::arrow::array::RecordBatch;
use dataflow::core::plane::Batch;
use dataflow::core::{Sink, SinkContext, SinkWriter};
use dataflow::prelude::*;
use std::marker::PhantomData;

/// A [`ColumnQuery`] that can be run.
pub(super) struct OfColumns<Q>(pub(super) PhantomData<fn() -> Q>);

impl Input {
    /// The bids among the events, as columns.
    fn columns(&self) -> ColumnBids {
        match self {
            Input::Preloaded(events) => events.columns(),
            Input::Filled(events) => events.columns(),
        }
    }
}

impl<Q: ColumnQuery> Measured for OfColumns<Q> {
    fn name(&self) -> &'static str {
        Q::Rows::NAME
    }

    fn path(&self) -> &'static str {
        "column"
    }

    fn question(&self) -> &'static str {
        Q::Rows::QUESTION
    }

    fn engine(&self, input: &Input, threads: u16) -> Result<Run> {
        measured(input, || {
            let p = Pipeline::new(self.name());
            let tally = Tally::default();
            let results = Q::pipeline(&input.columns().read(&p)).to_batches("Batches");
            results.write("Tally", ColumnTally::<Q>(tally.clone(), PhantomData));
            let options = PipelineOptions::default().with_threads(threads);
            p.run_on(&DirectRunner::new().handle_signals(false), &options)?.wait_until_finish()?;
            Ok(tally.total())
        })
    }

    fn by_hand(&self, input: &Input, threads: u16) -> Result<Run> {
        let bids = input.columns();
        on_a_thread(input, || {
            let add = |total: &mut Total, batch: RecordBatch| {
                *total = total.and(total_of::<Q>(&batch).unwrap_or_else(|e| panic!("a loop gave no results: {e}")));
            };
            let [mut a, mut b] = [Total::default(); 2];
            if threads == 1 {
                Q::by_hand(bids.feed(), |batch| add(&mut a, batch));
            } else {
                let (to_a, to_b): (&mut Total, &mut Total) = (&mut a, &mut b);
                Q::by_hand_on_two(bids.feeds(), [to_a, to_b].map(|total| move |batch| add(total, batch)));
            }
            a.and(b)
        })
    }

    fn on_timely(&self, _: &Input, _: u16) -> Option<Result<Run>> {
        None
    }

    /// Bids come as rows, and become columns in batches as small as they come in.
    fn latency(&self, events: &Paced, threads: u16) -> Result<Latency> {
        latency::measure::<OfEvents<Q>>(events, threads)
    }

    fn explain(&self, threads: u16) -> String {
        let p = Pipeline::new(self.name());
        let bids = Filled::new(Generator::new(Config::default()).into(), 1).columns().read(&p);
        let results = Q::pipeline(&bids).to_batches("Batches");
        results.write("Tally", ColumnTally::<Q>(Tally::default(), PhantomData));
        p.explain(&PipelineOptions::default().with_threads(threads))
    }
}

fn total_of<Q: ColumnQuery>(batch: &RecordBatch) -> Result<Total> {
    Ok(Total { rows: batch.num_rows() as u64, tally: Q::tally(batch)? })
}

/// A sink that reads batches of results, and keeps no more than their [`Total`].
struct ColumnTally<Q>(Tally, PhantomData<fn() -> Q>);

struct ColumnTallyWriter<Q> {
    total: Total,
    sink: Tally,
    query: PhantomData<fn() -> Q>,
}

impl<Q: ColumnQuery> Sink<RecordBatch> for ColumnTally<Q> {
    type Writer = ColumnTallyWriter<Q>;

    fn describe(&self) -> String {
        "counts".to_owned()
    }

    fn open(&self, _: SinkContext) -> Result<ColumnTallyWriter<Q>> {
        Ok(ColumnTallyWriter { total: Total::default(), sink: self.0.clone(), query: PhantomData })
    }
}

impl<Q: ColumnQuery> SinkWriter<RecordBatch> for ColumnTallyWriter<Q> {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<RecordBatch>) -> Result<()> {
        for results in &batch.values {
            self.total = self.total.and(total_of::<Q>(results)?);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        Ok(self.total.to_bytes())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        self.total = self.total.and(Total::of_bytes(state));
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.sink.add(self.total);
        Ok(())
    }
}
