//! Several steps that read one collection: who gets its elements, and who a copy of them.

#![allow(clippy::unwrap_used)]

use dataflow_core::{PCollection, Pipeline, PipelineOptions};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{AfterCount, Duration, FixedWindows, Repeatedly, SlidingWindows, Timestamp, Windowing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const N: u64 = 3_000;

/// An element that counts how often it is cloned.
struct Counted(u64, Arc<AtomicU64>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.1.fetch_add(1, Ordering::Relaxed);
        Counted(self.0, self.1.clone())
    }
}

/// How often elements are cloned in a pipeline, over those that a single step by value needs.
fn copies(way: Way, build: impl Fn(&PCollection<Counted>)) -> u64 {
    let clones = |build: &dyn Fn(&PCollection<Counted>)| {
        let (p, clones) = (Pipeline::new("test"), Arc::new(AtomicU64::new(0)));
        build(&p.create("Numbers", (0..N).map(|n| Counted(n, clones.clone()))));
        let before = clones.load(Ordering::Relaxed);
        way.run(&p).unwrap();
        clones.load(Ordering::Relaxed) - before
    };
    clones(&build) - clones(&|numbers| _ = numbers.map("Number", |n| n.0))
}

#[test]
fn steps_by_reference_need_no_copies_beside_one_by_value() {
    for way in WAYS {
        let copies = copies(way, |numbers| {
            numbers.map("ByValue", |n| n.0).collect("A");
            numbers.map_ref("Map", |n| n.0).collect("B");
            numbers.filter_map_ref("FilterMap", |n| (n.0 % 2 == 0).then_some(n.0)).collect("C");
            numbers.flat_map_ref("FlatMap", |n, out| (0..n.0 % 3).for_each(|i| out.emit(i))).collect("D");
            let (good, dead) = numbers.try_map("TryMap", |n| n.0.checked_sub(0).ok_or("less than nothing"));
            good.collect("E");
            dead.map("Dead", |d| d.timestamp).collect("F");
        });
        assert_eq!(copies, 0, "{way:?}");
    }
}

#[test]
fn of_several_steps_by_value_one_needs_no_copy() {
    for way in WAYS {
        let copies = copies(way, |numbers| {
            numbers.map_ref("Look", |n| n.0);
            numbers.map("First", |n| n.0);
            numbers.filter("Second", |n| n.0 % 2 == 0);
            numbers.update("Third", |n| n.0 += 1);
        });
        assert_eq!(copies, 2 * N, "{way:?}");
    }
}

#[test]
fn flattening_and_windowing_need_no_copies() {
    for way in WAYS {
        let copies = copies(way, |numbers| {
            let small = numbers.filter("Small", |n| n.0 < 100);
            let all = small.flatten("All", &[small.pipeline().create("None", Vec::<Counted>::new())]);
            let windowed = all.window("Window", FixedWindows::of(Duration::minutes(1)));
            windowed.map_ref("Look", |n| n.0).collect("Out");
        });
        assert_eq!(copies, 0, "{way:?}");
    }
}

/// Elements with times, windows and panes, in order.
fn all(collected: &Collected<u64>) -> Vec<String> {
    let mut all: Vec<_> = collected.elements().iter().map(|e| format!("{e:?} {}", e.window())).collect();
    all.sort();
    all
}

