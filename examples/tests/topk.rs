//! `topk` ranks by the newest counts, while the hour goes on and at its end.

mod ways;

use dataflow::core::TestStream;
use dataflow::prelude::*;
use dataflow::testing::PAssert;
use examples::topk::{Ranking, Top, View, top};
use ways::{in_every_way, printed};

fn minute(m: i64) -> Timestamp {
    Timestamp::from_seconds(m * 60)
}

fn add(stream: &mut TestStream<View>, articles: &str, m: i64) {
    let views = articles.chars().map(|c| (View { article: c.to_string(), time: minute(m) }, minute(m)));
    stream.add_elements(views.collect::<Vec<_>>());
}

fn ranking(hour: i64, is_final: bool, articles: &[(&str, u64)]) -> Top {
    let articles = articles.iter().map(|(article, views)| ((*article).to_owned(), *views)).collect();
    Top { hour: minute(hour * 60), is_final, articles }
}

/// Checks all rankings of two articles.
fn gives(stream: &TestStream<View>, expected: Vec<Top>) {
    in_every_way(|p| {
        let tops = top(&p.test_stream("In", stream), 2);
        PAssert::that("Expected", &tops).contains_in_any_order(expected.clone());
        p.run();
    });
}

/// Lets processing time pass until counts, and then rankings, are due.
fn refresh(stream: &mut TestStream<View>) {
    stream.advance_processing_time(Duration::seconds(61));
    stream.advance_processing_time(Duration::seconds(2));
}

#[test]
fn each_hour_has_its_most_viewed_articles() {
    let mut stream = TestStream::new();
    add(&mut stream, "abcab", 59);
    add(&mut stream, "ca", 60);
    add(&mut stream, "a", 3); // out of order
    add(&mut stream, "cdd", 119);
    let expected = vec![ranking(0, true, &[("a", 3), ("b", 2)]), ranking(1, true, &[("c", 2), ("d", 2)])];
    gives(&stream, expected);
}

#[test]
fn an_early_ranking_counts_each_article_once_with_its_newest_count() {
    let mut stream = TestStream::new();
    add(&mut stream, "aab", 1);
    refresh(&mut stream);
    add(&mut stream, "bbcca", 2); // c was in no ranking so far
    refresh(&mut stream);
    add(&mut stream, "cc", 3);
    stream.advance_watermark_to(minute(60));
    let expected = vec![
        ranking(0, false, &[("a", 2), ("b", 1)]),
        ranking(0, false, &[("a", 3), ("b", 3)]),
        ranking(0, true, &[("c", 4), ("a", 3)]),
    ];
    gives(&stream, expected);
}

#[test]
fn the_last_ranking_comes_when_the_watermark_is_exactly_at_the_end_of_the_hour() {
    let mut stream = TestStream::new();
    add(&mut stream, "a", 59);
    stream.advance_watermark_to(minute(60) - Duration::micros(1));
    add(&mut stream, "a", 59); // in time
    stream.advance_watermark_to(minute(60));
    add(&mut stream, "b", 59); // too late: the hour is closed for good
    gives(&stream, vec![ranking(0, true, &[("a", 2)])]);
}

#[test]
fn without_views_there_is_no_ranking() {
    gives(&TestStream::new(), vec![]);
}

#[test]
fn parts_of_a_ranking_make_the_same_ranking_in_any_order() {
    let count = |article: &str, views| (article.to_owned(), views);
    let counts = [count("a", 2), count("b", 5), count("a", 6), count("c", 4), count("b", 3), count("c", 5)];
    let f = Ranking { k: 2 };
    for split in 0..=counts.len() {
        let [mut left, mut right] = [f.create(), f.create()];
        counts[..split].iter().for_each(|c| f.add(&mut left, c));
        counts[split..].iter().for_each(|c| f.add(&mut right, c));
        f.merge(&mut right, left);
        assert_eq!(f.extract(right), [count("a", 6), count("b", 5)]);
    }
}

#[test]
fn the_program_prints_a_ranking_for_each_hour_of_its_examples() {
    let (rankings, errors) = printed(env!("CARGO_BIN_EXE_topk"));
    let last = |line: &&String| line.contains(r#""is_final":true"#); // a slow run may print early ones, too
    let expected = [
        r#"{"hour":"2026-01-31T09:00:00Z","is_final":true,"articles":[["Rust",11],["Beam",4],["Lateness",3]]}"#,
        r#"{"hour":"2026-01-31T10:00:00Z","is_final":true,"articles":[["Beam",6],["Watermark",6],["Rust",5]]}"#,
    ];
    assert_eq!(rankings.iter().filter(last).collect::<Vec<_>>(), expected.each_ref());
    assert_eq!(errors, [""; 0]);
}
