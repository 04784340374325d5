//! A program with a map, a set and an ordered list.

use super::{Context, Done, Line, Out, list, millis, say};
use dataflow_core::state::{Map, OrderedList, Set};
use dataflow_core::{Element, KeyedDoFn};
use dataflow_derive::StateRow;
use dataflow_windows::Duration;

#[derive(Default, StateRow)]
pub(super) struct Many {
    map: Map<i64, i64>,
    set: Set<i64>,
    list: OrderedList<i64>,
}

/// Puts elements in or takes them out, and says what there is.
#[derive(Clone)]
pub(super) struct Collections;

impl KeyedDoFn for Collections {
    type Key = String;
    type In = i64;
    type Out = Line;
    type State = Many;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut Many, out: &mut Out<'_>) -> Done {
        let (value, ts) = (element.value, element.timestamp);
        let m = value.abs() % 5;
        if value >= 0 {
            *state.map.or_default(m) += value;
            state.set.insert(value % 7);
            state.list.add(ts, value);
        } else {
            state.map.remove(&m);
            state.set.remove(&(value.abs() % 7));
            state.list.clear_range(ts - Duration::seconds(1)..ts);
        }
        let map: Vec<String> = state.map.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let entries: Vec<String> = state.list.iter().map(|(t, v)| format!("{}:{v}", millis(t))).collect();
        let set = list(state.set.iter().copied());
        let range = state.list.range(ts - Duration::seconds(2)..ts).count();
        let (map, entries) = (map.join(", "), entries.join(", "));
        let (has, empty) = (state.set.contains(&m), state.map.is_empty());
        say(c, out, format!("map={{{map}}} set={set} list=[{entries}] range={range} has={has} empty={empty}"));
        Ok(())
    }
}
