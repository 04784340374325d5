//! A naive model of what pipelines mean: the rules of `tests/conformance/README.md`, word for word, for one key and one
//! window at a time.
//!
//! It knows no batches, indexes or shared timers and is quadratic where that is simpler. It has nothing of the engine,
//! not even its types, so that both can agree only by being right, or by being wrong in the same way twice. All times
//! are milliseconds.

mod composed;
mod grouping;
mod programs;
mod side;
mod state;
mod trigger;
mod windows;

use crate::vectors::{Ending, Outcome, Vector};

/// What must come of a vector.
///
/// # Errors
/// If the vector has a program that the model does not know, or parameters are missing.
pub fn expect(vector: &Vector) -> Result<Ending, String> {
    match vector {
        Vector::Windowing(v) => Ok(match trigger::refused(&v.strategy) {
            Some(why) => Ending::Rejected(why),
            None => {
                let (panes, dropped) = grouping::group_by_key(&v.strategy, &v.events, 1);
                Ending::Outputs(Outcome::of(&panes, dropped))
            }
        }),
        Vector::Program(v) if v.program.starts_with("side_") => side::run(v),
        Vector::Program(v) => state::run(v),
    }
}

pub use composed::compose;
pub use grouping::group_by_key;
pub use side::without_expired_sides;
pub use trigger::refused;
