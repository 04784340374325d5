//! Pipelines with columns: conversions, transforms, and what is told of mistakes.

#![allow(clippy::unwrap_used)]

use dataflow_arrow::array::cast::AsArray;
use dataflow_arrow::array::types::{Int64Type, TimestampMillisecondType};
use dataflow_arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt64Array, record_batch,
};
use dataflow_arrow::{Aggregate, ArrowRow, Columns, ReadColumns, ToColumns};
use dataflow_core::{PCollection, Pipeline, PipelineOptions, Result, TestStream};
use dataflow_exec::transforms::*;
use dataflow_windows::{Duration, FixedWindows, SlidingWindows, Timestamp, WindowFn};
use runner_direct::DirectRunner;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, PartialOrd, ArrowRow)]
struct Visit {
    page: String,
    seconds: Option<f64>,
    tags: Vec<String>,
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, PartialOrd, ArrowRow)]
struct Counted {
    count: u64,
}

fn visits() -> Vec<Visit> {
    let visit = |page: &str, seconds, tags: &[&str], ms| Visit {
        page: page.to_owned(),
        seconds,
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        at: Timestamp::from_millis(ms),
    };
    vec![visit("/", None, &[], -1), visit("", Some(0.5), &["a", "b"], 0), visit("/faq", None, &["a"], 61_000)]
}

fn run(p: &Pipeline) -> Result<()> {
    p.run_on(&DirectRunner::new().handle_signals(false), &PipelineOptions::default().with_threads(2))?
        .wait_until_finish()
}

/// The elements of a collection, in order.
fn sorted<T: Clone + Send + Sync + PartialOrd + 'static>(rows: &PCollection<T>) -> Vec<T> {
    let collected = rows.collect("Out");
    run(rows.pipeline()).unwrap();
    let mut rows: Vec<T> = collected.elements().into_iter().map(|e| e.value).collect();
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
    rows
}

fn mistake(build: impl FnOnce(&Columns)) -> String {
    let p = Pipeline::new("test");
    build(&p.create("Rows", visits()).to_columns("Columns"));
    p.check().unwrap_err().to_string()
}

fn failure(build: impl FnOnce(&Pipeline) -> Columns) -> String {
    let p = Pipeline::new("test");
    build(&p).to_batches("Batches").collect("Out");
    run(&p).unwrap_err().to_string()
}

#[test]
fn rows_come_back_from_columns_with_their_nulls_lists_times_and_windows() {
    let p = Pipeline::new("test");
    let timed = p.create_timestamped("Rows", visits().into_iter().map(|v| (v.clone(), v.at)));
    let back = timed
        .window("Window", SlidingWindows::of(Duration::seconds(2)).every(Duration::seconds(1)))
        .to_columns("Columns")
        .to_rows::<Visit>("Back")
        .map_element("Look", |e| (e.timestamp, e.window().start(), e.value));
    let found = sorted(&back);
    let mut expected = Vec::new();
    for visit in visits() {
        let second = visit.at.as_millis().div_euclid(1_000);
        for start in [second - 1, second] {
            expected.push((visit.at, Timestamp::from_seconds(start), visit.clone()));
        }
    }
    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(found, expected);
}

