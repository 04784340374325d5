//! Where elements come from: one protocol for bounded and unbounded input.
//!
//! A [`Source`] says which [splits](Source::splits) there are; a split is a *restriction* (which part of the input) with
//! a *position* (how far it is read). The engine opens a [`SourceReader`] on a split, polls it for batches, asks it for
//! its [watermark](SourceReader::watermark) and [progress](SourceReader::progress), and can at any time between two
//! polls take a [checkpoint](SourceReader::checkpoint), which is the split that is left to read, or
//! [split off](SourceReader::split) a part of it for somebody else to read. This is the contract of Beam's splittable
//! `DoFn` (<https://s.apache.org/splittable-do-fn>).

use crate::plane::{AnyBatch, Batch, Outbox, typed};
use crate::{Counter, Data, Result, coder};
use dataflow_windows::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// Whether a source or collection comes to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Boundedness {
    /// It ends.
    #[default]
    Bounded,
    /// It goes on for ever.
    Unbounded,
}

/// Where elements come from.
///
/// ```
/// use dataflow_core::plane::Batch;
/// use dataflow_core::{Poll, Result, Source, SourceReader};
/// use dataflow_windows::Timestamp;
///
/// /// The numbers below a limit.
/// struct Numbers(u64);
///
/// impl Source for Numbers {
///     type Element = u64;
///     type Split = (u64, u64); // next, end
///     type Reader = Reader;
///
///     fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
///         let size = self.0.div_ceil(desired as u64).max(1);
///         Ok((0..self.0).step_by(size as usize).map(|from| (from, self.0.min(from + size))).collect())
///     }
///
///     fn open(&self, (next, end): (u64, u64)) -> Result<Reader> {
///         Ok(Reader { next, end })
///     }
/// }
///
/// struct Reader { next: u64, end: u64 }
///
/// impl SourceReader for Reader {
///     type Element = u64;
///     type Split = (u64, u64);
///
///     fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
///         let n = (self.end - self.next).min(Batch::<u64>::target_len() as u64);
///         batch.fill(n as usize, |i| (self.next + i as u64, Timestamp::from_seconds((self.next + i as u64) as i64)));
///         self.next += n;
///         Ok(if self.next < self.end { Poll::More } else { Poll::End })
///     }
///
///     fn watermark(&self) -> Timestamp {
///         Timestamp::from_seconds(self.next as i64)
///     }
///
///     fn checkpoint(&mut self) -> Result<(u64, u64)> {
///         Ok((self.next, self.end))
///     }
/// }
/// ```
pub trait Source: Send + Sync + 'static {
    /// The elements.
    type Element: Data;
    /// A part of the input and how far it is read.
    type Split: Serialize + DeserializeOwned + Send + 'static;
    /// Reads a split.
    type Reader: SourceReader<Element = Self::Element, Split = Self::Split>;

    /// Whether it ends.
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    /// What is read, in a few words, for `explain()`.
    fn describe(&self) -> String {
        String::new()
    }

    /// Takes the counters it counts with, by their names; called when it becomes a step of a pipeline. They are the step's,
    /// beside those of the engine.
    fn count_with(&mut self, _counter: &dyn Fn(&str) -> Counter) {}

    /// Whether all splits are to be read at once, taking turns, since they bring elements of the same times. Splits of an
    /// unbounded source are, or one that never ends would keep others from being read at all; those of a bounded one are
    /// not unless it says so, and each thread then reads one after the other.
    fn reads_side_by_side(&self) -> bool {
        self.boundedness() == Boundedness::Unbounded
    }

    /// Cuts the input into splits, in the order in which they had best be read: about `desired` of them, or as many as
    /// suit the input. Called once, when the run starts.
    ///
    /// # Errors
    /// If the input is not there or cannot be read; the message says what to do.
    fn splits(&self, desired: usize) -> Result<Vec<Self::Split>>;

    /// A time before which no element of `split` is. A split that is not yet read holds the watermark there.
    fn lower_bound(&self, _split: &Self::Split) -> Timestamp {
        Timestamp::MIN
    }

    /// How much of `split` is left to read, in the unit of [`SourceReader::progress`], if that is easily known.
    fn size(&self, _split: &Self::Split) -> Option<u64> {
        None
    }

    /// Opens a split: a new one, or what was left of one at a checkpoint.
    ///
    /// # Errors
    /// If it cannot be read.
    fn open(&self, split: Self::Split) -> Result<Self::Reader>;
}

/// What came of a [`SourceReader::poll`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Poll {
    /// There may be more right now.
    More,
    /// There is nothing now, but there may be later.
    Pending,
    /// The split is read to its end.
    End,
}

/// How much of a split is read, in a unit of the source's choice (bytes, elements).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// How much is read.
    pub done: u64,
    /// How much it is in all, if that is known.
    pub total: Option<u64>,
}

