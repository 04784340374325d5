//! What is found when the graph is built, and how the graph is shown.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Boundedness, PCollection, Pipeline, PipelineOptions, Poll, Result, Source, SourceReader};
use dataflow_exec::transforms::*;
use dataflow_windows::{
    AfterCount, AfterWatermark, Duration, FixedWindows, GlobalWindows, Repeatedly, Sessions, SlidingWindows,
    TimestampCombiner, WindowingStrategy,
};

fn wrong(build: impl FnOnce(&Pipeline)) -> String {
    let p = Pipeline::new("test");
    build(&p);
    p.check().unwrap_err().to_string()
}

#[test]
fn two_steps_of_one_name_are_refused() {
    let message = wrong(|p| {
        p.create("Numbers", [1]).map("Same", |n| n).map("Same", |n: i32| n).collect("Out");
    });
    let expected =
        "step \"Same\": there are two steps with this name; names identify steps over restarts, so give each its own";
    assert_eq!(message, expected);
}

#[test]
fn a_step_without_a_name_is_refused() {
    let message = wrong(|p| {
        p.create("Numbers", [1]).map("", |n| n).collect("Out");
    });
    assert_eq!(message, "step \"\" (a Map): a name must not be empty, nor have an empty part");
}

#[test]
fn a_function_is_applied_under_a_name() {
    let p = Pipeline::new("test");
    let twice = |n: PCollection<i32>| n.map("Double", |n| n * 2).map("Again", |n| n * 2);
    let numbers = p.create("Numbers", [1]);
    let out = numbers.apply("First", twice).flatten("Both", &[numbers.apply("Second", twice)]).collect("Out");
    assert!(p.explain(&PipelineOptions::default()).contains("  Second/Again [Map] <- Second/Double\n"));
    dataflow_tests::Way::on(2).run(&p).unwrap();
    assert_eq!(out.values(), [4, 4]);
}

#[test]
fn an_empty_pipeline_is_refused() {
    assert_eq!(wrong(|_| {}), "pipeline \"test\" has no steps: begin with `create` or `read`");
}

#[test]
fn inputs_windowed_differently_cannot_be_flattened() {
    let message = wrong(|p| {
        let (a, b) = (p.create("A", [1]), p.create("B", [2]));
        a.window("Minutely", FixedWindows::of(Duration::minutes(1))).flatten("Both", &[b]).collect("Out");
    });
    let expected = "step \"Both\": its inputs are windowed differently (fixed windows of 1m; global window): window them alike first";
    assert_eq!(message, expected);
}

#[test]
fn inputs_of_two_pipelines_cannot_meet() {
    let other = Pipeline::new("other");
    let message = wrong(|p| {
        p.create("A", [1]).flatten("Both", &[other.create("B", [2])]).collect("Out");
    });
    assert_eq!(message, "step \"Both\": its inputs are of different pipelines: build both on the same one");
}

#[test]
fn a_pipeline_with_an_input_of_another_can_be_explained() {
    let other = Pipeline::new("other");
    let (far, p) = (other.create("A", [1]).map("B", |n| n).map("C", |n| n), Pipeline::new("test"));
    let both = p.create("D", [1]).flatten("Both", std::slice::from_ref(&far));
    both.map_with_side_input("Look", &far.as_iterable_view("View"), |n, side| n + side.len()).collect("Out");
    assert!(p.explain(&PipelineOptions::default()).contains("Both [Flatten"));
    assert!(p.check().unwrap_err().message().contains("different pipelines"));
}

#[test]
fn too_small_windows_and_useless_lifetimes_are_refused_together() {
    let message = wrong(|p| {
        let numbers = p.create("Numbers", [1]);
        numbers.window("Tiny", FixedWindows::of(Duration::micros(5))).collect("Out");
        numbers.deduplicate("Never", Duration::ZERO, |n| *n).collect("Out2");
    });
    assert!(
        message.starts_with("2 things are wrong with the pipeline:\n  - step \"Tiny\": fixed windows of 5us"),
        "{message}"
    );
    assert!(message.contains("step \"Never\": a time to live of 0s drops nothing"), "{message}");
}

