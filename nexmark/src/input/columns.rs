//! Bids as columns.

use super::{Chunks, Start, splits};
use crate::event::{Bid, Event};
use crate::generator::Generator;
use dataflow::arrow::array::RecordBatch;
use dataflow::arrow::schema::SchemaRef;
use dataflow::arrow::{ArrowRow, Columns, ReadColumns, RowBuilder};
use dataflow::core::plane::Batch;
use dataflow::core::{Poll, Source, SourceReader};
use dataflow::prelude::*;
use std::sync::{Arc, LazyLock};
use std::vec;

/// A batch has the bids of so many chunks: about eight thousand events.
const CHUNKS: usize = 14;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(Bid::schema);

/// The bids among the first events of a generator, as columns: `auction`, `bidder`, `price`, `channel`, `url`,
/// `date_time`, `extra`. Those of the same events, in the same order, as in rows.
///
/// ```
/// use dataflow::arrow::Aggregate;
/// use dataflow::prelude::*;
/// use nexmark::event::Bid;
/// use nexmark::generator::{Config, Generator};
/// use nexmark::input::Filled;
///
/// let events = Filled::new(Generator::new(Config::default()).into(), 1_000);
/// let p = Pipeline::new("bids");
/// let bids = events.columns().read(&p).to_rows::<Bid>("Rows").collect("Collected");
/// p.run(&PipelineOptions::default())?.wait_until_finish()?;
/// assert_eq!(bids.sorted().len(), 920);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ColumnBids {
    pub(super) generator: Arc<Generator>,
    pub(super) events: u64,
    pub(super) threads: usize,
    /// How many events a thread reads before it is another's turn.
    pub(super) stretch: u64,
    pub(super) start: Arc<Start>,
    /// They are made before the clock starts.
    pub(super) before: bool,
}

impl ColumnBids {
    /// The collection of them. Timestamps are the event times.
    pub fn read(&self, p: &Pipeline) -> Columns {
        p.read_columns("Bids", Arc::clone(&SCHEMA), Some("date_time"), self.clone())
    }

    /// All of them, for a loop.
    pub fn feed(&self) -> ColumnBidsFeed {
        ColumnBidsFeed(Part::new(self, Chunks::all(0, self.events), 1))
    }

    /// Those of alternating stretches, for a loop on two threads.
    pub fn feeds(&self) -> [ColumnBidsFeed; 2] {
        [0, 1].map(|me| ColumnBidsFeed(Part::new(self, Chunks::alternating(me, 2, self.stretch, self.events), 2)))
    }
}

/// Bids batch by batch, for a loop.
pub trait ColumnFeed: Send {
    /// The next batch, and the watermark behind it: no bid of a later batch of this feed is before it. `None` is the end.
    fn next_batch(&mut self) -> Option<(RecordBatch, Timestamp)>;
}

/// The bids of a thread.
struct Part {
    of: ColumnBids,
    /// How many threads wait for each other.
    threads: usize,
    chunks: Chunks,
    builder: <Bid as ArrowRow>::Builder,
    /// The batches of `chunks`, if they are made before.
    made: Option<vec::IntoIter<RecordBatch>>,
}

impl Part {
    fn new(of: &ColumnBids, chunks: Chunks, threads: usize) -> Self {
        Part { of: of.clone(), threads, chunks, builder: Default::default(), made: None }
    }

    /// From which event to which one the next batch goes.
    fn next_range(chunks: &mut Chunks) -> Option<(u64, u64)> {
        let (from, mut to) = chunks.next()?;
        for _ in 1..CHUNKS {
            let mut ahead = *chunks;
            match ahead.next() {
                Some((next, end)) if next == to => (to, *chunks) = (end, ahead),
                _ => break,
            }
        }
        Some((from, to))
    }

    /// The bids among some events.
    fn make(&mut self, (from, to): (u64, u64)) -> Result<RecordBatch> {
        for i in from..to {
            if let Event::Bid(bid) = self.of.generator.event(i) {
                self.builder.append(&bid);
            }
        }
        let batch = self.builder.finish()?;
        batch.with_schema(Arc::clone(&SCHEMA)).map_err(Error::user) // one for all, so that none need be compared
    }

    /// Makes all batches, on the thread that calls it, and waits until all have done so.
    fn load(&mut self) -> Result<vec::IntoIter<RecordBatch>> {
        let (mut chunks, start) = (self.chunks, Arc::clone(&self.of.start));
        let ranges = std::iter::from_fn(|| Self::next_range(&mut chunks));
        let made: Result<Vec<_>> = start.making(|| ranges.map(|range| self.make(range)).collect());
        start.wait(self.threads);
        Ok(made?.into_iter())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.of.before && self.made.is_none() {
            self.made = Some(self.load()?);
        }
        let Some(range) = Self::next_range(&mut self.chunks) else { return Ok(None) };
        match &mut self.made {
            Some(made) => Ok(made.next()),
            None => {
                let start = Arc::clone(&self.of.start);
                start.making(|| self.make(range)).map(Some)
            }
        }
    }

    fn watermark(&self) -> Timestamp {
        self.chunks.watermark(|next| self.of.generator.watermark(next))
    }
}

/// Gives bids to a loop.
pub struct ColumnBidsFeed(Part);

impl ColumnFeed for ColumnBidsFeed {
    fn next_batch(&mut self) -> Option<(RecordBatch, Timestamp)> {
        let batch = self.0.next().unwrap_or_else(|e| panic!("bids cannot be made: {e}"))?;
        Some((batch, self.0.watermark()))
    }
}

impl Source for ColumnBids {
    type Element = RecordBatch;
    type Split = Chunks;
    type Reader = ColumnBidsReader;

    fn describe(&self) -> String {
        format!("the bids of {} events", self.events)
    }

    fn splits(&self, desired: usize) -> Result<Vec<Chunks>> {
        if self.before {
            let threads = self.threads as u64;
            return Ok((0..threads).map(|me| Chunks::alternating(me, threads, self.stretch, self.events)).collect());
        }
        Ok(splits(self.events, self.stretch, desired).into_iter().map(|(from, to)| Chunks::all(from, to)).collect())
    }

    fn lower_bound(&self, chunks: &Chunks) -> Timestamp {
        chunks.watermark(|next| self.generator.watermark(next))
    }

    fn open(&self, chunks: Chunks) -> Result<ColumnBidsReader> {
        let mut part = Part::new(self, chunks, self.threads);
        if self.before {
            part.made = Some(part.load()?);
        }
        Ok(ColumnBidsReader(part))
    }
}

/// Gives bids to the engine.
pub struct ColumnBidsReader(Part);

impl SourceReader for ColumnBidsReader {
    type Element = RecordBatch;
    type Split = Chunks;

    fn poll(&mut self, batch: &mut Batch<RecordBatch>) -> Result<Poll> {
        let Some(bids) = self.0.next()? else { return Ok(Poll::End) };
        batch.push(bids, Timestamp::MIN); // rows have times of their own
        Ok(if self.0.chunks.is_over() { Poll::End } else { Poll::More })
    }

    fn watermark(&self) -> Timestamp {
        self.0.watermark()
    }

    fn checkpoint(&mut self) -> Result<Chunks> {
        Ok(self.0.chunks)
    }
}
