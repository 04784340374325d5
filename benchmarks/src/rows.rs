//! Rows for measurements that own memory: about 200 bytes with their three strings, made as they are read.

use crate::events::random;
use dataflow_core::plane::Batch;
use dataflow_core::{Poll, Result, Source, SourceReader};
use dataflow_windows::Timestamp;

/// A bid of an auction.
#[derive(Clone)]
pub struct Row {
    /// The auction: half of them for one of the newest, half for any of the last hundred.
    pub auction: u64,
    /// Random.
    pub bidder: u64,
    /// Random.
    pub price: u64,
    /// In microseconds.
    pub time: i64,
    /// 6 letters.
    pub channel: String,
    /// 20 to 39 letters.
    pub url: String,
    /// 50 letters.
    pub extra: String,
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

/// Row number `i`, ten thousand a second.
#[inline]
pub fn row(i: u64) -> Row {
    let (r, newest) = (random(i), i / 16);
    Row {
        auction: if r & 1 == 0 { newest / 100 * 100 } else { newest.saturating_sub((r >> 8) % 100) },
        bidder: r >> 40,
        price: (r >> 16) & 0xFFFF,
        time: i as i64 * 100,
        channel: LETTERS[..6].to_owned(),
        url: LETTERS[..20 + (r >> 32) as usize % 20].to_owned(),
        extra: LETTERS[..50].to_owned(),
    }
}

/// Rows that follow each other and are read by one thread.
pub const STRETCH: u64 = 65_536;

/// So many rows.
pub struct Rows(pub u64);

/// Makes the rows from one number to another.
pub struct Reader {
    next: u64,
    end: u64,
}

impl Source for Rows {
    type Element = Row;
    type Split = (u64, u64);
    type Reader = Reader;

    fn splits(&self, _: usize) -> Result<Vec<(u64, u64)>> {
        Ok((0..self.0).step_by(STRETCH as usize).map(|from| (from, self.0.min(from + STRETCH))).collect())
    }

    fn lower_bound(&self, split: &(u64, u64)) -> Timestamp {
        Timestamp::from_micros(split.0 as i64 * 100)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<Reader> {
        Ok(Reader { next, end })
    }
}

impl SourceReader for Reader {
    type Element = Row;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<Row>) -> Result<Poll> {
        let n = (self.end - self.next).min(Batch::<Row>::target_len() as u64);
        let next = self.next;
        batch.fill(n as usize, |i| {
            let row = row(next + i as u64);
            let t = Timestamp::from_micros(row.time);
            (row, t)
        });
        self.next += n;
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }

    fn watermark(&self) -> Timestamp {
        Timestamp::from_micros(self.next as i64 * 100)
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.next, self.end))
    }
}
