//! Only what was committed is read.

use crate::support::*;
use io_kafka::StopAt;
use kafka_broker::Broker;
use rdkafka::producer::Producer;
use runner_direct::DirectRunner;
use std::time::Duration;

#[test]
fn records_of_open_and_aborted_transactions_are_not_read() {
    let broker = Broker::shared();
    let topic = topic(broker, 1);
    let patience = Duration::from_secs(20);
    let producer = producer(broker, &[("transactional.id", &topic)]);
    producer.init_transactions(patience).unwrap();
    let transact = |numbers: std::ops::Range<usize>| {
        producer.begin_transaction().unwrap();
        numbers.for_each(|n| send(&producer, &topic, 0, n, n as i64));
        producer.flush(patience).unwrap();
    };
    transact(0..10);
    producer.commit_transaction(patience).unwrap();
    transact(10..20);
    producer.abort_transaction(patience).unwrap();

    // The end is behind an aborted transaction and two marks: no record tells of it.
    let replay = || source(broker, &topic).stop_at(StopAt::Latest);
    let numbers = |source| read(source, &DirectRunner::new(), 1).unwrap().iter().map(number).collect::<Vec<_>>();
    let committed: Vec<_> = (0..10).collect();
    assert_eq!(numbers(replay()), committed);
    assert_eq!(numbers(source(broker, &topic).stop_at(StopAt::Offset(22))), committed);

    transact(20..30);
    assert_eq!(numbers(replay()), committed, "a transaction is open");
    let mut live = ByHand::open(&source(broker, &topic)).remove(0);
    let mut stopping = ByHand::open(&source(broker, &topic).stop_at(StopAt::Offset(33))).remove(0);
    live.poll_for(Duration::from_secs(1));
    assert_eq!(live.records.len(), 10);
    producer.commit_transaction(patience).unwrap();
    live.poll_until("all read", |r| r.records.len() == 20);
    // No record will ever have the offset before the one to stop at: a mark has it.
    stopping.poll_until("ended", |r| r.ended);
    assert_eq!(stopping.records, live.records);
    let all: Vec<_> = (0..10).chain(20..30).collect();
    assert_eq!(live.records.iter().map(number).collect::<Vec<_>>(), all);
    assert_eq!(numbers(replay()), all);
    assert_eq!(numbers(replay().property("isolation.level", "read_uncommitted")), (0..30).collect::<Vec<_>>());
}
