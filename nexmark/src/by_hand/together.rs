//! What two threads have together.

use dataflow::prelude::Timestamp;
use std::sync::{Mutex, PoisonError};

/// What two threads put their partial results into. It is locked once a window or chunk, not once an event.
///
/// ```
/// use dataflow::prelude::Timestamp;
/// use nexmark::by_hand::Together;
///
/// let total = Together::new(0);
/// let at = Timestamp::from_seconds;
/// total.pass(0, at(60), |total, both| {
///     *total += 3; // what this thread has of the first minute
///     assert_eq!(both, Timestamp::MIN); // the other one may still have some
/// });
/// total.pass(1, at(61), |total, both| {
///     *total += 4;
///     assert_eq!((*total, both), (7, at(60)));
/// });
/// ```
pub struct Together<S>(Mutex<([Timestamp; 2], S)>);

impl<S> Together<S> {
    /// `state`, and two threads that have not begun.
    pub fn new(state: S) -> Self {
        Together(Mutex::new(([Timestamp::MIN; 2], state)))
    }

    /// Thread `me`, 0 or 1, has passed `watermark`: `work` puts what it has from before into the state, and does what is
    /// possible now that both threads have passed a watermark.
    pub fn pass<R>(&self, me: usize, watermark: Timestamp, work: impl FnOnce(&mut S, Timestamp) -> R) -> R {
        // After a panic nobody looks at the results.
        let (passed, state) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed[me] = watermark;
        let [a, b] = *passed;
        work(state, a.min(b))
    }
}
