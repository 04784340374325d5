//! What results are compared by.

use crate::query::Row;
use dataflow::core::plane::Batch;
use dataflow::core::{Sink, SinkContext, SinkWriter};
use dataflow::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// How many results, and the sum of their [tallies](Row::tally): the same whatever order they come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(align(128))] // threads have one each
pub struct Total {
    /// How many.
    pub rows: u64,
    /// The sum of their tallies.
    pub tally: u64,
}

impl Total {
    /// Counts `row`.
    #[inline]
    pub fn add(&mut self, row: &impl Row) {
        self.rows += 1;
        self.tally = self.tally.wrapping_add(row.tally());
    }

    /// For a checkpoint.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.rows.to_le_bytes(), self.tally.to_le_bytes()].concat()
    }

    /// Of a checkpoint.
    pub(super) fn of_bytes(state: &[u8]) -> Self {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let (rows, tally) = state.split_at(state.len().min(8));
        Total { rows: number(rows), tally: number(tally) }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Total) -> Total {
        Total { rows: self.rows + other.rows, tally: self.tally.wrapping_add(other.tally) }
    }
}

/// A sink that reads its elements, and keeps no more than their [`Total`].
///
/// ```
/// use dataflow::prelude::*;
/// use nexmark::event::Event;
/// use nexmark::generator::{Config, Generator};
/// use nexmark::input::Filled;
/// use nexmark::measure::Tally;
///
/// let p = Pipeline::new("count");
/// let tally = Tally::default();
/// p.read("Events", Filled::new(Generator::new(Config::default()).into(), 1_000)).write("Tally", tally.clone());
/// p.run(&PipelineOptions::default())?.wait_until_finish()?;
/// assert_eq!(tally.total().rows, 1_000);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Total>>);

impl Tally {
    /// What all writers have counted that are closed.
    pub fn total(&self) -> Total {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Adds what a writer has counted.
    pub(super) fn add(&self, total: Total) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.and(total);
    }
}

/// Counts the elements of a thread.
pub struct TallyWriter {
    sink: Tally,
    total: Total,
}

impl<R: Row> Sink<R> for Tally {
    type Writer = TallyWriter;

    fn describe(&self) -> String {
        "counts".to_owned()
    }

    fn open(&self, _: SinkContext) -> Result<TallyWriter> {
        Ok(TallyWriter { sink: self.clone(), total: Total::default() })
    }
}

impl<R: Row> SinkWriter<R> for TallyWriter {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<R>) -> Result<()> {
        let mut total = self.total; // a local one stays in registers
        batch.look(|_, rows| rows.each(rows.len(), |row| total.add(row)));
        self.total = total;
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
