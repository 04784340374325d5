//! Events that are made when they are asked for.

use super::{Chunks, ColumnBids, STRETCH, Start, splits};
use crate::event::Event;
use crate::feed::Feed;
use crate::generator::Generator;
use dataflow::core::plane::Batch;
use dataflow::core::{Poll, Source, SourceReader};
use dataflow::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// The first events of a generator, made on the way.
///
/// ```
/// use dataflow::prelude::*;
/// use nexmark::generator::{Config, Generator};
/// use nexmark::input::Filled;
///
/// let events = Filled::new(Generator::new(Config::default()).into(), 1_000);
/// let p = Pipeline::new("bids");
/// let bids = p.read("Events", events).key_by("Kind", |e| e.bid().is_some()).count("Count").collect("Counts");
/// p.run(&PipelineOptions::default())?.wait_until_finish()?;
/// assert_eq!(bids.sorted(), [(false, 80), (true, 920)]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filled {
    generator: Arc<Generator>,
    events: u64,
    stretch: u64,
    start: Arc<Start>,
}

impl Filled {
    /// So many events.
    pub fn new(generator: Arc<Generator>, events: u64) -> Self {
        Filled { generator, events, stretch: STRETCH, start: Arc::default() }
    }

    /// With stretches, and splits, of so many events: for tests that have few events.
    #[must_use]
    pub fn stretches_of(self, stretch: u64) -> Self {
        Filled { stretch: stretch.max(1), ..self }
    }

    /// The start of a run that is measured.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The bids among them as columns, made as they are read, too.
    pub fn columns(&self) -> ColumnBids {
        let Filled { generator, events, start, stretch } = self.clone();
        ColumnBids { generator, events, threads: 1, stretch, start, before: false }
    }

    /// All events, for a loop.
    pub fn feed(&self) -> FilledFeed {
        FilledFeed { generator: self.generator.clone(), chunks: Chunks::all(0, self.events) }
    }

    /// Alternating stretches, for a loop on two threads.
    pub fn feeds(&self) -> [FilledFeed; 2] {
        let feed = |me| {
            let chunks = Chunks::alternating(me, 2, self.stretch, self.events);
            FilledFeed { generator: self.generator.clone(), chunks }
        };
        [feed(0), feed(1)]
    }
}

/// Makes events for a loop.
pub struct FilledFeed {
    generator: Arc<Generator>,
    chunks: Chunks,
}

impl Feed for FilledFeed {
    type Events = FilledEvents;

    #[inline]
    fn next_chunk(&mut self) -> Option<(FilledEvents, Timestamp)> {
        let (from, to) = self.chunks.next()?;
        let watermark = self.chunks.watermark(|next| self.generator.watermark(next));
        Some((FilledEvents { generator: self.generator.clone(), numbers: from..to }, watermark))
    }
}

/// Makes the events of a chunk.
pub struct FilledEvents {
    generator: Arc<Generator>,
    numbers: Range<u64>,
}

impl Iterator for FilledEvents {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        self.numbers.next().map(|i| self.generator.event(i))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}

impl Source for Filled {
    type Element = Event;
    type Split = (u64, u64);
    type Reader = FilledReader;

    fn describe(&self) -> String {
        format!("{} events, made as they are read", self.events)
    }

    fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
        Ok(splits(self.events, self.stretch, desired))
    }

    fn lower_bound(&self, (next, _): &(u64, u64)) -> Timestamp {
        self.generator.watermark(*next)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<FilledReader> {
        Ok(FilledReader { of: self.clone(), chunks: Chunks::all(next, end) })
    }
}

/// Makes events for the engine.
pub struct FilledReader {
    of: Filled,
    chunks: Chunks,
}

impl SourceReader for FilledReader {
    type Element = Event;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let Some((from, to)) = self.chunks.next() else { return Ok(Poll::End) };
        let Filled { generator, start, .. } = &self.of;
        start.making(|| {
            batch.fill((to - from) as usize, |i| {
                let event = generator.event(from + i as u64);
                let time = event.date_time();
                (event, time)
            })
        });
        Ok(if self.chunks.is_over() { Poll::End } else { Poll::More })
    }

    fn watermark(&self) -> Timestamp {
        self.chunks.watermark(|next| self.of.generator.watermark(next))
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.chunks.next, self.chunks.end))
    }
}
