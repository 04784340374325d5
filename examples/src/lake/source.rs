//! A [`Simulation`] as a source.

use bytes::Bytes;
use dataflow_core::plane::Batch;
use dataflow_core::windows::{PaneInfo, Timestamp, Window};
use dataflow_core::{Poll, Progress, Result, Source, SourceReader};

use super::raw_line::RawLine;
use super::simulate::Simulation;

/// Events of a split. There are many splits, so that the threads go through event time together.
const SPLIT: u64 = 1 << 16;

/// Room for a line, more than most need.
const LINE: usize = 192;

/// Reads the lines of a [`Simulation`] as if they came in over a network: slightly out of order, in several splits.
///
/// An element has the time before which no later one is; the event's own time is in the line, for the pipeline to find.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedSource(Simulation);

impl SimulatedSource {
    /// The lines of `simulation`.
    pub fn new(simulation: Simulation) -> Self {
        SimulatedSource(simulation)
    }
}

/// The numbers of the events from the first to before the second.
type Numbers = (u64, u64);

impl Source for SimulatedSource {
    type Element = RawLine;
    type Split = Numbers;
    type Reader = SimulatedReader;

    fn describe(&self) -> String {
        format!("{} simulated events", self.0.len())
    }

    fn splits(&self, _desired: usize) -> Result<Vec<Numbers>> {
        let n = self.0.len();
        Ok((0..n).step_by(SPLIT as usize).map(|from| (from, n.min(from + SPLIT))).collect())
    }

    fn lower_bound(&self, (next, _): &Numbers) -> Timestamp {
        self.0.lower_bound(*next)
    }

    fn size(&self, (next, end): &Numbers) -> Option<u64> {
        Some(end - next)
    }

    fn open(&self, (next, end): Numbers) -> Result<SimulatedReader> {
        Ok(SimulatedReader { simulation: self.0, first: next, next, end, chunk: Bytes::new(), ends: Vec::new() })
    }
}

/// Reads a split of a [`SimulatedSource`].
#[derive(Debug)]
pub struct SimulatedReader {
    simulation: Simulation,
    first: u64,
    next: u64,
    end: u64,
    /// A byte of the memory of the last batch, which is used again when nobody else has it any more.
    chunk: Bytes,
    ends: Vec<usize>,
}

impl SourceReader for SimulatedReader {
    type Element = RawLine;
    type Split = Numbers;

    fn poll(&mut self, batch: &mut Batch<RawLine>) -> Result<Poll> {
        let n = (self.end - self.next).min(Batch::<RawLine>::target_len() as u64);
        let numbers = self.next..self.next + n;
        let mut text = Vec::from(std::mem::take(&mut self.chunk));
        text.clear();
        text.reserve(n as usize * LINE);
        self.ends.clear();
        for number in numbers.clone() {
            self.simulation.line(number, &mut text);
            self.ends.push(text.len());
        }
        let chunk = Bytes::from(text);
        let mut start = 0;
        batch.values.extend(numbers.zip(&self.ends).map(|(number, &end)| {
            let bytes = chunk.slice(start..end);
            start = end;
            RawLine::Simulated { bytes, number }
        }));
        if n > 0 {
            self.chunk = chunk.slice(0..1);
            batch.set_uniform(self.simulation.lower_bound(self.next), Window::GLOBAL, PaneInfo::NO_FIRING);
        }
        self.next += n;
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }

    fn watermark(&self) -> Timestamp {
        self.simulation.lower_bound(self.next)
    }

    fn checkpoint(&mut self) -> Result<Numbers> {
        Ok((self.next, self.end))
    }

    fn split(&mut self, fraction: f64) -> Result<Option<Numbers>> {
        let left = self.end - self.next;
        let part = (left as f64 * fraction) as u64;
        if part == 0 || part == left {
            return Ok(None);
        }
        self.end -= part;
        Ok(Some((self.end, self.end + part)))
    }

    fn progress(&self) -> Progress {
        Progress { done: self.next - self.first, total: Some(self.end - self.first) }
    }

    fn position(&self) -> String {
        format!("simulate:before event {}", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a reader gives, and what it promised after each batch.
    fn read(source: SimulatedSource, split: Numbers) -> Vec<(u64, Vec<u8>)> {
        let mut reader = source.open(split).unwrap();
        let mut lines = Vec::new();
        let mut batch = Batch::default();
        loop {
            let promised = reader.watermark();
            let poll = reader.poll(&mut batch).unwrap();
            for (i, line) in batch.values.iter().enumerate() {
                let RawLine::Simulated { bytes, number } = line else { panic!("{line:?}") };
                assert!(batch.times.get(i) >= promised, "an element is late");
                if let Ok(event) = line.parse() {
                    assert!(event.ts >= batch.times.get(i), "an event is before its element");
                }
                lines.push((*number, bytes.to_vec()));
            }
            batch.clear();
            if poll == Poll::End {
                return lines;
            }
        }
    }

    #[test]
    fn all_lines_come_once_and_none_is_late() {
        let simulation = Simulation::new(200_000, 3);
        let source = SimulatedSource::new(simulation);
        let splits = source.splits(1).unwrap();
        assert!(splits.len() > 3);
        let lines: Vec<_> = splits.into_iter().flat_map(|split| read(source, split)).collect();
        let mut expected = Vec::new();
        for (i, (number, line)) in lines.iter().enumerate() {
            expected.clear();
            simulation.line(i as u64, &mut expected);
            assert_eq!((*number, line), (i as u64, &expected));
        }
        assert_eq!(lines.len() as u64, simulation.len());
    }

    #[test]
    fn a_part_that_is_split_off_is_read_by_another() {
        let source = SimulatedSource::new(Simulation::new(10_000, 3));
        let mut reader = source.open((0, 10_000)).unwrap();
        let mut batch = Batch::default();
        reader.poll(&mut batch).unwrap();
        let part = reader.split(0.5).unwrap().unwrap();
        let rest = reader.checkpoint().unwrap();
        assert_eq!((rest.0, rest.1, part.1), (batch.len() as u64, part.0, 10_000));
        assert_eq!(source.open((5, 6)).unwrap().split(0.5).unwrap(), None);
    }
}
