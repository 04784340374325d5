//! Reads a CSV file as values, and what is no value.

use dataflow::prelude::*;
use dataflow::text::BadRecord;
use dataflow_core::Data;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Reads CSV files with a header: gives the records as values, and those that are none with the reasons.
#[derive(Clone, Debug)]
pub struct ReadCsv<T> {
    pattern: String,
    value: PhantomData<fn() -> T>,
}

impl<T> ReadCsv<T> {
    /// Reads what `pattern` means: a file, a glob or a folder.
    pub fn of(pattern: &str) -> Self {
        ReadCsv { pattern: pattern.to_owned(), value: PhantomData }
    }
}

impl<T: DeserializeOwned + Data> PTransform<Pipeline> for ReadCsv<T> {
    type Out = (PCollection<T>, PCollection<BadRecord>);

    fn expand(self, pipeline: Pipeline) -> Self::Out {
        // No field holds a line break, so all threads read a file.
        pipeline.read("Read", TextSource::new(self.pattern).csv::<T>().split_lines()).good_and_bad("Parse")
    }
}
