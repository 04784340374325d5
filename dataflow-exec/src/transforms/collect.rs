//! The elements themselves, for tests and small results.

use super::Write;
use dataflow_core::plane::Batch;
use dataflow_core::{Data, Element, PCollection, Result, Sink, SinkContext, SinkWriter};
use std::sync::{Arc, Mutex, PoisonError};

/// `collect`: the elements themselves, for tests and small results.
pub trait Collect<T: Data> {
    /// Keeps all elements in memory, to be looked at when the run has ended.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// let p = Pipeline::new("doc");
    /// let squares = p.create("Numbers", vec![1, 2, 3]).map("Square", |n| n * n).collect("Squares");
    /// // p.run(..)?.wait_until_finish()?;
    /// let squares: Vec<i32> = squares.values();
    /// ```
    fn collect(&self, name: &str) -> Collected<T>;
}

impl<T: Data> Collect<T> for PCollection<T> {
    fn collect(&self, name: &str) -> Collected<T> {
        let collected = Collected(Arc::default());
        self.write(name, CollectSink(collected.clone()));
        collected
    }
}

/// The elements that a run has collected so far.
pub struct Collected<T>(Arc<Mutex<Vec<Element<T>>>>);

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Collected(self.0.clone())
    }
}

impl<T: Data> Collected<T> {
    /// The elements with timestamp, window and pane, in no particular order. They stay there.
    pub fn elements(&self) -> Vec<Element<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The values alone, in no particular order.
    pub fn values(&self) -> Vec<T> {
        self.elements().into_iter().map(|e| e.value).collect()
    }

    /// The values in order.
    pub fn sorted(&self) -> Vec<T>
    where
        T: Ord,
    {
        let mut values = self.values();
        values.sort();
        values
    }
}

struct CollectSink<T>(Collected<T>);

impl<T: Data> Sink<T> for CollectSink<T> {
    type Writer = CollectWriter<T>;

    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn open(&self, _: SinkContext) -> Result<CollectWriter<T>> {
        Ok(CollectWriter(self.0.clone()))
    }
}

struct CollectWriter<T>(Collected<T>);

impl<T: Data> SinkWriter<T> for CollectWriter<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        batch.explode();
        let values = std::mem::take(&mut batch.values);
        let elements = values.into_iter().enumerate().map(|(i, value)| Element::of(batch, i, value));
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).extend(elements);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
