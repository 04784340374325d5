//! What holds a step's output watermark back.

use dataflow_windows::Timestamp;
use std::collections::BTreeMap;

/// Times that the output watermark must not pass, each as often as it was set.
#[derive(Default)]
pub(super) struct Holds(BTreeMap<Timestamp, u64>);

impl Holds {
    /// Changes the hold that a row has set.
    #[inline]
    pub(super) fn change(&mut self, from: &mut Option<Timestamp>, to: Option<Timestamp>) {
        if *from == to {
            return;
        }
        if let Some(t) = std::mem::replace(from, to)
            && let Some(n) = self.0.get_mut(&t)
        {
            *n -= 1;
            if *n == 0 {
                self.0.remove(&t);
            }
        }
        if let Some(t) = to {
            *self.0.entry(t).or_default() += 1;
        }
    }

    /// The least of all, or `MAX`.
    pub(super) fn min(&self) -> Timestamp {
        self.0.first_key_value().map_or(Timestamp::MAX, |(t, _)| *t)
    }
}