#[test]
fn forms_by_reference_give_what_those_by_value_give() {
    type Pair = (Collected<u64>, Collected<u64>);
    fn pairs(input: &PCollection<u64>) -> [Pair; 3] {
        [
            (input.map("A", |n| n + 1).collect("OutA"), input.map_ref("B", |n| n + 1).collect("OutB")),
            (
                input.filter_map("C", |n| (n % 3 == 1).then_some(n)).collect("OutC"),
                input.filter_map_ref("D", |n| (n % 3 == 1).then_some(*n)).collect("OutD"),
            ),
            (
                input.flat_map("E", |n| 0..n % 4).collect("OutE"),
                input.flat_map_ref("F", |n, out| (0..n % 4).for_each(|i| out.emit(i))).collect("OutF"),
            ),
        ]
    }
    in_every_way(
        |p| {
            let numbers = p.create_timestamped("Numbers", (0..N).map(|n| (n, Timestamp::from_seconds(n as i64))));
            let sliding = SlidingWindows::of(Duration::minutes(2)).every(Duration::minutes(1));
            let implied = numbers.window("Sliding", sliding);
            // These have windows and panes of their own.
            let each = Repeatedly::forever(AfterCount::at_least(20));
            let windowed =
                numbers.window("Fixed", FixedWindows::of(Duration::minutes(10)).triggering(each).discarding());
            let panes = windowed.key_by("Key", |n| n % 7).sum("Sum", |n| *n).map("Second", |sum| sum.1);
            [
                implied.apply("Implied", |input: PCollection<u64>| pairs(&input)),
                panes.apply("Panes", |input: PCollection<u64>| pairs(&input)),
            ]
        },
        |outputs, _, way| {
            for (by_value, by_reference) in outputs.iter().flatten() {
                assert!(!by_value.values().is_empty());
                assert_eq!(all(by_value), all(by_reference), "{way:?}");
            }
        },
    );
}

#[test]
fn explain_says_who_shares_elements_and_who_has_copies() {
    let p = Pipeline::new("orders");
    let orders = p.create("Orders", [("ann".to_owned(), 7u64), ("bob".to_owned(), 8)]);
    orders.map("Labels", |(name, n)| format!("{name} {n}")).collect("PrintLabels");
    orders.filter_map_ref("Large", |o| (o.1 > 7).then_some(o.1)).collect("Count");
    orders.update("Discount", |o| o.1 -= 1).group_by_key("ByName").collect("Invoices");
    orders.sum("PerName", |n| *n).collect("Bill");
    let one = r#"pipeline "orders" on 1 thread
stage 1: 10 steps, fused
  Orders [Read: 2 values]
      -> (String, u64), global window
  Labels [Map] <- Orders
      takes a copy of the elements of Orders, since Discount takes them, too
      -> String, global window
  PrintLabels [Write: memory] <- Labels
  Large [FlatMap] <- Orders
      reads the elements of Orders by reference, beside PerName, Labels and Discount
      -> u64, global window
  Count [Write: memory] <- Large
  Discount [Map] <- Orders
      takes the elements of Orders when Large, PerName and Labels have had them
      -> (String, u64), global window
"#;
    let text = p.explain(&PipelineOptions::default().with_threads(1));
    assert!(text.starts_with(one), "{text}");
    let two = r#"pipeline "orders" on 2 threads
stage 1: 6 steps, fused; elements go on to the thread of their key for ByName and PerName
  Orders [Read: 2 values]
      -> (String, u64), global window
  Labels [Map] <- Orders
      takes a copy of the elements of Orders, since Discount takes them, too
      -> String, global window
  PrintLabels [Write: memory] <- Labels
  Large [FlatMap] <- Orders
      reads the elements of Orders by reference, beside PerName, Labels and Discount
      -> u64, global window
  Count [Write: memory] <- Large
  Discount [Map] <- Orders
      takes the elements of Orders when PerName, Large and Labels have had them
      -> (String, u64), global window
stage 2: 2 steps, fused
  ByName [GroupByKey] <- Discount (exchange by key)
      -> (String, Vec<u64>), global window
  Invoices [Write: memory] <- ByName
stage 3: 2 steps, fused
  PerName [Combine.PerKey] <- Orders (combined before the exchange by key)
      reads the elements of Orders by reference, beside Large, Labels and Discount
      -> (String, u64), global window
  Bill [Write: memory] <- PerName
"#;
    // How groupings keep their state is told, too, but not the matter here.
    let text = p.explain(&PipelineOptions::default().with_threads(2));
    let text: Vec<_> = text.lines().filter(|line| !line.starts_with("      path: ")).collect();
    assert_eq!(text.join("\n"), two.trim_end());
}
