//! All records come, once and in order.

use crate::support::*;
use dataflow_core::Pipeline;
use dataflow_exec::transforms::*;
use io_kafka::StopAt;
use kafka_broker::Broker;
use rdkafka::producer::{BaseRecord, Producer};
use runner_direct::DirectRunner;
use std::time::Duration;

const N: usize = 5_000;

fn four_partitions(broker: &Broker) -> (String, Vec<Vec<usize>>) {
    let topic = topic(broker, 4);
    let all: Vec<Vec<usize>> = (0..4).map(|p| (p * N..(p + 1) * N).collect()).collect();
    (0..4).for_each(|p| fill(broker, &topic, p as i32, p * N..(p + 1) * N, 1_000));
    (topic, all)
}

#[test]
fn all_records_of_four_partitions_come_once_and_in_order() {
    let broker = Broker::shared();
    let (topic, all) = four_partitions(broker);
    for threads in [1, 3] {
        let records = read(source(broker, &topic).stop_at(StopAt::Latest), &DirectRunner::new(), threads).unwrap();
        assert_eq!(by_partition(&records, 4), all, "{threads} threads");
    }
}

#[test]
fn a_run_that_restarts_from_bytes_again_and_again_reads_each_record_once() {
    let broker = Broker::shared();
    let (topic, all) = four_partitions(broker);
    for runner in [DirectRunner::new().restart_every(7), DirectRunner::new().restart_every(9).seed(1)] {
        for threads in [1, 2] {
            let records = read(source(broker, &topic).stop_at(StopAt::Latest), &runner, threads).unwrap();
            assert_eq!(by_partition(&records, 4), all, "{runner:?}, {threads} threads");
        }
    }
}

#[test]
fn a_record_has_all_that_was_sent() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    fill(broker, &topic, 1, 5..7, 40);
    let producer = producer(broker, &[]);
    let tombstone: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).partition(1).key("gone").timestamp(90_000);
    producer.send(tombstone).map_err(|(e, _)| e).unwrap();
    producer.flush(Duration::from_secs(20)).unwrap();
    let records = read(source(broker, &topic).stop_at(StopAt::Latest), &DirectRunner::new(), 1).unwrap();
    let [first, second, last] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*first.topic, first.partition, first.offset, second.offset), (topic.as_str(), 1, 0, 1));
    assert_eq!((first.timestamp, second.timestamp), (Some(at(40)), Some(at(41))));
    assert_eq!((first.key.as_deref(), first.value.as_deref()), (Some(&b"key 5"[..]), Some(&b"5"[..])));
    assert_eq!(first.header("n").map(|n| &n[..]), Some(&b"5"[..]));
    assert_eq!((last.key.as_deref(), last.value.as_deref(), last.headers.len()), (Some(&b"gone"[..]), None, 0));
    assert_eq!(format!("{first:?}"), format!("{topic}/1@0 (key: Some(5) bytes, value: Some(1) bytes, 1 headers)"));
}

#[test]
fn records_that_come_while_it_runs_are_read() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    fill(broker, &topic, 0, 0..10, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..20 {
                std::thread::sleep(Duration::from_millis(50));
                fill(broker, &topic, (n % 2) as i32, 10 + n..11 + n, 20 + n as i64);
            }
        });
        let source = source(broker, &topic).stop_partition_at(&topic, 0, 20).stop_partition_at(&topic, 1, 10);
        let records = read(source, &DirectRunner::new(), 1).unwrap();
        let expected: [Vec<_>; 2] = [(0..10).chain((10..30).step_by(2)).collect(), (11..30).step_by(2).collect()];
        assert_eq!(by_partition(&records, 2), expected);
    });
}

#[test]
fn a_pipeline_groups_what_several_topics_bring() {
    let broker = Broker::shared();
    let topics = [topic(broker, 1), topic(broker, 2)];
    fill(broker, &topics[0], 0, 0..70, 0);
    fill(broker, &topics[1], 1, 0..35, 0);
    let p = Pipeline::new("test");
    let source = io_kafka::KafkaSource::new(broker.address(), topics.clone()).stop_at(StopAt::Latest);
    assert!(format!("{source:?}").contains(&topics[1]));
    let counts = p.read("Read", source).key_by("Key", |r| number(r) as u64 % 7).count("Count").collect("Out");
    run(&p, &DirectRunner::new(), 2).unwrap();
    assert_eq!(counts.sorted(), (0..7).map(|key| (key, 15)).collect::<Vec<_>>());
}

#[test]
fn memory_stays_within_its_limit_however_much_there_is_to_fetch() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    let producer = producer(broker, &[("queue.buffering.max.kbytes", "200000"), ("batch.size", "65536")]);
    let value = vec![b'x'; 10_000];
    for n in 0..8_000 {
        let record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).partition(n % 2).payload(&value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    let source = source(broker, &topic).memory_limit(4 << 20).stop_at(StopAt::Latest);
    let before = resident();
    let mut readers = ByHand::open(&source);
    std::thread::sleep(Duration::from_secs(2)); // nobody takes anything
    let grown = resident().saturating_sub(before);
    assert!(grown < 40 << 20, "{} MiB more with a limit of 4 and 80 to fetch", grown >> 20);
    for reader in &mut readers {
        reader.poll_until("all read", |reader| reader.records.len() == 4_000);
    }
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
}
