//! Where reading starts and stops.

use crate::support::*;
use dataflow_core::{Source, SourceReader};
use io_kafka::{KafkaSource, StartAt, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::time::Duration;

/// Two partitions: 0 has the numbers 0 to 99, 1 has 100 to 199, a second apart from second 1000 on.
fn hundred_each() -> String {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    (0..2).for_each(|p| fill(broker, &topic, p as i32, p * 100..p * 100 + 100, 1_000));
    topic
}

/// The first and the last number and how many there are, of each partition.
fn spans(source: KafkaSource) -> Vec<Option<(usize, usize, usize)>> {
    let records = read(source, &DirectRunner::new(), 1).unwrap();
    let span = |numbers: Vec<usize>| Some((*numbers.first()?, *numbers.last()?, numbers.len()));
    by_partition(&records, 2).into_iter().map(span).collect()
}

#[test]
fn start_and_stop_may_be_ends_times_and_offsets() {
    let topic = hundred_each();
    let all = || source(Broker::shared(), &topic).stop_at(StopAt::Latest);
    assert_eq!(spans(all()), [Some((0, 99, 100)), Some((100, 199, 100))]);
    assert_eq!(spans(all().start_at(StartAt::Latest)), [None, None]);
    assert_eq!(spans(all().start_at(StartAt::Offset(90))), [Some((90, 99, 10)), Some((190, 199, 10))]);
    assert_eq!(spans(all().start_partition_at(&topic, 1, 98)), [Some((0, 99, 100)), Some((198, 199, 2))]);
    assert_eq!(spans(all().start_at(StartAt::Timestamp(at(1_095)))), [Some((95, 99, 5)), Some((195, 199, 5))]);
    assert_eq!(spans(all().start_at(StartAt::Timestamp(at(2_000)))), [None, None]);
    assert_eq!(spans(all().stop_at(StopAt::Offset(3))), [Some((0, 2, 3)), Some((100, 102, 3))]);
    assert_eq!(spans(all().stop_partition_at(&topic, 0, 0)), [None, Some((100, 199, 100))]);
    assert_eq!(spans(all().stop_at(StopAt::Timestamp(at(1_002)))), [Some((0, 1, 2)), Some((100, 101, 2))]);
    assert_eq!(spans(all().stop_at(StopAt::Timestamp(at(9_000)))), [Some((0, 99, 100)), Some((100, 199, 100))]);
    let between = all().start_at(StartAt::Timestamp(at(1_010))).stop_at(StopAt::Timestamp(at(1_020)));
    assert_eq!(spans(between), [Some((10, 19, 10)), Some((110, 119, 10))]);
}

#[test]
fn what_comes_after_the_start_is_not_part_of_a_replay() {
    let topic = hundred_each();
    let source = source(Broker::shared(), &topic).stop_at(StopAt::Latest);
    let splits = source.splits(1).unwrap();
    fill(Broker::shared(), &topic, 0, 500..600, 2_000);
    assert_eq!(splits.iter().map(|s| (s.partition(), s.next_offset())).collect::<Vec<_>>(), [(0, 0), (1, 0)]);
    for split in splits {
        assert_eq!(source.size(&split), Some(100));
        let partition = split.partition();
        let mut by_hand = ByHand::of(&source, split);
        by_hand.poll_until("at the end", |r| r.reader.progress().done == 100);
        by_hand.poll_for(Duration::from_millis(200));
        assert_eq!(by_hand.records.len(), 100, "partition {partition}");
        assert_eq!(by_hand.reader.progress().total, Some(100));
    }
}

#[test]
fn a_reader_goes_on_from_a_checkpoint_of_another() {
    let topic = hundred_each();
    let source = source(Broker::shared(), &topic).stop_at(StopAt::Offset(150));
    let mut first = ByHand::open(&source).remove(0);
    first.poll_until("caught up", |r| r.records.len() == 100);
    let split = first.reader.checkpoint().unwrap();
    drop(first);
    assert_eq!((split.next_offset(), source.size(&split), source.lower_bound(&split)), (100, Some(50), at(1_099)));
    let mut second = ByHand::of(&source, split);
    assert_eq!(second.reader.watermark(), at(1_099));
    fill(Broker::shared(), &topic, 0, 500..600, 2_000);
    second.poll_until("at the end", |r| r.reader.progress().done == 50);
    second.poll_for(Duration::from_millis(100));
    assert_eq!(second.records.iter().map(number).collect::<Vec<_>>(), (500..550).collect::<Vec<_>>());
}

#[test]
fn an_offset_that_is_not_there_is_an_error() {
    let topic = hundred_each();
    let source = |topic: &str| source(Broker::shared(), topic);
    let error = source(&topic).start_at(StartAt::Offset(101)).splits(1).unwrap_err().to_string();
    assert!(error.contains(&format!("partition 0 of topic {topic}")) && error.contains("it has 0 to 100"), "{error}");
    let error = source(&topic).start_partition_at(&topic, 7, 0).splits(1).unwrap_err().to_string();
    assert!(error.contains(&format!("partition 7 of topic {topic}")), "{error}");
}

#[test]
fn reading_stops_at_a_time_to_come_once_it_has_come() {
    let broker = Broker::shared();
    let topic = topic(broker, 2);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let source = source(broker, &topic).stop_at(StopAt::Timestamp(at(now + 4)));
    let mut readers = ByHand::open(&source);
    fill(broker, &topic, 0, 0..10, now);
    readers[0].poll_until("ended by a record of that time", |r| r.ended);
    assert_eq!(readers[0].records.iter().map(number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(readers[0].reader.checkpoint().unwrap().next_offset(), 4);
    readers[1].poll_for(Duration::from_millis(300));
    assert!(!readers[1].ended);
    readers[1].poll_until("ended by the clock", |r| r.ended);
}
