//! Topics, records and runs for the tests.

use dataflow_core::plane::Batch;
use dataflow_core::windows::Timestamp;
use dataflow_core::{Metrics, Pipeline, PipelineOptions, Poll, Result, Source, SourceReader};
use dataflow_exec::transforms::*;
use io_kafka::{KafkaReader, KafkaRecord, KafkaSource, KafkaSplit};
use kafka_broker::Broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use runner_direct::DirectRunner;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll as Ready, Wake, Waker};
use std::time::{Duration, Instant};

/// A topic with a name of its own.
pub(crate) fn topic(broker: &Broker, partitions: i32) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("topic-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    make_topic(broker, &name, partitions);
    name
}

/// One that takes records of up to so many bytes.
pub(crate) fn topic_of_small_records(broker: &Broker, bytes: &str) -> String {
    let name = format!("{}-small", topic(broker, 1));
    make(broker, NewTopic::new(&name, 1, TopicReplication::Fixed(1)).set("max.message.bytes", bytes));
    name
}

pub(crate) fn make_topic(broker: &Broker, name: &str, partitions: i32) {
    make(broker, NewTopic::new(name, partitions, TopicReplication::Fixed(1)));
}

fn make(broker: &Broker, new: NewTopic<'_>) {
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> = config.set("bootstrap.servers", broker.address()).create().unwrap();
    for made in block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap() {
        made.unwrap();
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Ready::Ready(output) => return output,
            Ready::Pending => std::thread::park(),
        }
    }
}

/// A producer with these settings beside the usual ones.
pub(crate) fn producer(broker: &Broker, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address()).set("linger.ms", "5").set("enable.idempotence", "true");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().unwrap()
}

/// Sends a record: its value is `number` as text, its time so many milliseconds since 1970.
pub(crate) fn send(producer: &BaseProducer, topic: &str, partition: i32, number: usize, ms: i64) {
    let (key, value) = (format!("key {}", number % 7), number.to_string());
    let headers = OwnedHeaders::new().insert(rdkafka::message::Header { key: "n", value: Some(&value) });
    let record = BaseRecord::to(topic).partition(partition).key(&key).payload(&value).timestamp(ms).headers(headers);
    producer.send(record).map_err(|(e, _)| e).unwrap();
}

/// Fills a partition with the numbers, a second of event time apart from `from` seconds on.
pub(crate) fn fill(broker: &Broker, topic: &str, partition: i32, numbers: std::ops::Range<usize>, from: i64) {
    let producer = producer(broker, &[]);
    for (i, number) in numbers.enumerate() {
        send(&producer, topic, partition, number, (from + i as i64) * 1_000);
    }
    producer.flush(Duration::from_secs(20)).unwrap();
}

pub(crate) fn source(broker: &Broker, topic: &str) -> KafkaSource {
    KafkaSource::new(broker.address(), [topic])
}

pub(crate) fn number(record: &KafkaRecord) -> usize {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

pub(crate) fn run(p: &Pipeline, runner: &DirectRunner, threads: u16) -> Result<Metrics> {
    let mut result =
        p.run_on(&runner.clone().handle_signals(false), &PipelineOptions::default().with_threads(threads))?;
    result.wait_until_finish()?;
    Ok(result.metrics().clone())
}

/// What `source` brings, in the order in which it comes.
pub(crate) fn read(source: KafkaSource, runner: &DirectRunner, threads: u16) -> Result<Vec<KafkaRecord>> {
    let p = Pipeline::new("test");
    let out = p.read("Read", source).collect("Out");
    run(&p, runner, threads)?;
    Ok(out.values())
}

/// The numbers in each partition, in the order in which they came.
pub(crate) fn by_partition(records: &[KafkaRecord], partitions: usize) -> Vec<Vec<usize>> {
    let mut numbers = vec![Vec::new(); partitions];
    for record in records {
        numbers[usize::try_from(record.partition).unwrap()].push(number(record));
    }
    numbers
}

/// A reader that is polled by hand.
pub(crate) struct ByHand {
    pub(crate) reader: KafkaReader,
    pub(crate) records: Vec<KafkaRecord>,
    pub(crate) ended: bool,
}

impl ByHand {
    /// Of each partition of `source`.
    pub(crate) fn open(source: &KafkaSource) -> Vec<ByHand> {
        source.splits(1).unwrap().into_iter().map(|split| Self::of(source, split)).collect()
    }

    /// Of a split.
    pub(crate) fn of(source: &KafkaSource, split: KafkaSplit) -> ByHand {
        ByHand { reader: source.open(split).unwrap(), records: Vec::new(), ended: false }
    }

    /// Polls until `done` says so, or fails after 30 seconds.
    pub(crate) fn poll_until(&mut self, what: &str, mut done: impl FnMut(&ByHand) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "not {what} after 30 s: {} records", self.records.len());
            self.poll();
        }
    }

    /// Polls for a while.
    pub(crate) fn poll_for(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.poll();
        }
    }

    fn poll(&mut self) {
        let mut batch = Batch::default();
        let start = Instant::now();
        let poll = self.reader.poll(&mut batch).unwrap();
        assert!(start.elapsed() < Duration::from_millis(500), "a poll took {:?}", start.elapsed());
        if poll == Poll::Pending && batch.is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.records.append(&mut batch.values);
        self.ended = poll == Poll::End;
    }
}
