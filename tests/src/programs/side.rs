//! Programs that look at a side input.

use super::{Line, list};
use dataflow_core::{Coded, PCollection};
use dataflow_exec::combiners::{Max, Sum};
use dataflow_exec::transforms::*;
use std::fmt::Display;

type Pairs = PCollection<(String, i64)>;

/// What the program with this name makes of its inputs; nothing if there is none.
pub fn looked_up<V: Coded + Display>(
    program: &str,
    main: &PCollection<(String, V)>,
    side: &Pairs,
) -> Option<PCollection<Line>> {
    let values = || side.map_ref("Values", |(_, value)| *value);
    let name = "LookUp";
    Some(match program {
        "side_sum" => {
            let sum = values().combine_globally("Sum", Sum::of(|n: &i64| *n)).as_singleton_view_or("Side", 0);
            main.map_with_side_input(name, &sum, say)
        }
        "side_singleton_default" => {
            let max = values().combine_globally("Max", Max::of(|n: &i64| *n)).filter_map_ref("Some", |max| *max);
            main.map_with_side_input(name, &max.as_singleton_view_or("Side", -1), say)
        }
        "side_latest" => main.map_with_side_input(name, &values().as_singleton_view_or("Side", -1), say),
        "side_iterable" => {
            let all = values().as_iterable_view("Side");
            main.map_with_side_input(name, &all, |pair, all| say(pair, &list(all.iter().copied())))
        }
        "side_map" => main.map_with_side_input(name, &side.as_map_view("Side"), |pair, map| {
            let mut entries: Vec<(&String, &i64)> = map.iter().collect();
            entries.sort();
            let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{k}={v}")).collect();
            say(pair, &format!("{{{}}}", entries.join(", ")))
        }),
        "side_multimap" => main.map_with_side_input(name, &side.as_multimap_view("Side"), |pair, map| {
            let mut entries: Vec<(&String, &[i64])> = map.iter().collect();
            entries.sort();
            let entry = |(k, v): &(&String, &[i64])| format!("{k}={}", list(v.iter().copied()));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            say(pair, &format!("{{{}}}", entries.join(", ")))
        }),
        _ => return None,
    })
}

fn say((key, value): &(String, impl Display), side: &impl Display) -> Line {
    (key.clone(), format!("{value} side={side}"))
}
