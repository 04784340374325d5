//! Events that are made before the clock starts.

use super::{Chunks, ColumnBids, STRETCH, Start};
use crate::event::Event;
use crate::feed::Feed;
use crate::generator::Generator;
use dataflow::core::plane::Batch;
use dataflow::core::{Poll, Source, SourceReader};
use dataflow::prelude::*;
use std::sync::Arc;
use std::vec;

/// The first events of a generator, made before the clock [starts](Preloaded::start). They take about 280 bytes of
/// memory each.
///
/// As a source's elements are, they are made with their timestamps, in batches; a loop gets the events of a batch, and
/// finds their times in them.
///
/// Each thread makes the events that it is going to read, since freeing memory that another thread has allocated takes
/// about three times as long, and waits until the others have done so, too. Each reads alternating stretches; as a source
/// it has a split for each thread.
#[derive(Clone, Debug)]
pub struct Preloaded {
    generator: Arc<Generator>,
    events: u64,
    stretch: u64,
    threads: usize,
    start: Arc<Start>,
}

impl Preloaded {
    /// So many events. As a source they must be read on so many threads: each waits for the others.
    pub fn new(generator: Arc<Generator>, events: u64, threads: usize) -> Self {
        Preloaded { generator, events, stretch: STRETCH, threads: threads.max(1), start: Arc::default() }
    }

    /// With stretches of so many events: for tests that have few events.
    #[must_use]
    pub fn stretches_of(self, stretch: u64) -> Self {
        Preloaded { stretch: stretch.max(1), ..self }
    }

    /// The start: when all events are made.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The bids among them as columns, made before, too.
    pub fn columns(&self) -> ColumnBids {
        let Preloaded { generator, events, threads, start, stretch } = self.clone();
        ColumnBids { generator, events, threads, stretch, start, before: true }
    }

    /// All events, for a loop.
    pub fn feed(&self) -> PreloadedFeed {
        PreloadedFeed(Part::new(self, Chunks::all(0, self.events), 1))
    }

    /// Alternating stretches, for a loop on two threads.
    pub fn feeds(&self) -> [PreloadedFeed; 2] {
        let feed = |me| PreloadedFeed(Part::new(self, Chunks::alternating(me, 2, self.stretch, self.events), 2));
        [feed(0), feed(1)]
    }
}

/// The events of a thread.
struct Part {
    of: Preloaded,
    /// How many threads wait for each other.
    threads: usize,
    chunks: Chunks,
    /// The events of `chunks`, when they are made.
    made: Option<vec::IntoIter<Batch<Event>>>,
}

impl Part {
    fn new(of: &Preloaded, chunks: Chunks, threads: usize) -> Self {
        Part { of: of.clone(), threads, chunks, made: None }
    }

    /// Makes the events, on the thread that calls it, and waits until all have done so.
    fn load(&mut self) -> vec::IntoIter<Batch<Event>> {
        let Preloaded { generator, start, .. } = &self.of;
        let mut chunks = self.chunks;
        let batch = |(from, to)| {
            let mut batch = Batch::default();
            batch.swap_in(&mut (from..to).map(|i| generator.event(i)).collect(), Event::date_time);
            batch
        };
        let made: Vec<_> = start.making(|| std::iter::from_fn(|| chunks.next()).map(batch).collect());
        start.wait(self.threads);
        made.into_iter()
    }

    /// The next chunk.
    #[inline]
    fn next(&mut self) -> Option<Batch<Event>> {
        if self.made.is_none() {
            self.made = Some(self.load());
        }
        self.chunks.next()?;
        self.made.as_mut()?.next()
    }

    fn watermark(&self) -> Timestamp {
        self.chunks.watermark(|next| self.of.generator.watermark(next))
    }
}

/// Gives events to a loop.
pub struct PreloadedFeed(Part);

impl Feed for PreloadedFeed {
    type Events = vec::IntoIter<Event>;

    #[inline]
    fn next_chunk(&mut self) -> Option<(vec::IntoIter<Event>, Timestamp)> {
        let chunk = self.0.next()?;
        Some((chunk.values.into_iter(), self.0.watermark()))
    }
}

impl Source for Preloaded {
    type Element = Event;
    type Split = Chunks;
    type Reader = PreloadedReader;

    fn describe(&self) -> String {
        format!("{} events, made before", self.events)
    }

    fn splits(&self, _: usize) -> Result<Vec<Chunks>> {
        let threads = self.threads as u64;
        Ok((0..threads).map(|me| Chunks::alternating(me, threads, self.stretch, self.events)).collect())
    }

    fn lower_bound(&self, chunks: &Chunks) -> Timestamp {
        chunks.watermark(|next| self.generator.watermark(next))
    }

    fn open(&self, chunks: Chunks) -> Result<PreloadedReader> {
        let mut part = Part::new(self, chunks, self.threads);
        part.made = Some(part.load());
        Ok(PreloadedReader(part))
    }
}

/// Gives events to the engine.
pub struct PreloadedReader(Part);

impl SourceReader for PreloadedReader {
    type Element = Event;
    type Split = Chunks;

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let Some(chunk) = self.0.next() else { return Ok(Poll::End) };
        *batch = chunk;
        Ok(if self.0.chunks.is_over() { Poll::End } else { Poll::More })
    }

    fn watermark(&self) -> Timestamp {
        self.0.watermark()
    }

    fn checkpoint(&mut self) -> Result<Chunks> {
        Ok(self.0.chunks)
    }
}
