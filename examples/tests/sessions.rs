//! `sessions` gives each visit while it goes on, when it is over, and when clicks come late.

mod ways;

use dataflow::core::TestStream;
use dataflow::prelude::*;
use dataflow::testing::PAssert;
use examples::sessions::{Click, Session, State, sessions};
use ways::{in_every_way, printed};

const GAP: Duration = Duration::minutes(10);
const LATENESS: Duration = Duration::hours(1);

fn minute(m: i64) -> Timestamp {
    Timestamp::from_seconds(m * 60)
}

fn click(user: &str, m: i64) -> Click {
    Click { user: user.to_owned(), page: "/".to_owned(), time: minute(m) }
}

fn add(stream: &mut TestStream<Click>, user: &str, m: i64) {
    stream.add(click(user, m), minute(m));
}

/// A visit from minute to minute.
fn visit(user: &str, from: i64, to: i64, clicks: u64, state: State) -> Session {
    Session { user: user.to_owned(), start: minute(from), seconds: (to - from) * 60, clicks, state }
}

/// Checks all results, and what came too late.
fn gives(stream: &TestStream<Click>, expected: Vec<Session>, too_late: Vec<Click>) {
    in_every_way(|p| {
        let (sessions, late) = sessions(&p.test_stream("In", stream), GAP, LATENESS);
        PAssert::that("Expected", &sessions).contains_in_any_order(expected.clone());
        PAssert::that("ExpectedTooLate", &late).contains_in_any_order(too_late.clone());
        p.run();
    });
}

#[test]
fn a_visit_ends_after_the_gap_and_each_user_has_visits_of_their_own() {
    let mut stream = TestStream::new();
    for m in [9, 0, 4] {
        add(&mut stream, "ada", m); // out of order
    }
    add(&mut stream, "bob", 5);
    add(&mut stream, "ada", 19); // exactly the gap later: windows that only touch are two visits
    let expected = vec![
        visit("ada", 0, 9, 3, State::Closed),
        visit("ada", 19, 19, 1, State::Closed),
        visit("bob", 5, 5, 1, State::Closed),
    ];
    gives(&stream, expected, vec![]);
}

#[test]
fn a_visit_that_goes_on_is_told_every_ten_seconds() {
    let mut stream = TestStream::new();
    add(&mut stream, "ada", 0);
    stream.advance_processing_time(Duration::seconds(10)); // not yet later than ten seconds
    add(&mut stream, "ada", 1);
    stream.advance_processing_time(Duration::seconds(1));
    stream.advance_processing_time(Duration::minutes(5)); // nothing new, so nothing to tell
    add(&mut stream, "ada", 8);
    stream.advance_processing_time(Duration::seconds(11));
    stream.advance_watermark_to(minute(18));
    let expected = vec![
        visit("ada", 0, 1, 2, State::Open),
        visit("ada", 0, 8, 3, State::Open),
        visit("ada", 0, 8, 3, State::Closed),
    ];
    gives(&stream, expected, vec![]);
}

#[test]
fn a_visit_is_over_when_the_watermark_is_exactly_at_its_end() {
    let first_click_alone = visit("ada", 0, 0, 1, State::Closed);
    for (watermark, first) in [(minute(10) - Duration::micros(1), None), (minute(10), Some(first_click_alone))] {
        let mut stream = TestStream::new();
        add(&mut stream, "ada", 0);
        stream.advance_watermark_to(watermark);
        add(&mut stream, "ada", 9); // the visit goes on up to minute 19, also if it was over
        gives(&stream, first.into_iter().chain([visit("ada", 0, 9, 2, State::Closed)]).collect(), vec![]);
    }
}

#[test]
fn a_late_click_corrects_a_visit_and_may_join_two() {
    let mut stream = TestStream::new();
    add(&mut stream, "ada", 0);
    add(&mut stream, "ada", 15);
    stream.advance_watermark_to(minute(40));
    add(&mut stream, "ada", 16); // late
    add(&mut stream, "ada", 8); // late, and between the two
    let expected = vec![
        visit("ada", 0, 0, 1, State::Closed),
        visit("ada", 15, 15, 1, State::Closed),
        visit("ada", 15, 16, 2, State::Corrected),
        visit("ada", 0, 16, 4, State::Corrected),
    ];
    gives(&stream, expected, vec![]);
}

#[test]
fn a_click_that_is_too_late_is_an_output_of_its_own() {
    let mut stream = TestStream::new();
    add(&mut stream, "ada", 0);
    // The window of a click at minute 0 ends at 10 and expires at 70.
    stream.advance_watermark_to(minute(70) - Duration::micros(1));
    add(&mut stream, "bob", 0);
    stream.advance_watermark_to(minute(70));
    add(&mut stream, "ada", 0);
    add(&mut stream, "cyd", 0);
    add(&mut stream, "cyd", 1);
    let expected = vec![
        visit("ada", 0, 0, 1, State::Closed),
        visit("bob", 0, 0, 1, State::Corrected),
        visit("cyd", 1, 1, 1, State::Corrected),
    ];
    gives(&stream, expected, vec![click("ada", 0), click("cyd", 0)]);
}

#[test]
fn without_clicks_there_are_no_visits() {
    gives(&TestStream::new(), vec![], vec![]);
}

#[test]
fn the_program_prints_the_visits_of_its_examples() {
    let (visits, errors) = printed(env!("CARGO_BIN_EXE_sessions"));
    let of_bob = |line: &&String| line.contains(r#""user":"bob","start":"2026-01-31T09:02:00Z""#);
    let of_bob: Vec<_> = visits.iter().filter(of_bob).collect();
    for state in [r#""clicks":2,"state":"closed""#, r#""clicks":3,"state":"corrected""#] {
        assert!(of_bob.iter().any(|line| line.contains(state)), "{visits:?}");
    }
    assert!(errors.iter().any(|line| line.contains("/late")), "the click that came too late: {errors:?}");
    assert!(errors.iter().any(|line| line.contains("eve")), "the line that is no click: {errors:?}");
}
