//! Broadcast state and processing time, event by event.

#![allow(clippy::unwrap_used)]

use dataflow_core::{BoxError, BroadcastDoFn, Element, Output, Pipeline, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way};
use dataflow_windows::{Duration, FixedWindows, Timestamp, Window};

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

/// The ways, and a restart after every event on several threads.
fn ways() -> impl Iterator<Item = Way> {
    WAYS.into_iter().chain([Way::on(3).restart_every(1), Way::on(5).restart_every(2)])
}

/// Emits each element with all rules that have come.
#[derive(Clone)]
struct WithRules;

impl BroadcastDoFn for WithRules {
    type In = i64;
    type Rule = i64;
    type Out = (i64, Vec<i64>);
    type State = Vec<i64>;

    fn process_broadcast(&self, rules: &mut Vec<i64>, rule: Element<i64>) -> Result<(), BoxError> {
        if rule.value < 0 {
            return Err(format!("a rule below 0: {}", rule.value).into());
        }
        rules.push(rule.value);
        Ok(())
    }

    fn process(&mut self, n: Element<i64>, rules: &Vec<i64>, out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
        out.emit((n.value, rules.clone()));
        Ok(())
    }
}

#[test]
fn an_element_meets_the_rules_that_have_come_before_it() {
    for way in ways() {
        let (mut main, mut rules) = (TestStream::new(), TestStream::new());
        main.add(-1, seconds(0));
        let mut expected = vec![(-1, vec![])];
        for n in 0..10 {
            rules.add_elements([(2 * n, seconds(n)), (2 * n + 1, seconds(0))]);
            main.add_elements((0..20).map(|m| (100 * n + m, seconds(n))));
            expected.extend((0..20).map(|m| (100 * n + m, (0..2 * n + 2).collect())));
        }
        let p = Pipeline::new("test");
        let (main, rules) = (p.test_stream("Main", &main), p.test_stream("Rules", &rules));
        let out = main.par_do_with_broadcast("Do", &rules, WithRules).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), expected, "{way:?}");
        assert_eq!(out.elements().iter().filter(|e| e.timestamp == seconds(9)).count(), 20, "{way:?}");
    }
}

#[test]
fn the_state_is_the_same_on_all_threads() {
    for way in ways() {
        let (mut main, mut rules) = (TestStream::new(), TestStream::new());
        main.add_elements((0..100).map(|n| (n, seconds(1))));
        rules.add_elements([(7, seconds(0)), (3, seconds(0))]);
        // The grouping deals elements out to all threads, and gives them when both rules are there.
        main.advance_watermark_to(seconds(10));
        rules.add(5, seconds(0));
        let p = Pipeline::new("test");
        let main = p.test_stream("Main", &main).window("Tens", FixedWindows::of(Duration::seconds(10)));
        let main = main.key_by("Number", |n| *n).group_by_key("Spread").flat_map("Values", |(_, ns)| ns);
        let rules = p.test_stream("Rules", &rules);
        let out = main.par_do_with_broadcast("Do", &rules, WithRules).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), (0..100).map(|n| (n, vec![7, 3])).collect::<Vec<_>>(), "{way:?}");
    }
}

#[test]
fn a_rule_that_fails_ends_the_run_with_the_step() {
    let p = Pipeline::new("test");
    let rules = p.create("Rules", [3, -7]);
    p.create("Main", [1]).par_do_with_broadcast("Do", &rules, WithRules).collect("Out");
    let message = Way::on(2).run(&p).unwrap_err().to_string();
    assert!(message.contains("step \"Do\"") && message.contains("a rule below 0: -7"), "{message}");
}

#[test]
fn elements_are_in_the_window_of_the_time_they_come_at() {
    for way in ways() {
        let mut stream = TestStream::new();
        stream.add('a', seconds(500)).advance_processing_time(Duration::seconds(30)).add('b', seconds(3));
        stream.advance_watermark_to(seconds(1_000)).advance_processing_time(Duration::seconds(40));
        stream.add('c', seconds(1)).advance_processing_time(Duration::minutes(5));
        let p = Pipeline::new("test");
        let now = p.test_stream("Events", &stream).with_processing_time("Now");
        let minutes = now.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let groups = minutes.key_by("All", |_| ()).group_by_key("Group");
        let (groups, now) = (groups.collect("Out"), now.collect("NowOut"));
        let metrics = way.run(&p).unwrap();
        let found = |e: Element<((), Vec<char>)>| (e.window(), e.value.1);
        let mut found: Vec<_> = groups.elements().into_iter().map(found).collect();
        found.sort();
        let minute = |n: i64| Window::new(seconds(60 * n), seconds(60 * (n + 1)));
        assert_eq!(found, [(minute(0), vec!['a', 'b']), (minute(1), vec!['c'])], "{way:?}");
        let mut times: Vec<_> = now.elements().into_iter().map(|e| (e.value, e.timestamp, e.window())).collect();
        times.sort();
        let expected = [('a', 0), ('b', 30), ('c', 70)].map(|(c, s)| (c, seconds(s), Window::GLOBAL));
        assert_eq!(times, expected, "{way:?}: late ones too");
        assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
    }
}

#[test]
fn windows_of_processing_time_close_by_the_clock() {
    for way in ways() {
        let mut clicks = TestStream::new();
        let mut probe = TestStream::new();
        clicks.add(5, seconds(0)).add(6, seconds(0)).advance_processing_time(Duration::seconds(59));
        probe.add(1, seconds(0));
        clicks.advance_processing_time(Duration::seconds(1));
        probe.add(2, seconds(0));
        let p = Pipeline::new("test");
        let minutes = p.test_stream("Clicks", &clicks).with_processing_time("Now");
        let minutes = minutes.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let counts = minutes.key_by("All", |_| ()).count("Count").map("Only", |((), n)| n as i64);
        // What has been counted so far is seen by those who ask.
        let out = p.test_stream("Probe", &probe).par_do_with_broadcast("Do", &counts, WithRules).collect("Out");
        way.run(&p).unwrap();
        assert_eq!(out.sorted(), [(1, vec![]), (2, vec![2])], "{way:?}");
    }
}
