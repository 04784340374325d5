//! Which kind of state a grouping has.

use super::merging::MergingGroups;
use super::panes::PaneGroups;
use super::plain::PlainGroups;
use super::sessions::SessionGroups;
use super::slices::SlicedGroups;
use super::stacking::Stacking;
use super::subtracting::Subtracting;
use super::{Accumulate, Groups, Rules};
use dataflow_core::graph::Path;
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
    let is_merging = windowing.is_merging();
    if windowing.is_one_pane() {
        match windowing.window_fn {
            WindowFn::Sliding(sliding) if by.retracts() => {
                return make.with(move || SlicedGroups::<A, Subtracting<A>>::new(sliding));
            }
            WindowFn::Sliding(sliding) => return make.with(move || SlicedGroups::<A, Stacking<A>>::new(sliding)),
            WindowFn::Sessions(sessions) if is_merging => return make.with(move || SessionGroups::new(sessions)),
            _ if !is_merging => return make.with(PlainGroups::default),
            _ => {}
        }
    }
    let windowing = windowing.clone();
    match is_merging {
        true => make.with(move || MergingGroups::new(Arc::new(Rules::new(&windowing)))),
        false => make.with(move || PaneGroups::new(Arc::new(Rules::new(&windowing)))),
    }
}

/// What [`choose`] chooses, and why nothing faster, for `explain()`.
pub fn path<A: Accumulate>(by: &A, windowing: &WindowingStrategy) -> Path {
    match (windowing.why_several_panes(), &windowing.window_fn) {
        (Some(why), _) if windowing.is_merging() => Path::since("general (windows by key)", why),
        (Some(why), _) => Path::since("general (panes)", why),
        (None, WindowFn::Sliding(_)) if by.retracts() => Path::fastest("fast (slices, subtracting)"),
        (None, WindowFn::Sliding(_)) => {
            Path::since("fast (slices, merging)", "values that were combined cannot be taken out again")
        }
        (None, WindowFn::Sessions(_)) if windowing.is_merging() => Path::fastest("fast (sessions)"),
        (None, _) if windowing.is_merging() => {
            Path::since("general (windows by key)", "windows of a function of the user become one")
        }
        (None, _) => Path::fastest("fast (windows)"),
    }
}
