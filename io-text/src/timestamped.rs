//! A source whose elements tell their own time.

use dataflow_core::plane::{Batch, Bounds, Column};
use dataflow_core::windows::Timestamp;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::{Boundedness, Counter, Poll, Progress, Result, Source, SourceReader};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Gives timestamps to a batch of elements. One call per batch: what is behind it is compiled for the closure in it.
type Stamp<T> = Arc<dyn Fn(&[T], &mut WatermarkEstimator, &mut Vec<Timestamp>) -> Bounds + Send + Sync>;

/// A source that takes the timestamps of its elements from them; made by `with_timestamps` of the sources here.
///
/// An element without a timestamp gets the watermark of its split, so that it is never late. Each split has a watermark
/// of its own; the engine holds it back for splits that are not read yet.
pub struct Timestamped<S: Source> {
    source: S,
    stamp: Stamp<S::Element>,
    estimator: WatermarkEstimator,
}

impl<S: Source + Clone> Clone for Timestamped<S> {
    fn clone(&self) -> Self {
        Timestamped { source: self.source.clone(), stamp: self.stamp.clone(), estimator: self.estimator }
    }
}

/// A split of a [`Timestamped`] source.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TimestampedSplit<S> {
    split: S,
    /// What was made of the elements before it.
    watermark: Timestamp,
}

impl<S: Source> Timestamped<S> {
    pub(crate) fn new(
        source: S,
        timestamp: impl Fn(&S::Element) -> Option<Timestamp> + Send + Sync + 'static,
        estimator: WatermarkEstimator,
    ) -> Self {
        let stamp = move |elements: &[S::Element], estimator: &mut WatermarkEstimator, times: &mut Vec<Timestamp>| {
            let mut bounds = Bounds::EMPTY;
            times.extend(elements.iter().map(|element| {
                let time = timestamp(element).inspect(|time| estimator.observe(*time));
                let time = time.unwrap_or_else(|| estimator.watermark());
                bounds.add(time);
                time
            }));
            bounds
        };
        Timestamped { source, stamp: Arc::new(stamp), estimator }
    }
}

impl<S: Source> Source for Timestamped<S> {
    type Element = S::Element;
    type Split = TimestampedSplit<S::Split>;
    type Reader = TimestampedReader<S::Reader>;

    fn boundedness(&self) -> Boundedness {
        self.source.boundedness()
    }

    fn describe(&self) -> String {
        self.source.describe()
    }

    fn count_with(&mut self, counter: &dyn Fn(&str) -> Counter) {
        self.source.count_with(counter);
    }

    fn reads_side_by_side(&self) -> bool {
        self.source.reads_side_by_side()
    }

    fn splits(&self, desired: usize) -> Result<Vec<Self::Split>> {
        let splits = self.source.splits(desired)?.into_iter();
        Ok(splits.map(|split| TimestampedSplit { split, watermark: self.estimator.watermark() }).collect())
    }

    fn lower_bound(&self, split: &Self::Split) -> Timestamp {
        split.watermark
    }

    fn open(&self, TimestampedSplit { split, watermark }: Self::Split) -> Result<Self::Reader> {
        let mut estimator = self.estimator;
        estimator.set(watermark);
        Ok(TimestampedReader { reader: self.source.open(split)?, stamp: self.stamp.clone(), estimator })
    }
}

/// Reads a split of a [`Timestamped`] source.
pub struct TimestampedReader<R: SourceReader> {
    reader: R,
    stamp: Stamp<R::Element>,
    estimator: WatermarkEstimator,
}

impl<R: SourceReader> SourceReader for TimestampedReader<R> {
    type Element = R::Element;
    type Split = TimestampedSplit<R::Split>;

    fn poll(&mut self, batch: &mut Batch<R::Element>) -> Result<Poll> {
        // The timestamps' memory of an emptied batch is kept from the source, which would drop it.
        let mut times = match std::mem::replace(&mut batch.times, Column::Uniform(Timestamp::MIN)) {
            Column::PerElement(times) => times,
            Column::Uniform(_) => Vec::new(),
        };
        let poll = self.reader.poll(batch)?;
        times.clear();
        batch.bounds = (self.stamp)(&batch.values, &mut self.estimator, &mut times);
        batch.times = Column::PerElement(times);
        Ok(poll)
    }

    fn watermark(&self) -> Timestamp {
        self.estimator.watermark()
    }

    fn checkpoint(&mut self) -> Result<Self::Split> {
        Ok(TimestampedSplit { split: self.reader.checkpoint()?, watermark: self.estimator.watermark() })
    }

    fn split(&mut self, fraction: f64) -> Result<Option<Self::Split>> {
        let part = self.reader.split(fraction)?;
        // What is promised for all that is left holds for a part of it, too.
        Ok(part.map(|split| TimestampedSplit { split, watermark: self.estimator.watermark() }))
    }

    fn progress(&self) -> Progress {
        self.reader.progress()
    }

    fn position(&self) -> String {
        self.reader.position()
    }
}
