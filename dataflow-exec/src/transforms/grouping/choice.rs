//! Which kind of state a grouping has.

use super::merging::MergingGroups;
use super::panes::PaneGroups;
use super::plain::PlainGroups;
use super::sessions::SessionGroups;
use super::slices::SlicedGroups;
use super::stacking::Stacking;
use super::subtracting::Subtracting;
use super::{Accumulate, Groups, Rules};
use dataflow_windows::{WindowFn, WindowingStrategy};
use std::sync::Arc;

/// What is to be made with state of a kind that is chosen when the graph is built, such as a step: compiled once for each
/// kind.
pub trait WithGroups<A: Accumulate> {
    /// What is made.
    type Out;

    /// Makes it. `state` makes the state of one shard.
    fn with<S: Groups<A>>(self, state: impl Fn() -> S + Send + Sync + 'static) -> Self::Out;
}

/// Makes something with the kind of state that `windowing` asks for, for values that are accumulated `by` something.
pub fn choose<A: Accumulate, W: WithGroups<A>>(by: &A, windowing: &WindowingStrategy, make: W) -> W::Out {
    if windowing.is_plain() {
        return make.with(PlainGroups::default);
    }
    if let WindowFn::Sliding(sliding) = windowing.window_fn
        && windowing.is_one_pane()
    {
        return match by.retracts() {
            true => make.with(move || SlicedGroups::<A, Subtracting<A>>::new(sliding)),
            false => make.with(move || SlicedGroups::<A, Stacking<A>>::new(sliding)),
        };
    }
    if let WindowFn::Sessions(sessions) = windowing.window_fn
        && windowing.is_one_pane()
    {
        return make.with(move || SessionGroups::new(sessions));
    }
    let windowing = windowing.clone();
    if windowing.is_merging() {
        make.with(move || MergingGroups::new(Arc::new(Rules::new(&windowing))))
    } else {
        make.with(move || PaneGroups::new(Arc::new(Rules::new(&windowing))))
    }
}
