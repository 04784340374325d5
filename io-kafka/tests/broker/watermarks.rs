//! Every partition has its own watermark; nothing that came in order is late.

use crate::support::*;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::windows::{Duration, FixedWindows, Timestamp};
use dataflow_core::{Metrics, Pipeline, SourceReader};
use dataflow_exec::transforms::*;
use io_kafka::{KafkaSource, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration as StdDuration;

const HOUR: i64 = 3_600;

/// Partition and minute, and how many records there are.
type Minute = ((i32, i64), u64);

/// The number of records in each minute of each partition, sorted, and what was counted.
fn per_minute(source: KafkaSource, runner: &DirectRunner, threads: u16) -> (Vec<Minute>, Metrics) {
    let p = Pipeline::new("test");
    let minutely = p.read("Read", source).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    let minute = |r: &io_kafka::KafkaRecord| (r.partition, r.timestamp.unwrap().as_millis() / 60_000);
    let counts = minutely.key_by("Which", minute).count("Count").collect("Out");
    let metrics = run(&p, runner, threads).unwrap();
    (counts.sorted(), metrics)
}

#[test]
fn partitions_an_hour_apart_and_an_empty_one_make_nothing_late() {
    let broker = Broker::shared();
    let topic = topic(broker, 4);
    for p in 0..3 {
        fill(broker, &topic, p, 0..1_200, 600_000 + i64::from(p) * HOUR);
    }
    let expected: Vec<_> =
        (0..3).flat_map(|p| (0..20).map(move |m| ((p, 10_000 + i64::from(p) * 60 + m), 60))).collect();
    for runner in [DirectRunner::new(), DirectRunner::new().restart_every(3)] {
        for threads in [1, 2] {
            let source = source(broker, &topic).stop_at(StopAt::Latest);
            let (counts, metrics) = per_minute(source, &runner, threads);
            assert_eq!(counts, expected, "{runner:?}, {threads} threads");
            assert_eq!(metrics.get("Count", "dropped_late"), 0);
        }
    }
}

#[test]
fn a_slow_partition_holds_the_watermark_as_long_as_it_is_not_idle() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    fill(broker, &topic, 0, 0..600, 6_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..10 {
                fill(broker, &topic, 1, n..n + 1, 6_000 + 60 * n as i64);
                std::thread::sleep(StdDuration::from_millis(150));
            }
        });
        let source = source(broker, &topic).stop_partition_at(&topic, 0, 600).stop_partition_at(&topic, 1, 10);
        let (counts, metrics) = per_minute(source.idle_after(StdDuration::from_secs(20)), &DirectRunner::new(), 1);
        let each = |p, n| (0..10).map(move |m| ((p, 100 + m), n));
        assert_eq!(counts, each(0, 60).chain(each(1, 1)).collect::<Vec<_>>());
        assert_eq!(metrics.get("Count", "dropped_late"), 0);
    });
}

#[test]
fn windows_close_though_a_partition_is_empty_once_it_is_idle() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    let closed = Arc::new(AtomicUsize::new(0));
    let reads = source(broker, &topic).stop_partition_at(&topic, 0, 601).stop_partition_at(&topic, 1, 1);
    let reads = reads.idle_after(StdDuration::from_millis(300));
    let see = closed.clone();
    let reading = std::thread::spawn(move || {
        let p = Pipeline::new("test");
        let minutely = p.read("Read", reads).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let counts = minutely.key_by("Which", |r| r.partition).count("Count");
        let seen = counts.update("See", move |_| {
            see.fetch_add(1, Ordering::SeqCst);
        });
        let out = seen.collect("Out");
        (run(&p, &DirectRunner::new(), 1).unwrap(), out.values().len())
    });
    // Nine minutes are over by partition 0 alone; it is idle itself in the end, too, and keeps the tenth open.
    for minute in 0..10 {
        std::thread::sleep(StdDuration::from_millis(150));
        fill(broker, &topic, 0, minute * 60..minute * 60 + 60, 6_000 + minute as i64 * 60);
    }
    let start = std::time::Instant::now();
    while closed.load(Ordering::SeqCst) < 9 {
        assert!(start.elapsed().as_secs() < 20, "{} windows are closed", closed.load(Ordering::SeqCst));
        std::thread::sleep(StdDuration::from_millis(10));
    }
    std::thread::sleep(StdDuration::from_millis(500));
    assert_eq!(closed.load(Ordering::SeqCst), 9);
    // What comes then behind the watermark is late, and counted.
    fill(broker, &topic, 1, 0..1, 6_000);
    fill(broker, &topic, 0, 600..601, 6_600);
    let (metrics, windows) = reading.join().unwrap();
    assert_eq!((metrics.get("Count", "dropped_late"), windows), (1, 11));
}

#[test]
fn timestamps_come_from_the_value_and_one_far_in_the_future_does_not_move_the_watermark() {
    let broker = Broker::shared();
    let topic = topic(broker, 1);
    fill(broker, &topic, 0, 0..100, 6_000);
    let source = source(broker, &topic).stop_at(StopAt::Latest).max_future(Duration::hours(1));
    let bound = WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(5));
    let source = source.watermark(bound).timestamps_from(|record| match number(record) {
        50 => Some(Timestamp::from_seconds(40_000_000_000)), // more than a thousand years ahead
        70 => None,
        n => Some(Timestamp::from_seconds(n as i64)),
    });
    let mut reader = ByHand::open(&source).remove(0);
    reader.poll_until("read to the end", |r| r.records.len() == 100);
    assert_eq!(reader.reader.watermark(), at(6_065), "record 70 has its own time, and elements come 5 s late at most");
    let p = Pipeline::new("test");
    let out = p.read("Read", source).collect("Out");
    let metrics = run(&p, &DirectRunner::new(), 1).unwrap();
    assert_eq!(metrics.get("Read", "future_timestamps"), 1);
    assert_eq!(out.values().len(), 100);
}
