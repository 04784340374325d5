//! What simulated traffic is like, found out by reading it.

use super::*;
use crate::lake::event::Event;
use crate::lake::validate;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

fn line(simulation: &Simulation, index: u64) -> Vec<u8> {
    let mut line = Vec::new();
    simulation.line(index, &mut line);
    line
}

/// What a reader finds: the truth, counted from the lines.
fn read(n: u64, seed: u64) -> (Truth, Vec<(u64, Event)>) {
    let simulation = Simulation::new(n, seed);
    let mut truth = Truth { read: n, ..Truth::default() };
    let (mut seen, mut events, mut buffer) = (HashSet::new(), Vec::new(), Vec::new());
    for index in 0..n {
        buffer.clear();
        simulation.line(index, &mut buffer);
        assert!(buffer.len() <= 256 && !buffer.contains(&b'\n'));
        match validate::parse(&buffer) {
            Ok(event) => {
                assert_eq!(event.ts, simulation.timestamp(index), "event {index}");
                assert!(!event.event_id.is_heap_allocated());
                let first = seen.insert(event.event_id.clone());
                *if first { &mut truth.valid } else { &mut truth.duplicates } += 1;
                events.push((index, event));
            }
            Err(rejection) => {
                truth.invalid += 1;
                for reason in rejection.reasons() {
                    *truth.rejected_by_reason.entry(reason).or_default() += 1;
                }
            }
        }
    }
    (truth, events)
}

#[test]
fn a_reader_finds_exactly_the_truth() {
    for seed in [0, 1, u64::MAX] {
        assert_eq!(read(100_000, seed).0, truth(100_000, seed), "seed {seed}");
    }
    assert_eq!(truth(0, 0), Truth::default());
}

#[test]
fn shares_are_as_promised() {
    let n = 1_000_000;
    let truth = truth(n, 42);
    assert_eq!(truth.valid + truth.duplicates + truth.invalid, n);
    assert!((9_500..10_500).contains(&truth.invalid), "{truth:?}");
    assert!((19_500..20_500).contains(&truth.duplicates), "{truth:?}");
    assert!(truth.rejected_by_reason.len() >= 26, "{truth:?}");
}

#[test]
fn every_defect_violates_exactly_its_rules() {
    let simulation = Simulation::new(1, 0);
    for defect in Defect::ALL {
        for index in 0..500 {
            let mut line = Vec::new();
            defect.write(&simulation.content(index), &mut line);
            let rejection = validate::parse(&line).expect_err("a defect");
            let text = String::from_utf8_lossy(&line);
            assert!(rejection.reasons().eq(defect.reasons().iter().copied()), "{defect:?}: {rejection}: {text}");
        }
    }
    let all: HashSet<Reason> = Defect::ALL.into_iter().flat_map(Defect::reasons).copied().collect();
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !all.contains(reason)).collect();
    assert_eq!(missing, [&Reason::LineTooLong, &Reason::FileTruncated]);
}

#[test]
fn duplicates_repeat_the_line_of_a_recent_first_delivery() {
    let simulation = Simulation::new(200_000, 3);
    let mut redelivered = 0;
    for index in 0..simulation.len() {
        if let Kind::Redelivered(original) = simulation.kind(index) {
            assert!(original < index && index - original <= MAX_REDELIVERY);
            assert_eq!(simulation.kind(original), Kind::Valid);
            assert_eq!(line(&simulation, index), line(&simulation, original));
            redelivered += 1;
        }
    }
    assert!(redelivered > 3_000);
}

#[test]
fn events_are_out_of_order_but_never_below_the_lower_bound() {
    let simulation = Simulation::new(300_000, 5);
    let (mut latest, mut least_from) = (Timestamp::MIN, Timestamp::MAX);
    let mut out_of_order = 0;
    for index in 0..simulation.len() {
        let ts = simulation.timestamp(index);
        assert!(ts >= START && ts.as_micros() <= arrival(index));
        out_of_order += u64::from(ts < latest);
        latest = latest.max(ts);
    }
    assert!(out_of_order > simulation.len() / 2);
    let mut closest = Duration::days(1);
    for index in (0..simulation.len()).rev() {
        least_from = least_from.min(simulation.timestamp(index));
        assert!(least_from >= simulation.lower_bound(index));
        closest = closest.min(least_from - simulation.lower_bound(index));
    }
    assert!(closest < Duration::seconds(1), "the bound is loose by {closest:?}");
}

#[test]
fn values_are_skewed_as_in_real_traffic() {
    let events = read(200_000, 9).1;
    let n = events.len() as f64;
    let share = |count: usize| count as f64 / n;
    let mut by_user: HashMap<u64, usize> = HashMap::new();
    for (_, event) in &events {
        *by_user.entry(event.user_id).or_default() += 1;
    }
    let mut counts: Vec<usize> = by_user.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    assert!((0.08..0.12).contains(&share(counts[0])));
    assert!((0.45..0.6).contains(&share(counts[..500].iter().sum())));
    assert!(counts.len() > 9_000);

    let count = |test: fn(&Event) -> bool| share(events.iter().filter(|(_, event)| test(event)).count());
    assert!((0.002..0.006).contains(&count(|event| event.user_id > users::BUILT_IN)));
    assert!((0.69..0.71).contains(&count(|event| event.action == Action::Click)));
    assert!((0.24..0.26).contains(&count(|event| event.action == Action::View)));
    assert!((0.045..0.055).contains(&count(|event| event.action == Action::Purchase)));
    assert!((0.6..0.8).contains(&count(|event| event.amount.is_none())));
    assert!((0.2..0.3).contains(&count(|event| event.session_id.is_some())));
}

#[test]
fn dates_change_at_midnight() {
    let two_hours = 2 * 3_600_000;
    let simulation = Simulation::new(two_hours + 200_000, 0);
    let dates: HashSet<[u8; 10]> = (two_hours - 1000..two_hours + 1000)
        .map(|index| rfc3339::date(simulation.timestamp(index).as_micros() / 86_400_000_000))
        .collect();
    assert_eq!(dates, HashSet::from([*b"2026-01-31", *b"2026-02-01"]));
}

#[test]
fn text_by_hand_is_what_format_writes() {
    for number in (0..100_000).chain([99_999_999, 90_000_001, 12_345_678, 10_000_000]) {
        let mut line = Line { bytes: &mut [0; ROOM], length: 0 };
        line.put_number(number);
        assert_eq!(&line.bytes[..line.length], number.to_string().as_bytes());
    }
}

proptest! {
    #[test]
    fn hex_is_what_format_writes(number: u64) {
        let expected = format!("{number:016x}");
        prop_assert_eq!(&hex(number)[..], expected.as_bytes());
    }

    #[test]
    fn a_line_depends_on_nothing_but_seed_and_number(seed: u64, index in 0u64..1 << 40, n in 1u64..1 << 40) {
        let (one, other) = (Simulation::new(n, seed), Simulation::new(n + 1, seed));
        prop_assert_eq!(line(&one, index), line(&other, index));
        prop_assert_ne!(line(&one, index), line(&Simulation::new(n, seed ^ 1), index));
    }
}
