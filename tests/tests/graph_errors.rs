//! What is found when the graph is built: each row of the table in `docs/graph-errors.md` is shown by an example here.

#![allow(clippy::unwrap_used)]

use dataflow_core::state::{KeyContext, Value};
use dataflow_core::{BoxError, Element, KeyedDoFn, Output, Outputs, PCollection, Pipeline, TaggedDoFn, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::Way;
use dataflow_windows::{
    AfterAll, AfterCount, AfterProcessingTime, AfterWatermark, CalendarWindows, Duration, FixedWindows, GlobalWindows,
    Sessions, SlidingWindows, Trigger, WindowingStrategy,
};

/// A pipeline that is wrong, under the name of its row.
type Example = (&'static str, fn(&Pipeline));

const EXAMPLES: &[Example] = &[
    ("duplicate step names", |p| _ = numbers(p).map("Same", |n| n).map("Same", |n| n)),
    ("empty step name", |p| _ = numbers(p).map("", |n| n)),
    ("empty pipeline", |_| {}),
    ("pipeline run twice", |p| {
        numbers(p);
        Way::on(1).run(p).unwrap();
    }),
    ("two pipelines", |p| _ = numbers(p).flatten("Both", &[numbers(&Pipeline::new("other"))])),
    ("flatten of unlike windows", |p| _ = minutely(p).flatten("Both", &[p.create("Others", [2])])),
    ("join of unlike windows", |p| {
        let others = p.create("Others", [2]).window("Hourly", FixedWindows::of(Duration::hours(1)));
        _ = minutely(p).key_by("N", |n| *n).co_group_by_key("Join", &others.key_by("N", |n| *n));
    }),
    ("unbounded global window", |p| _ = stream(p).key_by("N", |n| *n).count("Count")),
    ("unsafe trigger", |p| _ = triggered(p, AfterCount::at_least(100))),
    ("unsafe late trigger", |p| _ = triggered(p, AfterWatermark::past_end_of_window())),
    ("trigger by no elements", |p| _ = triggered(p, Trigger::Repeatedly(Box::new(AfterCount::at_least(0).into())))),
    ("trigger of no triggers", |p| {
        _ = triggered(p, Trigger::Repeatedly(Box::new(AfterAll::of([Trigger::Never; 0]).into())))
    }),
    ("trigger with a negative delay", |p| {
        _ = triggered(p, Trigger::Repeatedly(Box::new(AfterProcessingTime::delay(Duration::seconds(-1)).into())));
    }),
    ("trigger aligned to nothing", |p| {
        let aligned = AfterProcessingTime::delay(Duration::ZERO).aligned_to(Duration::ZERO);
        _ = triggered(p, Trigger::Repeatedly(Box::new(aligned.into())));
    }),
    ("trigger that is too large", |p| {
        let parts = vec![Trigger::Default; 40];
        _ = triggered(p, Trigger::Repeatedly(Box::new(AfterAll::of(parts).into())));
    }),
    ("windows that are too small", |p| _ = numbers(p).window("Tiny", FixedWindows::of(Duration::micros(5)))),
    ("sliding windows that are too small", |p| {
        _ = numbers(p).window("Tiny", SlidingWindows::of(Duration::seconds(1)).every(Duration::ZERO));
    }),
    ("sessions that are too short", |p| _ = numbers(p).window("Tiny", Sessions::with_gap(Duration::ZERO))),
    ("sessions longer than they may be", |p| {
        let sessions = Sessions::with_gap(Duration::minutes(10)).max_length(Duration::minutes(5));
        _ = numbers(p).window("Sessions", sessions);
    }),
    ("calendar windows of nothing", |p| _ = numbers(p).window("Months", CalendarWindows::months(0))),
    ("calendar windows from no date", |p| {
        _ = numbers(p).window("Months", CalendarWindows::months(1).starting_on(2025, 2, 30));
    }),
    ("negative lateness", |p| {
        let strategy = WindowingStrategy::of(GlobalWindows).allowed_lateness(Duration::seconds(-1));
        _ = numbers(p).window("Global", strategy);
    }),
    ("state on merging windows", |p| {
        let sessions = numbers(p).window("Sessions", Sessions::with_gap(Duration::minutes(10)));
        _ = sessions.key_by("N", |n| *n).par_do_stateful("Count", Counting);
    }),
    ("side input of merging windows", |p| {
        let sessions = p.create("Side", [1]).window("Sessions", Sessions::with_gap(Duration::minutes(10)));
        let side = sessions.as_iterable_view("View");
        _ = minutely(p).map_with_side_input("Look", &side, |n, side| side.len() as i32 + n);
    }),
    ("windowed side input of the global window", |p| {
        let side = p.create("Side", [1]).window("Hourly", FixedWindows::of(Duration::hours(1)));
        _ = numbers(p).map_with_side_input("Look", &side.as_iterable_view("View"), |n, side| side.len() as i32 + n);
    }),
    ("deduplication of windowed elements", |p| _ = minutely(p).deduplicate("Once", Duration::days(1), |n| *n)),
    ("deduplication for no time", |p| _ = numbers(p).deduplicate("Once", Duration::ZERO, |n| *n)),
    ("refresh without a period", |p| _ = p.refresh_every("Rates", Duration::ZERO, |_| Ok(1))),
    ("outputs without names", |p| _ = numbers(p).par_do_tagged("Sort", Sorting)),
];

fn numbers(p: &Pipeline) -> PCollection<i32> {
    p.create("Numbers", [1])
}

fn minutely(p: &Pipeline) -> PCollection<i32> {
    numbers(p).window("Minutely", FixedWindows::of(Duration::minutes(1)))
}

fn stream(p: &Pipeline) -> PCollection<i32> {
    p.test_stream("Stream", &TestStream::new())
}

fn triggered(p: &Pipeline, trigger: impl Into<Trigger>) -> PCollection<(i32, u64)> {
    let strategy = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
        .triggering(trigger)
        .allowed_lateness(Duration::hours(1));
    stream(p).window("Minutely", strategy).key_by("N", |n| *n).count("Count")
}

#[derive(Clone)]
struct Sorting;

impl TaggedDoFn for Sorting {
    type In = i32;
    type Out = (i32, i32);
    const TAGS: &'static [&'static str] = &["even"];

    fn process(&mut self, n: Element<i32>, (mut even, _): Outputs<'_, Self::Out>) -> Result<(), BoxError> {
        even.emit(n.value);
        Ok(())
    }
}

#[derive(Clone, Default, StateRow)]
struct Seen {
    count: Value<u64>,
}

#[derive(Clone)]
struct Counting;

impl KeyedDoFn for Counting {
    type Key = i32;
    type In = i32;
    type Out = u64;
    type State = Seen;

    fn process(
        &mut self,
        _: &KeyContext<'_, i32>,
        _: Element<i32>,
        state: &mut Seen,
        out: &mut Output<'_, u64>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        out.emit(*state.count.or_default());
        Ok(())
    }
}

/// The rows of the table: what is wrong, and the message.
fn table() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/graph-errors.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = |line: &str| {
        let (row, message) = line.trim_start_matches("| ").split_once(" | ").unwrap();
        let message = message.strip_prefix("`` ").and_then(|m| m.strip_suffix(" `` |")).unwrap();
        (row.to_owned(), message.to_owned())
    };
    rows.map(cells).collect()
}

#[test]
fn every_graph_error_has_its_message() {
    let mut found = Vec::new();
    for (row, build) in EXAMPLES {
        let p = Pipeline::new("example");
        build(&p);
        let message = p.check().expect_err(row).to_string();
        found.push(((*row).to_owned(), message));
    }
    let told = table();
    let lines =
        |rows: &[(String, String)]| rows.iter().map(|(a, b)| format!("| {a} | `` {b} `` |\n")).collect::<String>();
    assert_eq!(lines(&found), lines(&told), "docs/graph-errors.md must have these rows:\n{}", lines(&found));
}
