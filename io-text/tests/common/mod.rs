//! A tiny driver: reads sources the way a runner does, on one thread.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test uses a part of it

use dataflow_core::plane::{Batch, ErasedBatch};
use dataflow_core::{Poll, Result, Source, SourceReader, coder};
use std::time::{Duration, Instant};

/// Everything a source has, split after split.
pub fn read_all<S: Source>(source: &S, desired: usize) -> Result<Vec<S::Element>> {
    let mut all = vec![];
    for split in source.splits(desired)? {
        all.extend(read_split(source, split)?);
    }
    Ok(all)
}

/// Everything a split has.
pub fn read_split<S: Source>(source: &S, split: S::Split) -> Result<Vec<S::Element>> {
    let mut reader = source.open(split)?;
    let (mut all, mut error) = (vec![], None);
    while error.is_none() {
        match poll(&mut reader) {
            Ok((elements, last)) => {
                all.extend(elements);
                if last {
                    break;
                }
            }
            Err(e) => error = Some(e),
        }
    }
    error.map_or(Ok(all), Err)
}

/// What a split has up to its end or the error that ends it.
pub fn read_until_error<S: Source>(source: &S, split: S::Split) -> (Vec<S::Element>, Option<dataflow_core::Error>) {
    let mut all = vec![];
    let mut reader = match source.open(split) {
        Ok(reader) => reader,
        Err(e) => return (all, Some(e)),
    };
    loop {
        match poll(&mut reader) {
            Ok((elements, last)) => {
                all.extend(elements);
                if last {
                    return (all, None);
                }
            }
            Err(e) => return (all, Some(e)),
        }
    }
}

/// Polls until something comes, or the end.
pub fn poll_some<R: SourceReader>(reader: &mut R) -> Result<(Vec<R::Element>, bool)> {
    loop {
        let (elements, last) = poll(reader)?;
        if last || !elements.is_empty() {
            return Ok((elements, last));
        }
    }
}

/// One poll that is not pending: elements, maybe none, and whether they are the last.
pub fn poll<R: SourceReader>(reader: &mut R) -> Result<(Vec<R::Element>, bool)> {
    let begun = Instant::now();
    let mut batch = Batch::default();
    loop {
        match reader.poll(&mut batch)? {
            Poll::Pending => {
                assert!(batch.is_empty(), "pending with elements");
                assert!(begun.elapsed() < Duration::from_secs(20), "nothing came");
                std::thread::sleep(Duration::from_millis(1));
            }
            poll => {
                assert_columns(&batch);
                return Ok((batch.values, poll == Poll::End));
            }
        }
    }
}

fn assert_columns<T: Clone + Send + 'static>(batch: &Batch<T>) {
    for i in 0..ErasedBatch::len(batch) {
        let time = batch.times.get(i);
        assert!(batch.bounds.min <= time && time <= batch.bounds.max, "{time} is out of {:?}", batch.bounds);
    }
}

/// A split after a trip through bytes, as in a checkpoint.
pub fn through_bytes<T: serde::Serialize + serde::de::DeserializeOwned>(split: T) -> T {
    let mut bytes = vec![];
    coder::encode(&split, &mut bytes).unwrap();
    coder::decode(&mut &bytes[..]).unwrap()
}