#[test]
fn deduplicating_windowed_elements_is_refused() {
    let message = wrong(|p| {
        let numbers = p.create("Numbers", [1]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        numbers.deduplicate("Once", Duration::days(1), |n| *n).collect("Out");
    });
    assert_eq!(
        message,
        "step \"Once\": its input is windowed, but ids are remembered over all time: deduplicate before `window`"
    );
}

#[test]
fn a_global_main_input_cannot_look_at_a_windowed_side_input() {
    let message = wrong(|p| {
        let side = p.create("Side", [(1, 2)]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let side = side.as_map_view("View");
        p.create("Numbers", [1]).map_with_side_input("Look", &side, |n, side| side.get(n).copied()).collect("Out");
    });
    let expected = "step \"Look\": its main input is in the global window, but its side input \"View\" in fixed windows \
                    of 1m, so there is no telling which of them to look at: use `window` on the main input first";
    assert_eq!(message, expected);
}

#[test]
fn sessions_cannot_be_a_side_input() {
    let message = wrong(|p| {
        let side = p.create("Side", [1]).window("Sessions", Sessions::with_gap(Duration::minutes(1)));
        let numbers = p.create("Numbers", [1]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        numbers.map_with_side_input("Look", &side.as_iterable_view("View"), |n, all| (*n, all.len())).collect("Out");
    });
    assert!(message.starts_with("step \"View\": its windows are sessions with a gap of 1m, which differ"), "{message}");
}

#[test]
fn explain_prints_the_graph_and_the_fused_stages() {
    let p = Pipeline::new("sales");
    let names = p.create("Names", [(1, "one".to_owned())]).as_map_view("View");
    let (good, dead) = p.create("Texts", ["1".to_owned()]).try_map("Parse", |t| t.parse::<i32>());
    let named = good.map_with_side_input("Name", &names, |n, names| (*n, names.get(n).cloned()));
    let minutely = named.window("Minutely", FixedWindows::of(Duration::minutes(1)));
    minutely.key_by("Number", |n| n.0).count("Count").collect("Out");
    dead.collect("Dead");
    let expected = r#"pipeline "sales" on 2 threads
stage 1: 2 steps, fused; elements go on to the thread of their key for View.group
  Names [Read: 1 values]
      -> (i32, String), global window
  View.panes [Map] <- Names
      -> (u32, (i32, String)), global window
stage 2: 2 steps, fused; elements go on to all threads for Name
  View.group [Combine.PerKey: by window] <- View.panes (combined before the exchange by key)
      path: fast (windows)
      -> ((), PerKey<i32, String>), global window
  View [View] <- View.group
      -> Option<Arc<SideMap<i32, String>>>, global window
stage 3: 5 steps, fused; elements go on to the thread of their key for Count
  Texts [Read: 1 values]
      -> String, global window
  Parse [ParDo] <- Texts
      -> good: i32, global window
      -> dead_letters: DeadLetter<String>, global window
  Name [ParDo] <- Parse.good <- View (broadcast) (side input)
      -> (i32, Option<String>), global window
  Minutely [Window.Assign] <- Name
      -> (i32, Option<String>), fixed windows of 1m
  Dead [Write: memory] <- Parse.dead_letters
stage 4: 2 steps, fused
  Count [Combine.PerKey: by Number] <- Minutely (combined before the exchange by key)
      path: fast (windows)
      -> (i32, u64), fixed windows of 1m
  Out [Write: memory] <- Count
"#;
    assert_eq!(p.explain(&PipelineOptions::default().with_threads(2)), expected);
    assert!(!p.explain(&PipelineOptions::default().with_threads(1)).contains("exchange"));
}

#[test]
fn grouping_what_never_ends_needs_windows() {
    struct Endless;
    struct Reader;
    impl Source for Endless {
        type Element = u64;
        type Split = ();
        type Reader = Reader;
        fn boundedness(&self) -> Boundedness {
            Boundedness::Unbounded
        }
        fn splits(&self, _: usize) -> Result<Vec<()>> {
            Ok(vec![()])
        }
        fn open(&self, (): ()) -> Result<Reader> {
            Ok(Reader)
        }
    }
    impl SourceReader for Reader {
        type Element = u64;
        type Split = ();
        fn poll(&mut self, _: &mut Batch<u64>) -> Result<Poll> {
            Ok(Poll::Pending)
        }
        fn checkpoint(&mut self) -> Result<()> {
            Ok(())
        }
    }
    let message = wrong(|p| {
        p.read("Read", Endless).key_by("Key", |n| *n).count("Count").collect("Out");
    });
    assert!(
        message.starts_with("step \"Count\": unbounded input in the global window would never give a result"),
        "{message}"
    );
    let p = Pipeline::new("test");
    let windowed = p.read("Read", Endless).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    windowed.key_by("Key", |n| *n).group_by_key("Group").collect("Out");
    p.check().unwrap();
}

#[test]
fn it_says_which_path_a_grouping_takes_and_why_no_faster_one() {
    let of = |windowing: WindowingStrategy| {
        let p = Pipeline::new("test");
        let windowed = p.create("Pairs", [(1u8, 1i64)]).window("Window", windowing);
        windowed.sum("Sum", |n| *n).collect("Sums");
        windowed.max("Max", |n| *n).collect("Maxima");
        let text = p.explain(&PipelineOptions::default());
        let path = |line: &str| line.trim().strip_prefix("path: ").map(ToOwned::to_owned);
        let [sum, max] = text.lines().filter_map(path).collect::<Vec<_>>().try_into().unwrap();
        assert!(sum == max || sum.starts_with("fast (slices"), "{sum} and {max}");
        (sum, max)
    };
    let sum_of = |windowing: WindowingStrategy| of(windowing).0;
    let minutes = || WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)));
    let sliding = || SlidingWindows::of(Duration::minutes(1)).every(Duration::seconds(10)).into();
    let end = AfterWatermark::past_end_of_window;
    let once = AfterCount::at_least(1);
    assert_eq!(sum_of(minutes()), "fast (windows)");
    assert_eq!(sum_of(GlobalWindows.into()), "fast (windows)");
    let (sum, max) = of(sliding());
    assert_eq!(sum, "fast (slices, subtracting)");
    assert_eq!(max, "fast (slices, merging), since values that were combined cannot be taken out again");
    let early = end().early(once);
    assert_eq!(sum_of(sliding().triggering(early)), "general (panes), since the trigger fires early");
    let late = minutes().triggering(end().late(once)).allowed_lateness(Duration::minutes(5));
    assert_eq!(sum_of(late), "general (panes), since elements may be late by 5m");
    assert_eq!(
        sum_of(minutes().triggering(Repeatedly::forever(once))),
        "general (panes), since the trigger repeatedly(after_count(1)) may fire before the end of the window"
    );
    let earliest = minutes().timestamp_combiner(TimestampCombiner::Earliest);
    assert_eq!(sum_of(earliest), "general (panes), since results have the earliest time of their elements");
    let sessions = WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1)));
    assert_eq!(sum_of(sessions.clone()), "fast (sessions)");
    let late = sessions.allowed_lateness(Duration::minutes(5));
    assert_eq!(sum_of(late), "general (windows by key), since elements may be late by 5m");
}
