//! What elements of a key come to where they are combined before they leave their thread.

use super::grouping::Arrival;
use dataflow_core::Data;
use dataflow_windows::{Timestamp, TimestampCombiner, Trigger, WindowingStrategy};

/// What some elements of a key came to that are in the same windows.
#[derive(Clone)]
pub(super) struct Lifted<K, C, N> {
    pub(super) key: K,
    pub(super) acc: C,
    pub(super) tally: N,
}

/// What else there is to know of the elements in a [`Lifted`].
pub(super) trait Tally: Data + Copy {
    /// Of no elements.
    const NONE: Self;
    /// Whether they can wait until the watermark is about to pass the end of a window, whatever their own times are.
    const WAITS: bool;

    /// An element at `t` is added; those before `watermark` are late.
    fn add(&mut self, t: Timestamp, watermark: Timestamp);

    /// What has come, as the grouping sees it. `t` is a time in their windows.
    fn arrival(self, t: Timestamp) -> Arrival;
}

/// The number of elements is enough where their times say nothing but which windows they are in.
impl Tally for u64 {
    const NONE: u64 = 0;
    const WAITS: bool = true;

    #[inline]
    fn add(&mut self, _: Timestamp, _: Timestamp) {
        *self += 1;
    }

    #[inline]
    fn arrival(self, t: Timestamp) -> Arrival {
        Arrival { elements: self, ..Arrival::of(t) }
    }
}

impl Tally for Arrival {
    const NONE: Arrival = Arrival::NONE;
    const WAITS: bool = false;

    #[inline]
    fn add(&mut self, t: Timestamp, watermark: Timestamp) {
        Arrival::add(self, Arrival::of(t).late_before(watermark));
    }

    #[inline]
    fn arrival(self, _: Timestamp) -> Arrival {
        self
    }
}

/// Whether nobody sees anything of a window before its end, and of its elements' times nothing at all.
pub(super) fn can_wait(strategy: &WindowingStrategy) -> bool {
    let early = match &strategy.trigger {
        Trigger::Default | Trigger::Never => false,
        Trigger::AfterWatermark { early, .. } => early.is_some(),
        _ => true,
    };
    !early && strategy.timestamp_combiner == TimestampCombiner::EndOfWindow
}
