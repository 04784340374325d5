//! Which partitions there are, and where reading them begins and ends.

use crate::cluster::{Cluster, Diary};
use crate::range::{End, KafkaSplit, StartAt, StopAt};
use dataflow_core::windows::Timestamp;
use dataflow_core::{Error, ErrorKind, Result};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A client that is not answered by then asks again, so that news are seen in between.
const PATIENCE: Duration = Duration::from_millis(500);

/// A topic that was just made is not known to every broker at once: for so long it is asked for again.
const NEW_TOPIC: Duration = Duration::from_secs(2);

/// What is read.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) topics: Vec<String>,
    pub(crate) start: StartAt,
    pub(crate) stop: StopAt,
    /// Offsets at which single partitions begin and end.
    pub(crate) starts: BTreeMap<(String, i32), i64>,
    pub(crate) stops: BTreeMap<(String, i32), i64>,
}

/// Finds the splits that `plan` means.
pub(crate) fn splits(cluster: &Cluster, plan: &Plan, watermark: Timestamp, isolation: &str) -> Result<Vec<KafkaSplit>> {
    let (consumer, diary) = cluster.client(&[("isolation.level", isolation.to_owned())])?;
    let mut ask = Ask { cluster, consumer, diary, topics: named(&plan.topics), since: Instant::now() };
    let mut splits = Vec::new();
    for topic in &plan.topics {
        for partition in ask.partitions(topic)? {
            splits.push(ask.split(plan, topic, partition, watermark)?);
        }
    }
    let known =
        |(topic, partition): &(String, i32)| splits.iter().any(|s| s.topic == *topic && s.partition == *partition);
    if let Some((topic, partition)) = plan.starts.keys().chain(plan.stops.keys()).find(|key| !known(key)) {
        let topics = named(&plan.topics);
        return Err(Error::options(format!(
            "an offset is given for partition {partition} of topic {topic}: {topics} has none"
        )));
    }
    let partitions = u32::try_from(splits.len()).unwrap_or(u32::MAX);
    splits.iter_mut().for_each(|split| split.partitions = partitions);
    Ok(splits)
}

/// Sees that `topic` is there.
pub(crate) fn check(cluster: &Cluster, topic: &str) -> Result<()> {
    let (consumer, diary) = cluster.client(&[])?;
    let topics = named(&[topic.to_owned()]);
    Ask { cluster, consumer, diary, topics, since: Instant::now() }.partitions(topic).map(drop)
}

fn named(topics: &[String]) -> String {
    let (word, topics) = (if topics.len() == 1 { "topic" } else { "topics" }, topics.join(", "));
    format!("{word} {topics}")
}

/// Asks the cluster until it answers or patience ends.
struct Ask<'a> {
    cluster: &'a Cluster,
    consumer: BaseConsumer<Diary>,
    diary: Diary,
    topics: String,
    since: Instant,
}

