//! The workers of a dataflow, and what they are fed with.

use super::{Stream, micros};
use crate::event::Event;
use crate::feed::Feed;
use crate::measure::{Input, Run, Total, measured};
use crate::query::Row;
use ::timely::Config;
use ::timely::dataflow::ProbeHandle;
use ::timely::dataflow::channels::pact::Pipeline;
use ::timely::dataflow::operators::Probe;
use ::timely::dataflow::operators::generic::Operator;
use ::timely::dataflow::operators::vec::Input as _;
use ::timely::worker::Worker;
use dataflow::prelude::{Error, Result};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

/// After so many chunks time goes on, as it does in our own engine. Workers do not wait for each other: they read
/// alternating stretches of time, and would stand still by turns.
const CHUNKS: usize = 16;

/// Runs the dataflow that `query` builds, with a worker on each thread.
pub(super) fn run<R, Q>(input: &Input, threads: u16, query: Q) -> Result<Run>
where
    R: Row,
    Q: for<'scope> Fn(Stream<'scope, Event>) -> Stream<'scope, R> + Copy + Send + Sync + 'static,
{
    measured(input, || match input {
        Input::Preloaded(events) if threads == 1 => work(vec![events.feed()], query),
        Input::Preloaded(events) => work(events.feeds().into(), query),
        Input::Filled(events) if threads == 1 => work(vec![events.feed()], query),
        Input::Filled(events) => work(events.feeds().into(), query),
    })
}

fn work<F, R, Q>(feeds: Vec<F>, query: Q) -> Result<Total>
where
    F: Feed + 'static,
    R: Row,
    Q: for<'scope> Fn(Stream<'scope, Event>) -> Stream<'scope, R> + Copy + Send + Sync + 'static,
{
    let config = Config::process(feeds.len());
    let feeds = Mutex::new(feeds);
    let workers = ::timely::execute(config, move |worker| {
        let feed = feeds.lock().unwrap_or_else(PoisonError::into_inner).pop();
        feed.map_or_else(Total::default, |feed| feed_worker(worker, feed, query))
    });
    let workers = workers.map_err(Error::internal)?;
    workers.join().into_iter().try_fold(Total::default(), |all, total| Ok(all.and(total.map_err(Error::internal)?)))
}

fn feed_worker<F, R, Q>(worker: &mut Worker, mut feed: F, query: Q) -> Total
where
    F: Feed,
    R: Row,
    Q: for<'scope> Fn(Stream<'scope, Event>) -> Stream<'scope, R>,
{
    let (total, probe) = (Rc::new(Cell::new(Total::default())), ProbeHandle::new());
    let tally = total.clone();
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let (input, events) = scope.new_input();
        query(events).probe_with(&probe).sink(Pipeline, "Tally", move |(rows, _)| {
            rows.for_each(|_, rows| {
                let mut total = tally.get();
                rows.drain(..).for_each(|row| total.add(&row));
                tally.set(total);
            });
        });
        input
    });
    let mut sent = 0;
    while let Some((events, watermark)) = feed.next_chunk() {
        input.send_batch(&mut events.collect());
        sent += 1;
        if sent % CHUNKS == 0 {
            let before = *input.time();
            input.advance_to(micros(watermark).max(before));
        }
        worker.step();
    }
    input.close();
    worker.step_while(|| !probe.done());
    total.get()
}