#[test]
fn batches_without_rows_and_slices_of_batches_are_batches() {
    let all: ArrayRef = Arc::new(Int64Array::from(vec![Some(9), None, Some(1), Some(2), None, Some(4)]));
    let batch = RecordBatch::try_from_iter_with_nullable([("n", all, true)]).unwrap();
    let parts = [batch.slice(1, 3), batch.slice(0, 0), batch.slice(5, 1)];
    let p = Pipeline::new("test");
    let numbers = p.create_columns("Numbers", batch.schema(), parts);
    let some = numbers.filter("Some", |rows| {
        Ok(BooleanArray::from_iter(rows["n"].as_primitive::<Int64Type>().iter().map(|n| Some(n? > 1))))
    });
    let none = numbers.filter("None", |rows| Ok(BooleanArray::from(vec![false; rows.num_rows()])));
    #[derive(Clone, Debug, PartialEq, PartialOrd, ArrowRow)]
    struct Number {
        n: Option<i64>,
    }
    #[derive(Clone, Debug, PartialEq, ArrowRow)]
    struct Totals {
        count: u64,
        sum_n: i64,
        min_n: Option<i64>,
    }
    let totals = |columns: &Columns, name: &str| {
        columns.aggregate(name, [Aggregate::count(), Aggregate::sum("n"), Aggregate::min("n")])
    };
    let all = totals(&numbers, "OfAll").to_rows::<Totals>("All").collect("AllOut");
    let nothing = totals(&none, "OfNone").to_rows::<Totals>("Nothing").collect("NothingOut");
    let numbers = numbers.to_rows::<Number>("Rows").collect("RowsOut");
    let found = sorted(&some.to_rows::<Number>("SomeRows"));
    assert_eq!(found.iter().map(|number| number.n).collect::<Vec<_>>(), [Some(2), Some(4)]);
    assert_eq!(numbers.elements().len(), 4);
    let value = |totals: &Collected<Totals>| totals.elements().into_iter().map(|e| e.value).collect::<Vec<_>>();
    assert_eq!(value(&all), [Totals { count: 4, sum_n: 7, min_n: Some(1) }]);
    assert_eq!(value(&nothing), [Totals { count: 0, sum_n: 0, min_n: None }]);
}

#[test]
fn columns_are_made_chosen_and_replaced() {
    let batch = record_batch!(("a", Int64, [1, 2]), ("b", Utf8, ["x", "y"])).unwrap();
    let p = Pipeline::new("test");
    let made = p
        .create_columns("Batch", batch.schema(), [batch])
        .with_column("Twice", "a", |rows| {
            Ok(Arc::new(rows["a"].as_primitive::<Int64Type>().unary::<_, Int64Type>(|a| 2 * a)))
        })
        .with_nullable_column("Half", "half", |rows| {
            let halves = rows["a"].as_primitive::<Int64Type>().iter().map(|a| a.filter(|a| a % 4 == 0).map(|a| a / 4));
            Ok(Arc::new(Int64Array::from_iter(halves)))
        })
        .select("Select", ["half", "a"])
        .map_batches("Rename", |rows| {
            RecordBatch::try_from_iter_with_nullable([
                ("h", rows["half"].clone(), true),
                ("a", rows["a"].clone(), false),
            ])
        });
    #[derive(Clone, Debug, PartialEq, PartialOrd, ArrowRow)]
    struct Row {
        h: Option<i64>,
        a: i64,
    }
    assert_eq!(sorted(&made.to_rows::<Row>("Rows")), [Row { h: None, a: 2 }, Row { h: Some(1), a: 4 }]);
}

