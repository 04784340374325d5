//! Events for engine and loop: the same ones, in the same chunks.

mod columns;
mod filled;
mod preloaded;
mod start;

pub use columns::{ColumnBids, ColumnBidsFeed, ColumnBidsReader, ColumnFeed};
pub use filled::{Filled, FilledEvents, FilledFeed, FilledReader};
pub use preloaded::{Preloaded, PreloadedFeed, PreloadedReader};
pub use start::Start;

use crate::event::Event;
use dataflow::core::plane::Batch;
use dataflow::prelude::Timestamp;
use serde::{Deserialize, Serialize};

/// How many events a chunk has: as many as a batch of the engine.
pub const CHUNK: u64 = Batch::<Event>::target_len() as u64;

/// How many events one thread reads before it is another's turn, when there are several: about 65,536.
pub const STRETCH: u64 = CHUNK * (65_536 / CHUNK);

/// The chunks that a feed or a reader has yet to give, as numbers of events.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Chunks {
    next: u64,
    /// Where the stretch ends. After it come as many events of others.
    stretch: u64,
    /// How long stretches are, and how many events of others come after one.
    len: u64,
    skip: u64,
    end: u64,
}

impl Chunks {
    /// All events from `next` to `end`.
    fn all(next: u64, end: u64) -> Self {
        Chunks { next, stretch: end, len: end, skip: 0, end }
    }

    /// Each `of`-th stretch of `len` events, beginning with number `me`.
    fn alternating(me: u64, of: u64, len: u64, end: u64) -> Self {
        let next = (me * len).min(end);
        Chunks { next, stretch: (next + len).min(end), len, skip: (of - 1) * len, end }
    }

    fn is_over(&self) -> bool {
        self.next >= self.end
    }

    /// From which event to which one the next chunk goes.
    fn next(&mut self) -> Option<(u64, u64)> {
        if self.is_over() {
            return None;
        }
        let chunk = (self.next, self.stretch.min(self.next + CHUNK));
        self.next = chunk.1;
        if self.next == self.stretch && self.next < self.end {
            self.next = (self.next + self.skip).min(self.end);
            self.stretch = (self.next + self.len).min(self.end);
        }
        Some(chunk)
    }

    /// Before which event nothing comes any more.
    fn watermark(&self, of: impl FnOnce(u64) -> Timestamp) -> Timestamp {
        if self.is_over() { Timestamp::MAX } else { of(self.next) }
    }
}

/// Which events are the splits of a source.
fn splits(events: u64, stretch: u64, desired: usize) -> Vec<(u64, u64)> {
    let size = if desired == 1 { events.max(1) } else { stretch };
    (0..events).step_by(size as usize).map(|from| (from, events.min(from + size))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use crate::generator::{Config, Generator};
    use dataflow::core::Source;
    use dataflow::prelude::*;
    use std::sync::Arc;

    fn generator() -> Arc<Generator> {
        Arc::new(Generator::new(Config { out_of_order_group: 1_000, ..Config::default() }))
    }

    fn sorted(mut events: Vec<Event>) -> Vec<Event> {
        events.sort();
        events
    }

    /// All events of a feed; none is behind a watermark.
    fn all(mut feed: impl Feed) -> Vec<Event> {
        let (mut all, mut now) = (Vec::new(), Timestamp::MIN);
        while let Some((events, watermark)) = feed.next_chunk() {
            let before = all.len();
            all.extend(events);
            assert!(all[before..].iter().all(|e| e.date_time() >= now));
            assert!(watermark >= now && all.len() <= before + CHUNK as usize);
            now = watermark;
        }
        assert!(all.is_empty() || now == Timestamp::MAX);
        all
    }

    #[test]
    fn one_feed_or_two_give_the_events_of_the_generator() {
        let generator = generator();
        for events in [1, CHUNK, 2 * STRETCH + 700] {
            let made: Vec<Event> = (0..events).map(|i| generator.event(i)).collect();
            let filled = Filled::new(generator.clone(), events);
            assert!(all(filled.feed()) == made);
            assert!(all(Preloaded::new(generator.clone(), events, 2).feed()) == made);
            let both = filled.feeds().map(all);
            assert!(both[0].len() as u64 <= both[1].len() as u64 + STRETCH);
            let preloaded = Preloaded::new(generator.clone(), events, 2).feeds();
            let threads = preloaded.map(|feed| std::thread::spawn(|| all(feed)));
            assert!(threads.map(|thread| thread.join().unwrap()) == both);
            assert!(sorted(both.concat()) == sorted(made));
        }
    }

    fn read(events: impl Source<Element = Event>, threads: u16) -> Vec<Event> {
        let p = Pipeline::new("test");
        let read = p.read("Read", events);
        let windows = read.window("Minutely", FixedWindows::of(Duration::millis(1))).key_by("Key", |e| e.date_time());
        let late = windows.count("Count").flat_map("Repeat", |(t, n)| vec![t; n as usize]).collect("Counted");
        let out = read.collect("Out");
        p.run(&PipelineOptions::default().with_threads(threads)).and_then(|mut run| run.wait_until_finish()).unwrap();
        let mut times: Vec<Timestamp> = out.sorted().iter().map(Event::date_time).collect();
        times.sort();
        assert!(late.sorted() == times, "no event is late");
        out.sorted()
    }

    #[test]
    fn the_engine_reads_what_a_loop_does() {
        let generator = generator();
        let events = 2 * STRETCH + 700;
        let made = sorted((0..events).map(|i| generator.event(i)).collect());
        for threads in [1, 2, 3] {
            assert!(read(Filled::new(generator.clone(), events), threads) == made);
            assert!(read(Preloaded::new(generator.clone(), events, threads.into()), threads) == made);
        }
    }
}
