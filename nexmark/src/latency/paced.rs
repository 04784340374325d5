//! Events that come when they are due.

use crate::event::Event;
use crate::generator::Generator;
use crate::input::Start;
use dataflow::core::plane::Batch;
use dataflow::core::{Poll, Source, SourceReader};
use dataflow::prelude::*;
use std::sync::{Arc, OnceLock};
use std::time::{Duration as Span, Instant};

/// When events are due on the clock.
#[derive(Clone, Debug)]
pub struct Times {
    generator: Arc<Generator>,
    events: u64,
    splits: u64,
    /// Event time goes on so many times as fast as the clock.
    speed: f64,
    started: Arc<OnceLock<Instant>>,
}

impl Times {
    /// How long after the start it is `time` on the clock of event time.
    pub fn at(&self, time: Timestamp) -> Span {
        let since = (time - self.generator.due(0)).as_micros().max(0);
        Span::from_secs_f64(since as f64 / 1e6 / self.speed)
    }

    /// How long after the start event number `i` is due.
    fn due(&self, i: u64) -> Span {
        self.at(self.generator.due(i))
    }

    /// The time since the start, which is when this is called first.
    pub(super) fn elapsed(&self) -> Span {
        self.started.get_or_init(Instant::now).elapsed()
    }

    /// How long after the start the watermark could be at `time`: when the last split has an event that says so. `None` if
    /// it gets there only because all events have come.
    pub fn past(&self, time: Timestamp) -> Option<Span> {
        let (mut from, mut to) = (0, self.events);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.generator.watermark(middle) < time { from = middle + 1 } else { to = middle }
        }
        let last = from + self.splits - 1;
        (last < self.events).then(|| self.due(last))
    }
}

/// Events that come at a fixed rate on the clock. They are dealt out to as many splits as there are threads. Each thread
/// reads one: they wait for each other before they begin.
#[derive(Clone, Debug)]
pub struct Paced(Times, Arc<Start>);

impl Paced {
    /// So many events. Event time, and with it the rate that the generator is configured for, goes on `speed` times as fast
    /// as the clock.
    pub fn new(generator: Arc<Generator>, events: u64, speed: f64, threads: u16) -> Self {
        let splits = u64::from(threads.max(1));
        let times = Times { generator, events, splits, speed: speed.max(1e-6), started: Arc::default() };
        Paced(times, Arc::default())
    }

    /// When events are due.
    pub fn times(&self) -> &Times {
        &self.0
    }
}

impl Source for Paced {
    type Element = Event;
    type Split = u64;
    type Reader = PacedReader;

    fn describe(&self) -> String {
        format!("{} events, when they are due", self.0.events)
    }

    fn splits(&self, _: usize) -> Result<Vec<u64>> {
        Ok((0..self.0.splits).collect())
    }

    fn lower_bound(&self, next: &u64) -> Timestamp {
        self.0.generator.watermark(*next)
    }

    fn open(&self, next: u64) -> Result<PacedReader> {
        self.1.wait(self.0.splits as usize);
        Ok(PacedReader { times: self.0.clone(), next })
    }
}

/// Gives events when they are due.
pub struct PacedReader {
    times: Times,
    next: u64,
}

impl SourceReader for PacedReader {
    type Element = Event;
    type Split = u64;

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let Times { generator, events, splits, .. } = &self.times;
        let now = self.times.elapsed();
        let is_due = |i: u64| i < *events && self.times.due(i) <= now;
        let most = Batch::<Event>::target_len() as u64;
        let due = (0..most).take_while(|n| is_due(self.next + n * splits)).count() as u64;
        batch.fill(due as usize, |n| {
            let event = generator.event(self.next + n as u64 * splits);
            let time = event.date_time();
            (event, time)
        });
        self.next += due * splits;
        Ok(match due {
            _ if self.next >= *events => Poll::End,
            n if n == most => Poll::More,
            _ => Poll::Pending,
        })
    }

    /// What the last event tells: unlike the generator, nobody knows the next one before it comes.
    fn watermark(&self) -> Timestamp {
        let Times { generator, events, splits, .. } = &self.times;
        match self.next.checked_sub(*splits) {
            _ if self.next >= *events => Timestamp::MAX,
            Some(last) => generator.watermark(last),
            None => Timestamp::MIN,
        }
    }

    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.next)
    }
}