#[test]
fn aggregates_are_of_any_type_of_number_and_of_strings_and_times() {
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![f32::NAN, 1.5, -2.5, f32::NAN]));
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![5, -5, 7, 0]));
    let bytes: ArrayRef = Arc::new(dataflow_arrow::array::UInt8Array::from(vec![200, 100, 250, 255]));
    let strings: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), None]));
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1 << 63, 7]));
    let keys: ArrayRef = Arc::new(BooleanArray::from(vec![true, true, true, false]));
    let columns = [("f", floats), ("t", times), ("b", bytes), ("s", strings), ("l", large), ("k", keys)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, c)| (name, c, name == "s"))).unwrap();
    let p = Pipeline::new("test");
    let of = ["f", "t", "b", "s", "l"].map(|c| [Aggregate::min(c), Aggregate::max(c)]).concat();
    let means = [Aggregate::sum("b"), Aggregate::mean("b"), Aggregate::sum("f"), Aggregate::max("l").named("top")];
    let all = p
        .create_columns("Batch", batch.schema(), [batch])
        .group_by(["k"])
        .aggregate("All", of.into_iter().chain(means));
    let out = all.to_batches("Batches").collect("Out");
    run(&p).unwrap();
    let rows = out.elements().into_iter().map(|e| e.value);
    let rows = rows.map(|b| (0..b.num_rows()).map(|i| b.slice(i, 1)).collect::<Vec<_>>());
    let rows: Vec<RecordBatch> = rows.flatten().filter(|b| b["k"].as_boolean().value(0)).collect();
    let [row] = &rows[..] else { panic!("there is one row for the key") };
    let text = |column: &str| {
        let options = dataflow_arrow::array::Array::to_data(&row[column]);
        format!("{:?}", dataflow_arrow::array::make_array(options)).split_whitespace().collect::<String>()
    };
    let expected = [
        ("min_f", "-2.5"),
        ("max_f", "1.5"),
        ("min_b", "100"),
        ("max_b", "250"),
        ("min_s", "\"a\""),
        ("max_s", "\"b\""),
        ("min_l", "0"),
        ("max_l", "18446744073709551615"),
        ("top", "18446744073709551615"),
        ("sum_b", "550"),
    ];
    for (column, value) in expected {
        assert!(text(column).ends_with(&format!("[{value},]")), "{column}: {}", text(column));
    }
    let ms = |column: &str| row[column].as_primitive::<TimestampMillisecondType>().value(0);
    assert_eq!((ms("min_t"), ms("max_t")), (-5, 7));
    assert!(text("mean_b").contains("183.33"));
    assert!(text("sum_f").contains("NaN"), "a sum with NaN is NaN, as everywhere");
}

#[test]
fn a_source_of_batches_has_times_of_a_column_and_windows_by_them() {
    let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1_000, 59_000, 61_000]));
    let batch = RecordBatch::try_from_iter([("at", at)]).unwrap();
    let p = Pipeline::new("test");
    let visits = p.create_columns("Visits", batch.schema(), [batch]).with_timestamps("Time", "at");
    let counts =
        visits.window("Minutely", FixedWindows::of(Duration::minutes(1))).aggregate("Count", [Aggregate::count()]);
    #[derive(Clone, Debug, PartialEq, ArrowRow)]
    struct Count {
        count: u64,
    }
    let counts = counts.to_rows::<Count>("Rows").map_element("Look", |e| (e.window().start(), e.value.count));
    assert_eq!(sorted(&counts), [(Timestamp::from_seconds(0), 2), (Timestamp::from_seconds(60), 1)]);
}

#[test]
fn rows_that_are_left_by_a_filter_are_aggregated_in_their_own_windows() {
    let at = TimestampMillisecondArray::from(vec![1_000, 2_000, 12_000, 29_000]);
    let batch = RecordBatch::try_from_iter([
        ("at", Arc::new(at) as ArrayRef),
        ("keep", Arc::new(BooleanArray::from(vec![true, true, false, false]))),
    ]);
    let batch = batch.unwrap();
    for windows in [
        WindowFn::from(FixedWindows::of(Duration::seconds(10))),
        SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(10)).into(),
    ] {
        let p = Pipeline::new("test");
        let rows = p.create_columns("Rows", batch.schema(), [batch.clone()]).with_timestamps("Time", "at");
        let kept = rows.window("Window", windows).filter("Keep", |rows| Ok(rows["keep"].as_boolean().clone()));
        let counts = kept.aggregate("Count", [Aggregate::count()]).to_rows::<Counted>("Counts");
        let found = sorted(&counts.map_element("Look", |e| (e.window().start(), e.value.count)));
        assert_eq!(found, [(Timestamp::from_seconds(0), 2)]);
    }
}

