//! What a `PCollection` offers. Import all: `use dataflow_exec::transforms::*`, or the prelude of the facade.

pub mod assign;
mod broadcast;
mod co_group_by_key;
mod collect;
mod combine;
pub mod combine_globally;
mod combining_exchange;
mod create;
mod deduplicate;
mod exchange;
mod filter;
mod flat_map;
mod flatten;
mod group_by_key;
pub mod grouping;
mod hints;
mod key_by;
mod late_data;
mod lifted;
mod map;
mod par_do;
mod par_do_tagged;
mod processing_time;
mod refresh;
mod selected;
mod side_input;
mod sort_by_time;
pub(crate) mod stateful;
mod try_map;
mod write;

pub use assign::{AssignTimestamps, AssignWindows};
pub use broadcast::Broadcast;
pub use co_group_by_key::CoGroupByKey;
pub use collect::{Collect, Collected};
pub use combine::CombinePerKey;
pub use combine_globally::CombineGlobally;
pub use create::Create;
pub use deduplicate::Deduplicate;
pub use filter::Filter;
pub use flat_map::FlatMap;
pub use flatten::Flatten;
pub use group_by_key::GroupByKey;
pub use key_by::{ByFirst, ByFunction, KeyBy, Keyed, KeyedCollection, Keying};
pub use late_data::{LateData, WithLateData};
pub use map::Map;
pub use par_do::ParDo;
pub use par_do_tagged::ParDoTagged;
pub use processing_time::ProcessingTime;
pub use refresh::Refresh;
pub use side_input::{AsMapView, AsView, IterableView, MapView, MultimapView, SideInput, SideMap, SideMultimap};
pub use side_input::{SingletonView, View};
pub use sort_by_time::SortByTime;
pub use stateful::ParDoStateful;
pub use try_map::{DeadLetter, TryMap};
pub use write::Write;

/// What operators without state do about snapshots: nothing.
macro_rules! stateless {
    () => {
        fn snapshot(&mut self, _: &mut dataflow_core::plane::StateWriter) -> dataflow_core::Result<()> {
            Ok(())
        }
        fn restore(&mut self, _: dataflow_core::plane::StateReader<'_>) -> dataflow_core::Result<()> {
            Ok(())
        }
    };
}
use stateless;

/// The phantom of an operator's element types: keeps the operator `Send` whatever they are.
type Types<T> = std::marker::PhantomData<fn() -> T>;

/// An empty vector in the memory of `values`, if the elements are of the same size.
fn emptied<T, U>(values: Vec<T>) -> Vec<U> {
    values.into_iter().filter_map(|_| None).collect() // in place, as the standard library does it
}
