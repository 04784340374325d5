//! A collection of given elements.

use dataflow_core::plane::Batch;
use dataflow_core::{Data, PCollection, Pipeline, Poll, Progress, Result, Source, SourceReader};
use dataflow_windows::Timestamp;
use std::sync::Arc;

/// `create`: a collection of given elements.
pub trait Create {
    /// A collection of `values`, which have the earliest timestamp there is.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let words = p.create("Words", vec!["beam", "flink"]);
    /// ```
    fn create<T: Data + Sync>(&self, name: &str, values: impl IntoIterator<Item = T>) -> PCollection<T>;

    /// A collection of `values` with their timestamps. The watermark reaches the end of time after the last of them.
    fn create_timestamped<T: Data + Sync>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = (T, Timestamp)>,
    ) -> PCollection<T>;
}

impl Create for Pipeline {
    fn create<T: Data + Sync>(&self, name: &str, values: impl IntoIterator<Item = T>) -> PCollection<T> {
        self.create_timestamped(name, values.into_iter().map(|v| (v, Timestamp::MIN)))
    }

    fn create_timestamped<T: Data + Sync>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = (T, Timestamp)>,
    ) -> PCollection<T> {
        self.read(name, Values(values.into_iter().collect::<Vec<_>>().into()))
    }
}

struct Values<T>(Arc<[(T, Timestamp)]>);

impl<T: Data + Sync> Source for Values<T> {
    type Element = T;
    type Split = (u64, u64);
    type Reader = ValuesReader<T>;

    fn describe(&self) -> String {
        format!("{} values", self.0.len())
    }

    fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
        let len = self.0.len() as u64;
        let size = len.div_ceil(desired as u64).max(Batch::<T>::target_len() as u64);
        Ok((0..len).step_by(size as usize).map(|from| (from, len.min(from + size))).collect())
    }

    fn size(&self, (next, end): &(u64, u64)) -> Option<u64> {
        Some(end - next)
    }

    fn open(&self, (next, end): (u64, u64)) -> Result<ValuesReader<T>> {
        Ok(ValuesReader { values: self.0.clone(), start: next, next, end })
    }
}

struct ValuesReader<T> {
    values: Arc<[(T, Timestamp)]>,
    start: u64,
    next: u64,
    end: u64,
}

impl<T: Data + Sync> SourceReader for ValuesReader<T> {
    type Element = T;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<T>) -> Result<Poll> {
        let n = (self.end - self.next).min(Batch::<T>::target_len() as u64);
        let values = &self.values[self.next as usize..(self.next + n) as usize];
        batch.fill(values.len(), |i| values[i].clone());
        self.next += n;
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }

    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.next, self.end))
    }

    fn split(&mut self, fraction: f64) -> Result<Option<(u64, u64)>> {
        let given = ((self.end - self.next) as f64 * fraction.clamp(0.0, 1.0)) as u64;
        let part = (self.end - given, self.end);
        self.end -= given;
        Ok((given > 0).then_some(part))
    }

    fn progress(&self) -> Progress {
        Progress { done: self.next - self.start, total: Some(self.end - self.start) }
    }

    fn position(&self) -> String {
        format!("values before number {}", self.next)
    }
}
