//! Values that were combined before they are exchanged.

use super::Arrival;
use dataflow_core::Result;
use dataflow_core::plane::{Batch, StateReader, StateWriter};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowingStrategy};

/// Elements of a window that were combined in advance.
#[derive(Clone, Debug)]
pub struct Partial<A> {
    /// What is known of them.
    pub acc: A,
    /// How many they are, and the times of those that were not late.
    pub arrival: Arrival,
}

/// What is to be combined when there are no elements: in the global window there is always a result, for which one shard
/// adds an accumulator of nothing.
pub struct OfNothing {
    due: bool,
    watermark: Timestamp,
}

impl OfNothing {
    /// For a step of a collection with this windowing, on this shard.
    pub fn new(windowing: &WindowingStrategy, shard: usize) -> Self {
        let is_global = windowing.window_fn == dataflow_windows::WindowFn::Global && windowing.is_plain();
        OfNothing { due: is_global && shard == 0, watermark: Timestamp::MIN }
    }

    /// The watermark of the step's input.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// The watermark has come to `watermark`: adds what is due to `out`.
    pub fn advance<A>(&mut self, watermark: Timestamp, create: impl FnOnce() -> A, out: &mut Batch<((), Partial<A>)>) {
        self.watermark = watermark;
        if self.due && watermark == Timestamp::MAX {
            self.due = false;
            let nothing = Partial { acc: create(), arrival: Arrival::NONE };
            out.push_in(((), nothing), Window::GLOBAL.max_timestamp(), Window::GLOBAL, PaneInfo::NO_FIRING);
        }
    }

    /// Writes its state.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        to.shard(&self.due)
    }

    /// Takes up state.
    ///
    /// # Errors
    /// If it is not that of such a step.
    pub fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        // The shard that is to add an accumulator of nothing may have done so before.
        self.due &= from.all_shards::<bool>()?.contains(&true);
        Ok(())
    }
}
