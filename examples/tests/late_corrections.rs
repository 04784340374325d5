//! `late_corrections`: the reader can tell first results from corrections, and no sale is lost.

mod ways;

use dataflow::core::TestStream;
use dataflow::prelude::*;
use dataflow::testing::PAssert;
use examples::late_corrections::{Kind, Revenue, Sale, revenue};
use std::collections::BTreeMap;
use ways::{in_every_way, printed};

const LATENESS: Duration = Duration::minutes(10);

fn second(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

fn sale(region: &str, cents: u64, s: i64) -> Sale {
    Sale { region: region.to_owned(), cents, time: second(s) }
}

fn add(stream: &mut TestStream<Sale>, region: &str, cents: u64, s: i64) {
    stream.add(sale(region, cents, s), second(s));
}

fn row(region: &str, minute: i64, version: u32, kind: Kind, cents: u64) -> Revenue {
    Revenue { minute: second(minute * 60), region: region.to_owned(), version, kind, cents }
}

/// Checks all results, and the sales that came too late.
fn gives(stream: &TestStream<Sale>, expected: Vec<Revenue>, expected_late: Vec<Sale>) {
    in_every_way(|p| {
        let (revenue, too_late) = revenue(&p.test_stream("In", stream), LATENESS);
        PAssert::that("Expected", &revenue).contains_in_any_order(expected.clone());
        PAssert::that("ExpectedTooLate", &too_late).contains_in_any_order(expected_late.clone());
        p.run();
    });
}

#[test]
fn a_minute_has_one_result_if_no_sale_is_late() {
    let mut stream = TestStream::new();
    add(&mut stream, "north", 50, 59);
    add(&mut stream, "north", 1, 60);
    add(&mut stream, "north", 250, 5); // out of order
    add(&mut stream, "south", 100, 8);
    stream.advance_watermark_to(second(60));
    let expected = vec![
        row("north", 0, 0, Kind::OnTime, 300),
        row("north", 1, 0, Kind::OnTime, 1),
        row("south", 0, 0, Kind::OnTime, 100),
    ];
    gives(&stream, expected, vec![]);
}

#[test]
fn a_late_sale_within_lateness_corrects_the_minute() {
    let mut stream = TestStream::new();
    add(&mut stream, "north", 250, 5);
    add(&mut stream, "south", 100, 8);
    stream.advance_watermark_to(second(90));
    add(&mut stream, "north", 30, 59);
    add(&mut stream, "north", 7, 1);
    add(&mut stream, "north", 4, 70); // the next minute is not over yet
    add(&mut stream, "east", 60, 20);
    add(&mut stream, "east", 5, 21);
    let expected = vec![
        row("north", 0, 0, Kind::OnTime, 250),
        row("north", 0, 1, Kind::Correction, 280),
        row("north", 0, 2, Kind::Correction, 287),
        row("north", 1, 0, Kind::OnTime, 4),
        row("south", 0, 0, Kind::OnTime, 100),
        row("east", 0, 0, Kind::FirstButLate, 60),
        row("east", 0, 1, Kind::Correction, 65),
    ];
    gives(&stream, expected, vec![]);
}

#[test]
fn first_results_and_corrections_are_told_apart_by_their_panes() {
    let mut stream = TestStream::new();
    add(&mut stream, "north", 250, 5);
    stream.advance_watermark_to(second(60));
    add(&mut stream, "north", 30, 59);
    in_every_way(|p| {
        let (revenue, too_late) = revenue(&p.test_stream("In", &stream), LATENESS);
        let minute = Window::new(second(0), second(60));
        PAssert::that("Expected", &revenue)
            .in_on_time_pane(minute)
            .singleton(row("north", 0, 0, Kind::OnTime, 250))
            .in_late_panes(minute)
            .singleton(row("north", 0, 1, Kind::Correction, 280));
        PAssert::that("ExpectedTooLate", &too_late).is_empty();
        p.run();
    });
}

#[test]
fn the_end_of_a_minute_and_of_its_lateness_are_exact() {
    let mut stream = TestStream::new();
    add(&mut stream, "north", 1, 0);
    stream.advance_watermark_to(second(60) - Duration::micros(1));
    add(&mut stream, "north", 2, 30); // in time
    stream.advance_watermark_to(second(60));
    add(&mut stream, "north", 4, 30); // late
    stream.advance_watermark_to(second(660) - Duration::micros(1));
    add(&mut stream, "north", 8, 30); // just not too late
    stream.advance_watermark_to(second(660));
    add(&mut stream, "north", 16, 30); // too late
    let expected = vec![
        row("north", 0, 0, Kind::OnTime, 3),
        row("north", 0, 1, Kind::Correction, 7),
        row("north", 0, 2, Kind::Correction, 15),
    ];
    gives(&stream, expected, vec![sale("north", 16, 30)]);
}

#[test]
fn the_latest_versions_and_the_sales_that_were_too_late_are_all_there_is() {
    let mut stream = TestStream::new();
    let sold: u64 = (0..200).sum();
    for n in 0..200u64 {
        // Every seventh is late by some minutes, every nineteenth by twenty.
        let late = if n % 19 == 0 { 1_200 } else { (n % 7 / 6) as i64 * 200 };
        let region = ["north", "south", "east"][n as usize % 3];
        add(&mut stream, region, n, 2_000 + 10 * n as i64 - late);
        stream.advance_watermark_to(second(2_000 + 10 * n as i64));
    }
    in_every_way(|p| {
        let (revenue, too_late) = revenue(&p.test_stream("In", &stream), LATENESS);
        let (revenue, too_late) = (revenue.collect("Revenues"), too_late.collect("TooLate"));
        p.run();
        let rows = revenue.sorted().into_iter(); // by minute, region and version
        let latest: BTreeMap<_, u64> = rows.map(|row| ((row.minute, row.region), row.cents)).collect();
        let late: u64 = too_late.values().iter().map(|sale| sale.cents).sum();
        assert_eq!(latest.values().sum::<u64>() + late, sold);
        assert_eq!(too_late.values().len(), 10); // the very first has no watermark before it
    });
}

#[test]
fn without_sales_there_is_no_revenue() {
    gives(&TestStream::new(), vec![], vec![]);
}

#[test]
fn the_program_prints_results_and_corrections_of_its_examples() {
    let (rows, too_late) = printed(env!("CARGO_BIN_EXE_late_corrections"));
    let north = |line: &&String| line.contains(r#""minute":"2026-01-31T12:00:00Z","region":"north""#);
    let north: Vec<_> = rows.iter().filter(north).collect();
    assert!(north[0].ends_with(r#""version":0,"kind":"on_time","cents":300}"#), "{rows:?}");
    assert!(north[1].ends_with(r#""version":1,"kind":"correction","cents":375}"#), "{rows:?}");
    assert!(north[2].ends_with(r#""version":2,"kind":"correction","cents":400}"#), "{rows:?}");
    assert_eq!(too_late, [r#"{"region":"north","cents":999,"time":"2026-01-31T12:00:30Z"}"#]);
}
