//! Brokers that die and come back.

use crate::support::*;
use dataflow_core::{Pipeline, SourceReader};
use dataflow_exec::transforms::*;
use io_kafka::{KafkaSource, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const N: usize = 3_000;

#[test]
fn reading_goes_on_by_itself_when_a_killed_broker_is_back() {
    let broker = Broker::start().unwrap();
    let topic = topic(&broker, 4);
    for p in 0..4 {
        fill(&broker, &topic, p as i32, p * N..p * N + N / 2, 1_000);
    }
    let seen = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (count, reads) = (seen.clone(), source(&broker, &topic).stop_at(StopAt::Offset(N as i64)));
        let reading = scope.spawn(move || {
            let p = Pipeline::new("test");
            let counted = p.read("Read", reads).update("Count", move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            });
            let out = counted.collect("Out");
            run(&p, &DirectRunner::new(), 2).unwrap();
            out.values()
        });
        while seen.load(Ordering::SeqCst) < N {
            std::thread::sleep(Duration::from_millis(5));
        }
        broker.kill().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        broker.restart().unwrap();
        for p in 0..4 {
            fill(&broker, &topic, p as i32, p * N + N / 2..p * N + N, 5_000);
        }
        let all: Vec<Vec<usize>> = (0..4).map(|p| (p * N..p * N + N).collect()).collect();
        assert_eq!(by_partition(&reading.join().unwrap(), 4), all);
    });
}

#[test]
fn a_partition_that_is_merely_slow_is_not_idle() {
    let broker = Broker::start().unwrap();
    let topic = topic(&broker, 1);
    fill(&broker, &topic, 0, 0..10, 0);
    let mut reader = ByHand::open(&source(&broker, &topic).idle_after(Duration::from_millis(300))).remove(0);
    broker.freeze().unwrap();
    let read = reader.records.len();
    reader.poll_for(Duration::from_secs(1));
    assert!(!reader.reader.is_idle(), "it has {read} of 10 records and cannot get the others");
    broker.thaw().unwrap();
    reader.poll_until("all read", |r| r.records.len() == 10);
    assert!(!reader.reader.is_idle(), "it has just got records");
    reader.poll_until("idle", |r| r.reader.is_idle());
    // Nobody knows what the partition has got that cannot be asked for.
    broker.kill().unwrap();
    reader.poll_until("awake", |r| !r.reader.is_idle());
    reader.poll_for(Duration::from_millis(600));
    assert!(!reader.reader.is_idle());
    broker.restart().unwrap();
    reader.poll_until("idle again", |r| r.reader.is_idle());
    fill(&broker, &topic, 0, 10..20, 0);
    reader.poll_until("all read again", |r| r.records.len() == 20);
    assert!(!reader.reader.is_idle());
    assert_eq!(reader.records.iter().map(number).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_broker_that_is_not_up_yet_can_be_waited_for() {
    let broker = Broker::start().unwrap();
    let topic = topic(&broker, 1);
    fill(&broker, &topic, 0, 0..10, 0);
    broker.kill().unwrap();
    let waiting: KafkaSource = source(&broker, &topic).wait(true).connect_timeout(Duration::from_millis(200));
    let reading = std::thread::spawn(move || read(waiting.stop_at(StopAt::Latest), &DirectRunner::new(), 1));
    std::thread::sleep(Duration::from_secs(2));
    assert!(!reading.is_finished());
    broker.restart().unwrap();
    assert_eq!(reading.join().unwrap().unwrap().len(), 10);
}
