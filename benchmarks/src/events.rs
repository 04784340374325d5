//! Events for measurements: 48 bytes, made as they are read.

use dataflow_core::plane::Batch;
use dataflow_core::{Poll, Result, Source, SourceReader};
use dataflow_windows::{Duration, Timestamp};

/// An event of 48 bytes.
#[derive(Clone, Copy)]
pub struct Event {
    /// Its number.
    pub id: u64,
    /// Of 10,000 users, some far busier than others.
    pub user: u64,
    /// Its time, in microseconds.
    pub time: i64,
    /// Random.
    pub amount: u64,
    /// From 0 to 7.
    pub kind: u64,
    /// Random.
    pub spare: u64,
}

/// Event number `i`: a thousand a second, out of order by up to a second, some of 10,000 users far busier than others.
#[inline]
pub fn event(i: u64) -> Event {
    let (a, b, c) = (random(i), random(i ^ 0xA5A5_A5A5), random(i.rotate_left(32)));
    let u = (a >> 11) as f64 / (1u64 << 53) as f64;
    let time = i as i64 * 1_000 - (b >> 44) as i64; // up to 2^20 microseconds back
    Event { id: i, user: (u * u * u * 10_000.0) as u64, time, amount: b & 0xFFFFF, kind: c % 8, spare: c }
}

/// A number that looks random. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64).
#[inline]
pub fn random(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The windows that events are counted in.
pub const WINDOW: Duration = Duration::minutes(1);
/// No event is further out of order, in microseconds.
pub const LATEST: i64 = 1 << 20;

/// So many events.
pub struct Events(pub u64);

/// Makes the events from one number to another.
pub struct Reader {
    next: u64,
    end: u64,
}

impl Source for Events {
    type Element = Event;
    type Split = (u64, u64);
    type Reader = Reader;

    fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
        let size = if desired == 1 { self.0.max(1) } else { 65_536 };
        Ok((0..self.0).step_by(size as usize).map(|from| (from, self.0.min(from + size))).collect())
    }

    fn lower_bound(&self, split: &(u64, u64)) -> Timestamp {
        Timestamp::from_micros(split.0 as i64 * 1_000 - LATEST)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<Reader> {
        Ok(Reader { next, end })
    }
}

impl SourceReader for Reader {
    type Element = Event;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let n = (self.end - self.next).min(Batch::<Event>::target_len() as u64);
        let next = self.next;
        batch.fill(n as usize, |i| {
            let e = event(next + i as u64);
            (e, Timestamp::from_micros(e.time))
        });
        self.next += n;
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }

    fn watermark(&self) -> Timestamp {
        Timestamp::from_micros(self.next as i64 * 1_000 - LATEST)
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.next, self.end))
    }
}