#[test]
fn rows_that_come_too_late_are_shown_and_counted_as_those_of_rows_are() {
    let at = Timestamp::from_seconds;
    let mut stream = TestStream::new();
    let visit = |page: &str, s| (Visit { page: page.to_owned(), seconds: None, tags: vec![], at: at(s) }, at(s));
    stream.add_elements([visit("a", 1), visit("b", 2)]).advance_watermark_to(at(12));
    stream.add_elements([visit("a", 3), visit("a", 13), visit("c", 9)]).advance_watermark_to(at(30));
    let p = Pipeline::new("test");
    let windowed = p
        .test_stream("Visits", &stream)
        .window("Window", SlidingWindows::of(Duration::seconds(10)).every(Duration::seconds(5)));
    let look = |e: dataflow_core::Element<Visit>| (e.window().start(), e.value.page);
    let (_, late) = windowed.key_by("Page", |v| v.page.clone()).late_data().count("Count");
    let of_rows = late.map_element("Late", look).collect("Rows");
    let columns = windowed.to_columns("Columns");
    let (_, late) = columns.group_by(["page"]).late_data().aggregate("Counts", [Aggregate::count()]);
    let of_columns = sorted(&late.to_rows::<Visit>("LateColumns").map_element("LateRows", look));
    let mut of_rows: Vec<_> = of_rows.elements().into_iter().map(|e| e.value).collect();
    of_rows.sort();
    assert_eq!(of_rows.len(), 3);
    assert_eq!(of_columns, of_rows);
    for step in ["Count", "Counts"] {
        assert_eq!(p.metrics().get(step, "dropped_late"), 3);
    }
}

#[test]
fn mistakes_are_told_when_the_graph_is_built() {
    let is_none = "there is no column `pages`: the columns are page (Utf8), seconds (Float64, nullable), tags (List(";
    for build in [
        (|c: &Columns| _ = c.group_by(["pages"]).aggregate("Step", [Aggregate::count()])) as fn(&Columns),
        |c| _ = c.group_by(["page"]).aggregate("Step", [Aggregate::max("pages")]),
        |c| _ = c.with_timestamps("Step", "pages"),
        |c| _ = c.select("Step", ["pages"]),
    ] {
        let mistake = mistake(build);
        assert!(mistake.starts_with(&format!("step \"Step\": {is_none}")), "{mistake}");
    }
    let told = |build: fn(&Columns), expected: &str| {
        let mistake = mistake(build);
        assert!(mistake.starts_with("step \"Step\": ") && mistake.contains(expected), "{mistake}");
    };
    told(
        |c| _ = c.group_by(["seconds"]).aggregate("Step", [Aggregate::count()]),
        "column `seconds` (Float64) cannot be a key: floating-point numbers have no canonical bytes",
    );
    told(
        |c| _ = c.group_by(["tags"]).aggregate("Step", [Aggregate::count()]),
        "cannot be a key: it is nested: make columns of its parts",
    );
    told(
        |c| _ = c.aggregate("Step", [Aggregate::sum("page")]),
        "`sum_page` cannot be had of column `page` (Utf8): it takes integers, Float32 and Float64; cast it",
    );
    told(|c| _ = c.aggregate("Step", [Aggregate::max("tags")]), "make columns of its parts");
    told(|c| _ = c.aggregate("Step", []), "there is nothing to aggregate: give at least Aggregate::count()");
    told(|c| _ = c.group_by([]).aggregate("Step", [Aggregate::count()]), "there are no columns to group by");
    told(
        |c| _ = c.group_by(["page"]).aggregate("Step", [Aggregate::count().named("page")]),
        "two columns of the result are called `page`: rename one by `named`",
    );
    told(|c| _ = c.with_timestamps("Step", "page"), "column `page` is Utf8, which is no time");
    told(
        |c| {
            _ = c
                .filter("Step", |rows| Ok(BooleanArray::from_unary(rows["page"].as_primitive::<Int64Type>(), |_| true)))
        },
        "its code, tried without rows, fails: panicked: primitive array",
    );
    told(
        |c| {
            _ = c.with_column("Step", "x", |rows| {
                rows.column_by_name("y")
                    .cloned()
                    .ok_or_else(|| dataflow_arrow::schema::ArrowError::SchemaError("no y".to_owned()))
            })
        },
        "fails: Schema error: no y; the columns are page (Utf8)",
    );
    #[derive(Clone, ArrowRow)]
    struct Other {
        page: i64,
    }
    told(
        |c| {
            let others = c.to_rows::<Other>("Step");
            others.map("Page", |other| other.page);
        },
        "column `page` is stored as Utf8, which cannot be read as Int64",
    );
}

