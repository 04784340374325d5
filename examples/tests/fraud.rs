//! `fraud` finds what it should, in whatever order purchases come.

#![allow(clippy::unwrap_used)]

mod ways;

use dataflow::core::TestStream;
use dataflow::prelude::*;
use dataflow::testing::{KeyedDoFnTester, PAssert, SetTimer};
use examples::fraud::{Alert, Detector, Purchase, Reason, alerts};
use ways::{in_every_way, printed};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

fn buy(stream: &mut TestStream<Purchase>, card: &str, cents: u64, time: Timestamp) {
    stream.add(Purchase { card: card.to_owned(), cents, time }, time);
}

fn large(card: &str, time: Timestamp) -> Alert {
    Alert { card: card.to_owned(), time, reason: Reason::LargeAfterSmall { cents: 60_000 } }
}

fn many(card: &str, time: Timestamp) -> Alert {
    Alert { card: card.to_owned(), time, reason: Reason::TooMany { purchases: 4 } }
}

/// Checks what the detector finds, with more than three purchases a minute as too many.
fn finds(stream: &TestStream<Purchase>, expected: Vec<Alert>) {
    in_every_way(|p| {
        let detector = Detector { most: 3, ..Detector::default() };
        let alerts = alerts(&p.test_stream("In", stream), detector);
        PAssert::that("Expected", &alerts).contains_in_any_order(expected.clone());
        let alerts = alerts.collect("Collect");
        p.run();
        assert!(alerts.elements().iter().all(|alert| alert.timestamp == alert.value.time));
    });
}

#[test]
fn a_large_purchase_soon_after_a_small_one_of_the_same_card_is_suspicious() {
    let mut stream = TestStream::new();
    buy(&mut stream, "a", 100, seconds(10));
    buy(&mut stream, "b", 60_000, seconds(20)); // large alone
    buy(&mut stream, "a", 60_000, seconds(40));
    buy(&mut stream, "b", 100, seconds(45)); // and small after it
    buy(&mut stream, "c", 1_000, seconds(46));
    buy(&mut stream, "c", 60_000, seconds(47)); // not after a small one
    finds(&stream, vec![large("a", seconds(40))]);
}

#[test]
fn a_small_purchase_is_forgotten_after_exactly_a_minute() {
    // All at once, and with the watermark in between, so that timers fire before the large purchase has come.
    for steps in [false, true] {
        let mut stream = TestStream::new();
        buy(&mut stream, "in time", 100, seconds(0));
        buy(&mut stream, "over", 100, seconds(0));
        if steps {
            stream.advance_watermark_to(at(59_999_999));
        }
        buy(&mut stream, "in time", 60_000, at(59_999_999));
        if steps {
            stream.advance_watermark_to(seconds(60));
        }
        buy(&mut stream, "over", 60_000, seconds(60));
        finds(&stream, vec![large("in time", at(59_999_999))]);
    }
}

#[test]
fn purchases_out_of_order_are_looked_at_in_order() {
    let mut stream = TestStream::new();
    buy(&mut stream, "a", 60_000, seconds(40));
    buy(&mut stream, "b", 100, seconds(50));
    stream.advance_watermark_to(seconds(5));
    buy(&mut stream, "a", 100, seconds(10));
    buy(&mut stream, "b", 60_000, seconds(30)); // it came after the small one, but was before it
    finds(&stream, vec![large("a", seconds(40))]);
}

#[test]
fn an_alert_comes_as_soon_as_the_watermark_has_passed_the_purchase() {
    let mut stream = TestStream::new();
    buy(&mut stream, "a", 100, seconds(10));
    buy(&mut stream, "a", 60_000, seconds(40));
    stream.advance_watermark_to(seconds(40));
    buy(&mut stream, "a", 60_000, seconds(40)); // not late: the watermark has not passed it
    stream.advance_watermark_to(at(40_000_001));
    finds(&stream, vec![large("a", seconds(40)), large("a", seconds(40))]);
}

#[test]
fn too_many_purchases_within_a_minute_are_told_once() {
    let mut stream = TestStream::new();
    for second in [0, 20, 40, 59, 65, 70, 80] {
        buy(&mut stream, "spree", 1_000, seconds(second));
        buy(&mut stream, "slow", 1_000, seconds(second * 2)); // the fourth within a minute is the last one
    }
    buy(&mut stream, "rare", 1_000, seconds(5));
    finds(&stream, vec![many("spree", seconds(59)), many("slow", seconds(160))]);
}

