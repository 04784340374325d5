//! Events that are made before anybody asks for them.

use super::{CHUNK, Chunks, STRETCH, splits};
use crate::event::Event;
use crate::feed::Feed;
use crate::generator::Generator;
use dataflow::core::plane::Batch;
use dataflow::core::{Poll, Source, SourceReader};
use dataflow::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, thread, vec};

/// The first events of a generator, already made. Each can be read once: what reads it owns it then.
///
/// They take about 280 bytes of memory each.
#[derive(Clone, Debug)]
pub struct Preloaded {
    chunks: Arc<[Mutex<Vec<Event>>]>,
    generator: Arc<Generator>,
    events: u64,
}

impl Preloaded {
    /// Makes so many events on `threads` threads, which are gone afterwards: for the allocator the events belong to
    /// nobody then, so that none of those who read them has it easier than another.
    pub fn new(generator: Arc<Generator>, events: u64, threads: usize) -> Self {
        let chunks: Arc<[Mutex<Vec<Event>>]> = (0..events.div_ceil(CHUNK)).map(|_| Mutex::default()).collect();
        let threads = threads.max(1);
        thread::scope(|scope| {
            for me in 0..threads {
                let (chunks, generator) = (&chunks, &generator);
                scope.spawn(move || {
                    // Each makes stretches that belong together.
                    for (number, chunk) in chunks.iter().enumerate() {
                        let from = number as u64 * CHUNK;
                        if (from / STRETCH) as usize % threads == me {
                            let made = (from..events.min(from + CHUNK)).map(|i| generator.event(i)).collect();
                            *chunk.lock().unwrap_or_else(PoisonError::into_inner) = made;
                        }
                    }
                });
            }
        });
        Preloaded { chunks, generator, events }
    }

    /// All events, for a loop.
    pub fn feed(&self) -> PreloadedFeed {
        PreloadedFeed { events: self.clone(), chunks: Chunks::all(0, self.events) }
    }

    /// Alternating stretches, for a loop on two threads.
    pub fn feeds(&self) -> [PreloadedFeed; 2] {
        let feed = |me| PreloadedFeed { events: self.clone(), chunks: Chunks::alternating(me, 2, self.events) };
        [feed(0), feed(1)]
    }

    /// The chunk that begins with event `from`. Who asks for it again gets nothing.
    fn take(&self, from: u64) -> Vec<Event> {
        let chunk = &self.chunks[(from / CHUNK) as usize];
        mem::take(&mut *chunk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives events to a loop.
pub struct PreloadedFeed {
    events: Preloaded,
    chunks: Chunks,
}

impl Feed for PreloadedFeed {
    type Events = vec::IntoIter<Event>;

    #[inline]
    fn next_chunk(&mut self) -> Option<(vec::IntoIter<Event>, Timestamp)> {
        let (from, _) = self.chunks.next()?;
        let watermark = self.chunks.watermark(|next| self.events.generator.watermark(next));
        Some((self.events.take(from).into_iter(), watermark))
    }
}

impl Source for Preloaded {
    type Element = Event;
    type Split = (u64, u64);
    type Reader = PreloadedReader;

    fn describe(&self) -> String {
        format!("{} events, made before", self.events)
    }

    fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
        Ok(splits(self.events, desired))
    }

    fn lower_bound(&self, (next, _): &(u64, u64)) -> Timestamp {
        self.generator.watermark(*next)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<PreloadedReader> {
        Ok(PreloadedReader { events: self.clone(), chunks: Chunks::all(next, end) })
    }
}

/// Gives events to the engine.
pub struct PreloadedReader {
    events: Preloaded,
    chunks: Chunks,
}

impl SourceReader for PreloadedReader {
    type Element = Event;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let Some((from, _)) = self.chunks.next() else { return Ok(Poll::End) };
        batch.values = self.events.take(from);
        let mut bounds = batch.bounds;
        let times = batch.times.make_per_element(0);
        times.extend(batch.values.iter().map(|event| {
            let time = event.date_time();
            bounds.add(time);
            time
        }));
        batch.bounds = bounds;
        Ok(if self.chunks.next < self.chunks.end { Poll::More } else { Poll::End })
    }

    fn watermark(&self) -> Timestamp {
        self.chunks.watermark(|next| self.events.generator.watermark(next))
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.chunks.next, self.chunks.end))
    }
}