impl Ask<'_> {
    /// Asks until there is an answer. `None` asks again.
    fn until_answered<T>(&mut self, ask: impl Fn(&BaseConsumer<Diary>) -> Result<T, KafkaError>) -> Result<T> {
        let mut backoff = Duration::from_millis(50);
        let mut told = Instant::now();
        loop {
            let error = match ask(&self.consumer) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // What the client has to say waits in its queue.
            while self.consumer.poll(Duration::ZERO).is_some() {}
            let why = || match (self.diary.last(), error.rdkafka_error_code()) {
                // What the broker itself says is the cause.
                (_, Some(code)) if (code as i32) > 0 => code.to_string(),
                (Some(last), _) => last,
                (None, code) => code.map_or_else(|| error.to_string(), |code| code.to_string()),
            };
            let is_over = self.since.elapsed() >= self.cluster.connect_timeout || self.diary.is_refused();
            if is_over && !self.cluster.wait {
                return Err(self.cluster.unreachable(&self.topics, &why()));
            }
            if self.cluster.wait && told.elapsed() >= Duration::from_secs(5) {
                told = Instant::now();
                let (servers, seconds) = (&self.cluster.servers, self.since.elapsed().as_secs());
                tracing::warn!("waiting for Kafka at {servers} for {} since {seconds} s: {}", self.topics, why());
            }
            std::thread::sleep(backoff);
            backoff = (backoff * 2).min(Duration::from_secs(2));
        }
    }

    /// How long a single question may take.
    fn patience(&self) -> Duration {
        if self.cluster.wait {
            return PATIENCE;
        }
        let left = self.cluster.connect_timeout.saturating_sub(self.since.elapsed());
        PATIENCE.min(left.max(Duration::from_millis(20)))
    }

    /// The numbers of a topic's partitions.
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>> {
        loop {
            let patience = self.patience();
            let found = self.until_answered(|consumer| {
                let metadata = consumer.fetch_metadata(Some(topic), patience)?;
                let found = metadata.topics().iter().find(|t| t.name() == topic);
                let error = found.and_then(|topic| topic.error()).map(RDKafkaErrorCode::from);
                let partitions = found.map(|topic| topic.partitions().iter().map(|p| p.id()).collect::<Vec<_>>());
                Ok((partitions.unwrap_or_default(), error))
            })?;
            let waits = self.cluster.wait || self.since.elapsed() < NEW_TOPIC.min(self.cluster.connect_timeout);
            let why = match found {
                (_, Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {
                    "there is no such topic".to_owned()
                }
                (_, Some(error)) => error.to_string(),
                (partitions, None) if partitions.is_empty() => "it has no partitions".to_owned(),
                (mut partitions, None) => {
                    partitions.sort_unstable();
                    return Ok(partitions);
                }
            };
            if !waits {
                let servers = &self.cluster.servers;
                let what = format!(
                    "topic {topic} at Kafka {servers} cannot be used: {why}. See that the name is right, make the topic, or \
                     let the program wait for it with `wait(true)`"
                );
                return Err(Error::new(ErrorKind::Io, what));
            }
            if self.cluster.wait {
                tracing::warn!("waiting for topic {topic} at Kafka {}: {why}", self.cluster.servers);
            }
            std::thread::sleep(Duration::from_millis(if self.since.elapsed() < NEW_TOPIC { 100 } else { 2_000 }));
        }
    }

    fn split(&mut self, plan: &Plan, topic: &str, partition: i32, watermark: Timestamp) -> Result<KafkaSplit> {
        let patience = self.patience();
        let (low, high) = self.until_answered(|consumer| consumer.fetch_watermarks(topic, partition, patience))?;
        let key = (topic.to_owned(), partition);
        let start = plan.starts.get(&key).map_or(plan.start, |offset| StartAt::Offset(*offset));
        let first = match start {
            StartAt::Earliest => low,
            StartAt::Latest => high,
            StartAt::Timestamp(time) => self.offset_at(topic, partition, time)?.unwrap_or(high).max(low),
            StartAt::Offset(offset) if (low..=high).contains(&offset) => offset,
            StartAt::Offset(offset) => {
                return Err(Error::options(format!(
                    "partition {partition} of topic {topic} cannot be read from offset {offset}: it has {low} to {high}"
                )));
            }
        };
        let stop = plan.stops.get(&key).map_or(plan.stop, |offset| StopAt::Offset(*offset));
        let end = match stop {
            StopAt::Never => End::Never,
            StopAt::Latest => End::Existing(high),
            StopAt::Offset(offset) if offset <= high => End::Existing(offset),
            StopAt::Offset(offset) => End::Offset(offset),
            StopAt::Timestamp(time) => match self.offset_at(topic, partition, time)? {
                Some(offset) => End::Existing(offset),
                None if time <= crate::now() => End::Existing(high),
                None => End::Time(time.as_millis()),
            },
        };
        Ok(KafkaSplit { topic: topic.to_owned(), partition, next: first, end, watermark, partitions: 1 })
    }

    /// The offset of the first record with this time or a later one.
    fn offset_at(&mut self, topic: &str, partition: i32, time: Timestamp) -> Result<Option<i64>> {
        let patience = self.patience();
        self.until_answered(|consumer| {
            let mut asked = TopicPartitionList::new();
            // A time before all records must not look like one of librdkafka's special offsets.
            asked.add_partition_offset(topic, partition, Offset::Offset(time.as_millis().max(0)))?;
            let found = consumer.offsets_for_times(asked, patience)?;
            let Some(element) = found.find_partition(topic, partition) else { return Ok(None) };
            element.error()?;
            Ok(match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        })
    }
}