#[test]
fn a_card_is_told_again_when_the_time_to_live_of_the_alert_is_over() {
    let spree = |stream: &mut TestStream<Purchase>, start: i64| {
        (0..4).for_each(|n| buy(stream, "a", 1_000, seconds(start + n)));
    };
    let mut stream = TestStream::new();
    spree(&mut stream, 0); // told at second 3, and then not up to second 603
    stream.advance_watermark_to(seconds(300));
    spree(&mut stream, 600);
    stream.advance_watermark_to(seconds(700));
    spree(&mut stream, 1_000);
    finds(&stream, vec![many("a", seconds(3)), many("a", seconds(1_003))]);
}

#[test]
fn a_late_purchase_is_judged_by_what_is_remembered() {
    let mut stream = TestStream::new();
    buy(&mut stream, "a", 100, seconds(10));
    buy(&mut stream, "b", 100, seconds(10));
    stream.advance_watermark_to(seconds(60));
    buy(&mut stream, "a", 60_000, seconds(30)); // late, but second 10 is still known
    stream.advance_watermark_to(seconds(120));
    buy(&mut stream, "b", 60_000, seconds(30)); // too late: second 10 is forgotten
    finds(&stream, vec![large("a", seconds(30))]);
}

fn purchase(tester: &mut KeyedDoFnTester<Detector>, card: &str, cents: u64, time: Timestamp) {
    tester.process(card, Purchase { card: card.to_owned(), cents, time }, time).unwrap();
}

#[test]
fn a_card_is_forgotten_a_minute_after_its_last_purchase() {
    let mut tester = KeyedDoFnTester::new(Detector::default()).restart_after_each_step(true);
    purchase(&mut tester, "a", 100, seconds(40));
    purchase(&mut tester, "a", 100, seconds(10));
    tester.assert_timers("a", [SetTimer::new("next", seconds(10))]); // the watermark may pass only the earliest
    tester.advance_watermark_to(at(10_000_001)).unwrap();
    tester.assert_timers("a", [SetTimer::new("next", seconds(40)), SetTimer::new("forget", seconds(70))]);
    tester.advance_watermark_to(seconds(70)).unwrap();
    tester.assert_timers("a", [SetTimer::new("forget", seconds(100))]);
    tester.advance_watermark_to(at(100_000_001)).unwrap();
    tester.assert_no_state("a");
    assert!(tester.take_values().is_empty());
}

#[test]
fn a_card_that_was_told_costs_its_state_as_long_as_it_is_not_told_again() {
    let mut tester = KeyedDoFnTester::new(Detector { most: 3, ..Detector::default() });
    for second in 0..4 {
        purchase(&mut tester, "a", 1_000, seconds(second));
    }
    purchase(&mut tester, "b", 1_000, seconds(0));
    tester.advance_watermark_to(seconds(603)).unwrap();
    assert_eq!(tester.take_values(), [many("a", seconds(3))]);
    assert_eq!(tester.keys(), ["a"], "ten minutes after the alert");
    assert!(tester.timers("a").is_empty(), "it is the time to live that ends it");
    tester.advance_watermark_to(at(603_000_001)).unwrap();
    assert!(tester.keys().is_empty());
}

#[test]
fn without_purchases_there_are_no_alerts() {
    finds(&TestStream::new(), vec![]);
}

#[test]
fn a_purchase_is_read_as_it_is_written() {
    let line = r#"{"card":"4929","cents":99,"time":"2026-01-31T10:00:00Z"}"#;
    let purchase: Purchase = serde_json::from_str(line).unwrap();
    assert_eq!(serde_json::to_string(&purchase).unwrap(), line);
}

#[test]
fn the_program_prints_alerts_for_its_examples() {
    let (alerts, errors) = printed(env!("CARGO_BIN_EXE_fraud"));
    let expected = [
        r#"{"card":"3787","time":"2026-01-31T10:01:40Z","reason":{"too_many":{"purchases":6}}}"#,
        r#"{"card":"5105","time":"2026-01-31T10:00:41Z","reason":{"large_after_small":{"cents":89900}}}"#,
        r#"{"card":"6011","time":"2026-01-31T10:00:52Z","reason":{"large_after_small":{"cents":120000}}}"#,
    ];
    assert_eq!(alerts, expected);
    assert!(errors.len() == 1 && errors[0].contains("not a number"), "the line that is no purchase: {errors:?}");
}