/// Reads one split. It must not block for long: when nothing is there it returns [`Poll::Pending`].
pub trait SourceReader: Send + 'static {
    /// The elements.
    type Element: Data;
    /// As that of the [`Source`].
    type Split;

    /// Adds elements to the empty `batch`, about [`Batch::target_len`] of them at most.
    ///
    /// # Errors
    /// If the input cannot be read. Elements in the batch are then not used.
    fn poll(&mut self, batch: &mut Batch<Self::Element>) -> Result<Poll>;

    /// No element to come is before this time. A step back has no effect.
    fn watermark(&self) -> Timestamp {
        Timestamp::MIN
    }

    /// Whether nothing is to be expected for a while, so that nobody should wait for the [watermark](Self::watermark) of
    /// this split. Looked at when `poll` has returned [`Poll::Pending`], and so until it brings elements again. Elements
    /// that come then, behind a watermark that has gone on without them, are late.
    fn is_idle(&self) -> bool {
        false
    }

    /// What is left to read, after all that `poll` has returned so far.
    ///
    /// # Errors
    /// If the position cannot be told.
    fn checkpoint(&mut self) -> Result<Self::Split>;

    /// Gives away the last part of what is left (about `fraction` of it, between 0 and 1), or nothing if it cannot be
    /// divided. The reader itself then ends where the part begins.
    ///
    /// # Errors
    /// If the position cannot be told.
    fn split(&mut self, _fraction: f64) -> Result<Option<Self::Split>> {
        Ok(None)
    }

    /// How far it is.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Where the last batch was read, for error messages: "events.ndjson, bytes 0 to 65536".
    fn position(&self) -> String {
        String::new()
    }
}

/// A split as bytes, with the watermark it holds.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
pub struct ErasedSplit {
    /// The source's own split, encoded.
    pub bytes: Vec<u8>,
    /// No element left in the split is before this.
    pub watermark: Timestamp,
}

/// A [`Source`] of elements of some type.
pub trait ErasedSource: Send + Sync {
    /// See [`Source::boundedness`].
    fn boundedness(&self) -> Boundedness;
    /// See [`Source::describe`].
    fn describe(&self) -> String;
    /// See [`Source::reads_side_by_side`].
    fn reads_side_by_side(&self) -> bool {
        self.boundedness() == Boundedness::Unbounded
    }
    /// See [`Source::splits`].
    fn splits(&self, desired: usize) -> Result<Vec<ErasedSplit>>;
    /// See [`Source::size`].
    fn size(&self, split: &ErasedSplit) -> Option<u64>;
    /// See [`Source::open`].
    fn open(&self, split: &ErasedSplit) -> Result<Box<dyn ErasedReader>>;
}

/// A [`SourceReader`] of elements of some type.
pub trait ErasedReader: Send {
    /// See [`SourceReader::poll`]; the batch is taken from the outbox, but not sent.
    fn poll(&mut self, out: &mut Outbox) -> Result<(Poll, AnyBatch)>;
    /// See [`SourceReader::watermark`]; this one never goes back, also over a checkpoint.
    fn watermark(&self) -> Timestamp;
    /// See [`SourceReader::is_idle`].
    fn is_idle(&self) -> bool;
    /// See [`SourceReader::checkpoint`].
    fn checkpoint(&mut self) -> Result<ErasedSplit>;
    /// See [`SourceReader::split`].
    fn split(&mut self, fraction: f64) -> Result<Option<ErasedSplit>>;
    /// See [`SourceReader::progress`].
    fn progress(&self) -> Progress;
    /// See [`SourceReader::position`].
    fn position(&self) -> String;
}

struct Reading<R> {
    reader: R,
    watermark: Timestamp,
}

fn erase<S: Serialize>(split: &S, watermark: Timestamp) -> Result<ErasedSplit> {
    let mut bytes = Vec::new();
    coder::encode(split, &mut bytes)?;
    Ok(ErasedSplit { bytes, watermark })
}

impl<S: Source> ErasedSource for S {
    fn boundedness(&self) -> Boundedness {
        Source::boundedness(self)
    }

    fn describe(&self) -> String {
        Source::describe(self)
    }

    fn reads_side_by_side(&self) -> bool {
        Source::reads_side_by_side(self)
    }

    fn splits(&self, desired: usize) -> Result<Vec<ErasedSplit>> {
        let splits = Source::splits(self, desired.max(1))?;
        splits.iter().map(|split| erase(split, self.lower_bound(split))).collect()
    }

    fn size(&self, split: &ErasedSplit) -> Option<u64> {
        coder::decode(&mut &split.bytes[..]).ok().and_then(|split| Source::size(self, &split))
    }

    fn open(&self, split: &ErasedSplit) -> Result<Box<dyn ErasedReader>> {
        let reader = Source::open(self, coder::decode(&mut &split.bytes[..])?)?;
        Ok(Box::new(Reading { reader, watermark: split.watermark }))
    }
}

impl<R: SourceReader<Split: Serialize>> ErasedReader for Reading<R> {
    fn poll(&mut self, out: &mut Outbox) -> Result<(Poll, AnyBatch)> {
        let mut batch = out.empty::<R::Element>();
        let poll = self.reader.poll(typed(&mut *batch)?)?;
        self.watermark = self.watermark.max(self.reader.watermark());
        Ok((poll, batch))
    }

    fn watermark(&self) -> Timestamp {
        self.watermark
    }

    fn is_idle(&self) -> bool {
        self.reader.is_idle()
    }

    fn checkpoint(&mut self) -> Result<ErasedSplit> {
        erase(&self.reader.checkpoint()?, self.watermark)
    }

    fn split(&mut self, fraction: f64) -> Result<Option<ErasedSplit>> {
        // What this reader promised of all it had left holds for the part, too.
        self.reader.split(fraction)?.map(|part| erase(&part, self.watermark)).transpose()
    }

    fn progress(&self) -> Progress {
        self.reader.progress()
    }

    fn position(&self) -> String {
        self.reader.position()
    }
}
