//! One element for each, or a dead letter.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Cursor, Emitter, Operator};
use dataflow_core::{BoxError, Data, PCollection, Result, StepSpec};
use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::sync::Arc;

/// An element that a step could not deal with, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter<T, E = String> {
    /// The element as it came.
    pub element: T,
    /// Why it was rejected.
    pub error: E,
    /// The element's event time.
    pub timestamp: Timestamp,
}

/// `try_map`: one element for each, or a dead letter.
pub trait TryMap<T: Data> {
    /// Makes an element of each by a function that can fail. Gives the good ones and the dead letters: whole elements
    /// with the message of the error. Nothing is lost, and a bad element does not stop the run.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let texts = p.create("Texts", vec!["1".to_owned(), "two".to_owned()]);
    /// let (numbers, rejected) = texts.try_map("Parse", |t| t.parse::<i64>());
    /// ```
    fn try_map<O, E>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<O, E> + Send + Sync + 'static,
    ) -> (PCollection<O>, PCollection<DeadLetter<T>>)
    where
        O: Data,
        E: Into<BoxError> + 'static;

    /// As [`try_map`](Self::try_map), for errors that are values to work with: the dead letters have them as they are.
    fn try_map_typed<O, E>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<O, E> + Send + Sync + 'static,
    ) -> (PCollection<O>, PCollection<DeadLetter<T, E>>)
    where
        O: Data,
        E: Data;
}

impl<T: Data> TryMap<T> for PCollection<T> {
    fn try_map<O, E>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<O, E> + Send + Sync + 'static,
    ) -> (PCollection<O>, PCollection<DeadLetter<T>>)
    where
        O: Data,
        E: Into<BoxError> + 'static,
    {
        self.try_map_typed(name, move |t| f(t).map_err(|e| e.into().to_string()))
    }

    fn try_map_typed<O, E>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<O, E> + Send + Sync + 'static,
    ) -> (PCollection<O>, PCollection<DeadLetter<T, E>>)
    where
        O: Data,
        E: Data,
    {
        let f = Arc::new(f);
        let spec = StepSpec { tags: &["good", "dead_letters"], ..StepSpec::new(name, "ParDo") };
        self.apply_operator(spec, move |_| {
            Ok(TryMapOperator { f: f.clone(), rows: vec![], failed: vec![], types: PhantomData })
        })
    }
}

struct TryMapOperator<T, O, E, F> {
    f: Arc<F>,
    /// Which element each of the good ones is from.
    rows: Vec<u32>,
    failed: Vec<(u32, E)>,
    types: Types<(T, O)>,
}

impl<T, O, E, F> Operator for TryMapOperator<T, O, E, F>
where
    T: Data,
    O: Data,
    E: Data,
    F: Fn(&T) -> Result<O, E> + Send + Sync + 'static,
{
    type In = T;
    type Out = (O, DeadLetter<T, E>);

    const READS_ONLY: bool = true;

    fn batch(
        &mut self,
        input: &mut Batch<T>,
        (mut good, mut dead): (Emitter<'_, O>, Emitter<'_, DeadLetter<T, E>>),
    ) -> Result<()> {
        let (rows, failed) = (&mut self.rows, &mut self.failed);
        rows.clear();
        good.with(|o| {
            let mut cursor = Cursor::default();
            for (i, v) in input.values.iter().enumerate() {
                cursor.0 = i;
                match (self.f)(v) {
                    Ok(made) => {
                        o.values.push(made);
                        rows.push(i as u32);
                    }
                    Err(e) => failed.push((i as u32, e)),
                }
            }
            o.meta_of_rows(input, rows);
        })?;
        if failed.is_empty() {
            return Ok(());
        }
        dead.with(|o| {
            rows.clear();
            for (i, error) in failed.drain(..) {
                let (element, timestamp) = (input.values[i as usize].clone(), input.times.get(i as usize));
                o.values.push(DeadLetter { element, error, timestamp });
                rows.push(i);
            }
            o.meta_of_rows(input, rows);
        })
    }

    stateless!();
}
