//! Records that were read, and those that could not be.

use dataflow_core::{BoxError, Data, Element, Outputs, PCollection, TaggedDoFn};
use dataflow_exec::transforms::ParDoTagged;
use io_text::{BadRecord, Parsed};
use std::marker::PhantomData;

/// `good_and_bad`: the records of a typed text source, and what could not be read as one.
pub trait GoodAndBad<T: Data> {
    /// The records, and beside them the lines that are none, whole and with the reason.
    ///
    /// ```no_run
    /// use dataflow::prelude::*;
    ///
    /// #[derive(Clone, serde::Deserialize)]
    /// struct Sale { region: String, cents: u64 }
    ///
    /// let p = Pipeline::new("sales");
    /// let (sales, bad) = p.read("Read", TextSource::new("sales.ndjson").json::<Sale>()).good_and_bad("Split");
    /// bad.write("DeadLetters", TextSink::json("dead-letters"));
    /// ```
    fn good_and_bad(&self, name: &str) -> (PCollection<T>, PCollection<BadRecord>);
}

impl<T: Data> GoodAndBad<T> for PCollection<Parsed<T>> {
    fn good_and_bad(&self, name: &str) -> (PCollection<T>, PCollection<BadRecord>) {
        self.par_do_tagged(name, Split(PhantomData))
    }
}

struct Split<T>(PhantomData<fn() -> T>);

impl<T> Clone for Split<T> {
    fn clone(&self) -> Self {
        Split(PhantomData)
    }
}

impl<T: Data> TaggedDoFn for Split<T> {
    type In = Parsed<T>;
    type Out = (T, BadRecord);
    const TAGS: &'static [&'static str] = &["good", "bad"];

    fn process(
        &mut self,
        record: Element<Parsed<T>>,
        (mut good, mut bad): Outputs<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        match record.value {
            Parsed::Good(value) => good.emit(value),
            Parsed::Bad(record) => bad.emit(*record),
        }
        Ok(())
    }
}
