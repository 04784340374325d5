//! Which kind of state a grouping has.

use super::merging::MergingGroups;
use super::panes::PaneGroups;
use super::plain::PlainGroups;
use super::{Accumulate, Groups, Rules};
use dataflow_windows::WindowingStrategy;
use std::sync::Arc;

/// What is to be made with state of a kind that is chosen when the graph is built, such as a step: compiled once for each
/// kind.
pub trait WithGroups<A: Accumulate> {
    /// What is made.
    type Out;

    /// Makes it. `state` makes the state of one shard.
    fn with<S: Groups<A>>(self, state: impl Fn() -> S + Send + Sync + 'static) -> Self::Out;
}

/// Makes something with the kind of state that `windowing` asks for.
pub fn choose<A: Accumulate, W: WithGroups<A>>(windowing: &WindowingStrategy, make: W) -> W::Out {
    if windowing.is_plain() {
        return make.with(PlainGroups::default);
    }
    let windowing = windowing.clone();
    if windowing.is_merging() {
        make.with(move || MergingGroups::new(Arc::new(Rules::new(&windowing))))
    } else {
        make.with(move || PaneGroups::new(Arc::new(Rules::new(&windowing))))
    }
}