#[test]
fn mistakes_in_the_data_are_told_with_the_step() {
    let batch = || record_batch!(("n", Int64, [1, i64::MAX])).unwrap();
    let numbers = move |p: &Pipeline| p.create_columns("Numbers", batch().schema(), [batch()]);
    let null = failure(|p| {
        numbers(p)
            .with_column("Step", "x", |rows| Ok(Arc::new(Int64Array::from_iter((0..rows.num_rows()).map(|_| None)))))
    });
    assert!(null.starts_with("step \"Step\", ") && null.contains("column `x` got a NULL"), "{null}");
    let short = failure(|p| numbers(p).map_batches("Step", |rows| Ok(rows.slice(0, rows.num_rows() / 2))));
    assert!(short.contains("1 rows were made of 2: give one for each"), "{short}");
    let mask = failure(|p| numbers(p).filter("Step", |_| Ok(BooleanArray::from(vec![true]))));
    assert!(mask.contains("a filter gave 1 answers for 2 rows"), "{mask}");
    let sum = failure(|p| numbers(p).aggregate("Step", [Aggregate::sum("n")]));
    assert!(sum.contains("`sum_n` is 9223372036854775808, which is no Int64"), "{sum}");
    let other = record_batch!(("m", Int64, [1])).unwrap();
    let misfit = failure(|p| p.create_columns("Step", batch().schema(), [other]));
    assert!(
        misfit.contains("a batch with the columns m (Int64, nullable), but the collection was declared with n"),
        "{misfit}"
    );
    let times = |ms: Vec<Option<i64>>| {
        let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(ms));
        RecordBatch::try_from_iter_with_nullable([("at", at, true)]).unwrap()
    };
    let null = failure(|p| {
        let batch = times(vec![Some(5), None]);
        p.create_columns("At", batch.schema(), [batch]).with_timestamps("Step", "at")
    });
    assert!(null.contains("column `at`, row 1 of a batch: the time is NULL"), "{null}");
    let back = failure(|p| {
        let batch = times(vec![Some(5)]);
        let timed = p.create_columns("At", batch.schema(), [batch]).with_timestamps("Time", "at");
        let earlier = timed.with_column("Earlier", "at", |rows| {
            Ok(Arc::new(
                rows["at"].as_primitive::<TimestampMillisecondType>().unary::<_, TimestampMillisecondType>(|t| t - 1),
            ))
        });
        earlier.with_timestamps("Step", "at")
    });
    assert!(back.contains("is before the old one"), "{back}");
}

#[test]
fn explain_says_that_the_path_is_that_of_columns() {
    let p = Pipeline::new("test");
    let columns = p.create("Rows", visits()).to_columns("Columns");
    columns.group_by(["page"]).aggregate("Count", [Aggregate::count()]).to_rows::<Paged>("Rows2");
    let text = p.explain(&PipelineOptions::default().with_threads(2));
    assert!(text.contains("Count [Combine.PerKey: by page]") && text.contains("path: column"), "{text}");

    #[derive(Clone, ArrowRow)]
    #[allow(dead_code)]
    struct Paged {
        page: String,
    }
}

#[test]
fn nested_columns_pass_through() {
    let lists: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), Some(vec![])]));
    let batch = RecordBatch::try_from_iter([("l", lists)]).unwrap();
    let p = Pipeline::new("test");
    let out = p.create_columns("Lists", batch.schema(), [batch.clone()]).to_batches("Batches").collect("Out");
    run(&p).unwrap();
    assert_eq!(out.elements()[0].value, batch);
}
