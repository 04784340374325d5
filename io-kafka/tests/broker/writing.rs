//! What a pipeline writes arrives.

use crate::support::*;
use dataflow_core::{Pipeline, Result, Sink};
use dataflow_exec::transforms::*;
use io_kafka::{KafkaMessage, KafkaRecord, KafkaSink, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Copies the records of a topic to another one, and reads that.
fn copy(
    broker: &Broker,
    [from, to]: [&str; 2],
    runner: &DirectRunner,
    threads: u16,
    encode: impl Fn(&KafkaRecord, &mut KafkaMessage) + Send + Sync + 'static,
) -> Result<Vec<KafkaRecord>> {
    let p = Pipeline::new("test");
    let records = p.read("Read", source(broker, from).stop_at(StopAt::Latest));
    records.write("Write", KafkaSink::new(broker.address(), to, encode));
    let metrics = run(&p, runner, threads)?;
    let copies = read(source(broker, to).stop_at(StopAt::Latest), &DirectRunner::new(), 1)?;
    assert_eq!(metrics.get("Write", "delivered"), copies.len() as u64);
    Ok(copies)
}

fn sorted(records: &[KafkaRecord]) -> Vec<usize> {
    let mut numbers: Vec<_> = records.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn what_is_read_can_be_written_again_as_it_was() {
    let broker = Broker::shared();
    let (from, to) = (topic(broker, 2), topic(broker, 2));
    fill(broker, &from, 0, 0..20, 100);
    fill(broker, &from, 1, 20..30, 200);
    let copies = copy(broker, [&from, &to], &DirectRunner::new(), 1, |record, message| {
        message.partition(record.partition);
        let _ = record.key.as_ref().map(|key| message.key(key));
        if number(record) % 10 != 5 {
            message.value(record.value.as_deref().unwrap_or_default()).header("n", record.value.as_deref());
        }
        message.header("empty", None);
    });
    let copies = copies.unwrap();
    assert_eq!(copies.len(), 30);
    for copy in copies {
        let n = if copy.partition == 0 { copy.offset as usize } else { 20 + copy.offset as usize };
        let seconds = if copy.partition == 0 { 100 + copy.offset } else { 200 + copy.offset };
        let text = n.to_string();
        let value = (n % 10 != 5).then_some(text.as_bytes());
        assert_eq!(copy.key.as_deref(), Some(format!("key {}", n % 7).as_bytes()));
        assert_eq!((copy.value.as_deref(), copy.timestamp), (value, Some(at(seconds))), "{n} is a tombstone or not");
        assert_eq!(copy.header("n").map(|n| &n[..]), value);
        assert_eq!(copy.headers.last(), Some(&("empty".to_owned(), None)));
    }
}

#[test]
fn keys_go_to_the_partitions_that_other_clients_choose() {
    // Hashes from the tests of Kafka's own client (UtilsTest.testMurmur2).
    let known: [(&str, i32); 3] =
        [("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)];
    let broker = Broker::shared();
    let to = topic(broker, 7);
    let p = Pipeline::new("test");
    let keys = p.create("Keys", known.map(|(key, _)| key.to_owned()).to_vec());
    keys.write(
        "Write",
        KafkaSink::new(broker.address(), &to, |key: &String, message| {
            message.key(key).value("7");
        }),
    );
    run(&p, &DirectRunner::new(), 1).unwrap();
    let records = read(source(broker, &to).stop_at(StopAt::Latest), &DirectRunner::new(), 1).unwrap();
    for (key, hash) in known {
        let record = records.iter().find(|r| r.key.as_deref() == Some(key.as_bytes())).unwrap();
        assert_eq!(record.partition, (hash & i32::MAX) % 7, "{key}");
        assert!(
            record.timestamp.unwrap() > at(1_700_000_000),
            "an element without a time is written with that of the day"
        );
    }
}

#[test]
fn nothing_is_missing_when_runs_restart_from_bytes() {
    let broker = Broker::shared();
    let from = topic(broker, 3);
    (0..3).for_each(|p| fill(broker, &from, p as i32, p * 4_000..(p + 1) * 4_000, 1_000));
    for threads in [1, 2] {
        let to = topic(broker, 3);
        let runner = DirectRunner::new().restart_every(6);
        let value = |r: &KafkaRecord, m: &mut KafkaMessage| {
            m.value(r.value.as_deref().unwrap_or_default());
        };
        let copies = copy(broker, [&from, &to], &runner, threads, value).unwrap();
        assert_eq!(sorted(&copies), (0..12_000).collect::<Vec<_>>(), "{threads} threads");
    }
}

#[test]
fn a_record_that_the_broker_refuses_fails_the_run() {
    let broker = Broker::shared();
    let (from, to) = (topic(broker, 1), topic_of_small_records(broker, "1000"));
    fill(broker, &from, 0, 0..100, 100);
    let error = copy(broker, [&from, &to], &DirectRunner::new(), 1, |record, message| {
        let len = if number(record) == 70 { 20_000 } else { 10 };
        message.value(vec![b'x'; len]);
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("step \"Write\"") && error.contains(&format!("partition 0 of topic {to}")), "{error}");
    assert!(error.contains("was not delivered") && error.contains("max.message.bytes"), "{error}");
    let error = copy(broker, [&from, &to], &DirectRunner::new(), 1, |_, message| {
        message.value(vec![0; 2_000_000]);
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&format!("topic {to}")) && error.contains("`message.max.bytes`"), "{error}");
}

#[test]
fn a_topic_that_is_not_there_fails_the_run_before_it_reads() {
    let broker = Broker::shared();
    let touched = Arc::new(AtomicUsize::new(0));
    let p = Pipeline::new("test");
    let touch = touched.clone();
    let numbers = p.create("Numbers", vec![1u64, 2]).update("Touch", move |_| {
        touch.fetch_add(1, Ordering::SeqCst);
    });
    let sink = KafkaSink::new(broker.address(), "no-such", |n: &u64, m| {
        m.value(n.to_string());
    });
    assert!(Sink::<u64>::describe(&sink).contains("no-such") && format!("{sink:?}").contains("no-such"));
    numbers.write("Write", sink.property("sasl.password", "hush"));
    let error = run(&p, &DirectRunner::new(), 1).unwrap_err().to_string();
    assert!(error.contains("topic no-such") && error.contains("there is no such topic"), "{error}");
    assert_eq!(touched.load(Ordering::SeqCst), 0);
}

#[test]
fn what_was_written_while_the_broker_was_away_arrives_once() {
    let broker = Broker::start().unwrap();
    let (from, to) = (topic(&broker, 2), topic(&broker, 2));
    (0..2).for_each(|p| fill(&broker, &from, p as i32, p * 2_000..p * 2_000 + 1_000, 1_000));
    let written = Arc::new(AtomicUsize::new(0));
    let (count, address, topics) = (written.clone(), broker.address(), (from.clone(), to.clone()));
    let writing = std::thread::spawn(move || {
        let p = Pipeline::new("test");
        let reads = io_kafka::KafkaSource::new(&address, [&topics.0]).stop_at(StopAt::Offset(2_000));
        let sink = KafkaSink::new(&address, &topics.1, move |record: &KafkaRecord, message| {
            count.fetch_add(1, Ordering::SeqCst);
            message.value(record.value.as_deref().unwrap_or_default());
        });
        p.read("Read", reads).write("Write", sink);
        run(&p, &DirectRunner::new(), 1).unwrap()
    });
    while written.load(Ordering::SeqCst) < 2_000 {
        std::thread::sleep(Duration::from_millis(1));
    }
    broker.kill().unwrap();
    broker.restart().unwrap();
    (0..2).for_each(|p| fill(&broker, &from, p as i32, p * 2_000 + 1_000..p * 2_000 + 2_000, 3_000));
    assert_eq!(writing.join().unwrap().get("Write", "delivered"), 4_000);
    let copies = read(source(&broker, &to).stop_at(StopAt::Latest), &DirectRunner::new(), 1).unwrap();
    assert_eq!(sorted(&copies), (0..4_000).collect::<Vec<_>>());
}
