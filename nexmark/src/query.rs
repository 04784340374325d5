//! What a query is.

use crate::event::Event;
use crate::feed::Feed;
use dataflow::prelude::{Data, PCollection};
use std::fmt::Debug;

/// A result of a query.
pub trait Row: Data + Sync + Ord + Debug {
    /// A number that is cheap to get from a row, and different for different ones as far as matters. The sum of these,
    /// and the number of rows, is what engine and loop are compared by in measurements; tests compare all rows.
    fn tally(&self) -> u64;
}

/// A query: the pipeline that a user would write, and the loop that it is measured against.
pub trait Query: Send + Sync + 'static {
    /// Its results.
    type Row: Row;

    /// `"q5"`.
    const NAME: &'static str;

    /// Which way the engine is to take, where there are several forms of a query: `"fast"`, `"general"` (early firings),
    /// `"by_ref"`, ... (NAME, PATH) is unique.
    const PATH: &'static str = "fast";

    /// What it answers, in one line.
    const QUESTION: &'static str;

    /// The pipeline. Timestamps are the event times. Results are final: what comes early, and is corrected later, must be
    /// left out at its end (or made equal to the loop's in another honest way).
    fn pipeline(events: &PCollection<Event>) -> PCollection<Self::Row>;

    /// The same by hand, on one thread: each result goes to `out`.
    fn by_hand(feed: impl Feed, out: impl FnMut(Self::Row));

    /// The same by hand on two threads: each has a part of the events (alternating stretches of time) and an `out`.
    fn by_hand_on_two<F: Feed, O: FnMut(Self::Row) + Send>(feeds: [F; 2], outs: [O; 2]);
}

/// Calls `$run!` with the types of all queries, in the order of their numbers.
///
/// A new query is a file in `queries/` and a line here.
#[macro_export]
macro_rules! for_all_queries {
    ($run:ident) => {
        $run! {
            $crate::queries::q0::Q0,
            $crate::queries::q0::Q0ByRef,
            $crate::queries::q1::Q1,
            $crate::queries::q1::Q1ByRef,
            $crate::queries::q2::Q2,
            $crate::queries::q2::Q2ByRef,
            $crate::queries::q3::Q3,
            $crate::queries::q4::Q4,
            $crate::queries::q5::Q5,
            $crate::queries::q5::Q5General,
            $crate::queries::q6::Q6,
            $crate::queries::q7::Q7,
            $crate::queries::q8::Q8,
            $crate::queries::q9::Q9,
            $crate::queries::q11::Q11,
            $crate::queries::q12::Q12,
            $crate::queries::q13::Q13,
            $crate::queries::q14::Q14,
            $crate::queries::q15::Q15,
            $crate::queries::q16::Q16,
            $crate::queries::q17::Q17,
            $crate::queries::q18::Q18,
            $crate::queries::q19::Q19,
            $crate::queries::q20::Q20,
            $crate::queries::q21::Q21,
            $crate::queries::q22::Q22,
        }
    };
}
