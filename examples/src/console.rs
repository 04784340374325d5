//! Reading and printing for the small programs: lines of JSON in, lines of JSON out.

use dataflow::prelude::*;
use dataflow::windows::watermark::WatermarkEstimator;
use dataflow_core::plane::Batch;
use dataflow_core::{Boundedness, Poll, Progress, Sink, SinkContext, SinkWriter, Source, SourceReader};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Write as _};
use std::marker::PhantomData;

/// Reads values from lines of JSON, and their timestamps from the values. Lines that are no values go to standard error.
pub struct ReadJson<T, F> {
    input: String,
    out_of_orderness: Duration,
    time: F,
    value: PhantomData<fn() -> T>,
}

impl<T, F: Fn(&T) -> Timestamp> ReadJson<T, F> {
    /// Reads a file, a glob, a folder, or `-` for standard input, where values come at most `out_of_orderness` later than
    /// others with a later `time`.
    pub fn of(input: &str, out_of_orderness: Duration, time: F) -> Self {
        ReadJson { input: input.to_owned(), out_of_orderness, time, value: PhantomData }
    }
}

impl<T, F> PTransform<Pipeline> for ReadJson<T, F>
where
    T: DeserializeOwned + Data,
    F: Fn(&T) -> Timestamp + Send + Sync + 'static,
{
    type Out = PCollection<T>;

    fn expand(self, pipeline: Pipeline) -> PCollection<T> {
        let time = self.time;
        let source = TextSource::new(self.input)
            .chunk_bytes(64) // a line or two
            .json::<T>()
            .with_timestamps(
                move |value| Some(time(value)),
                WatermarkEstimator::bounded_out_of_orderness(self.out_of_orderness),
            );
        let (values, bad) = pipeline.read("Read", LineByLine(source)).good_and_bad("Parse");
        bad.write("PrintBad", Console::Error);
        values
    }
}

/// A source that has nothing more for now after each batch, and few elements in it: so the watermark moves on with every
/// few lines of a file, as it does when lines come slowly. Leave it out where there is much to read.
struct LineByLine<S>(S);

impl<S: Source> Source for LineByLine<S> {
    type Element = S::Element;
    type Split = S::Split;
    type Reader = LineByLine<S::Reader>;

    fn boundedness(&self) -> Boundedness {
        self.0.boundedness()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn splits(&self, desired: usize) -> Result<Vec<S::Split>> {
        self.0.splits(desired)
    }

    fn lower_bound(&self, split: &S::Split) -> Timestamp {
        self.0.lower_bound(split)
    }

    fn open(&self, split: S::Split) -> Result<Self::Reader> {
        self.0.open(split).map(LineByLine)
    }
}

impl<R: SourceReader> SourceReader for LineByLine<R> {
    type Element = R::Element;
    type Split = R::Split;

    fn poll(&mut self, batch: &mut Batch<R::Element>) -> Result<Poll> {
        let poll = self.0.poll(batch)?;
        Ok(if poll == Poll::More && !batch.is_empty() { Poll::Pending } else { poll })
    }

    fn watermark(&self) -> Timestamp {
        self.0.watermark()
    }

    fn checkpoint(&mut self) -> Result<R::Split> {
        self.0.checkpoint()
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }

    fn position(&self) -> String {
        self.0.position()
    }
}

/// Prints elements as lines of JSON, as they come.
#[derive(Clone, Copy, Debug)]
pub enum Console {
    /// To standard output.
    Output,
    /// To standard error.
    Error,
}

impl<T: Data + Serialize> Sink<T> for Console {
    type Writer = Console;

    fn describe(&self) -> String {
        "JSON to the console".to_owned()
    }

    fn open(&self, _: SinkContext) -> Result<Console> {
        Ok(*self)
    }
}

impl<T: Data + Serialize> SinkWriter<T> for Console {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let mut lines = Vec::new(); // written at once, so that lines of several threads do not mix
        for value in &batch.values {
            serde_json::to_writer(&mut lines, value).map_err(Error::user)?;
            lines.push(b'\n');
        }
        let written = match self {
            Console::Output => io::stdout().write_all(&lines).and_then(|()| io::stdout().flush()),
            Console::Error => io::stderr().write_all(&lines),
        };
        match written {
            // A reader who has seen enough, as `head` has, is no error.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::io("the console cannot be written", error))
            }
            _ => Ok(()),
        }
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new()) // what is printed is printed
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
