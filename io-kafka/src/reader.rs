//! Reads a partition.

use crate::clock::{Clock, Stamp};
use crate::cluster::{Cluster, Diary};
use crate::range::End;
use crate::{KafkaRecord, KafkaSplit, now};
use dataflow_core::plane::{Batch, Column};
use dataflow_core::windows::Timestamp;
use dataflow_core::{Error, ErrorKind, Poll, Progress, Result, SourceReader};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A batch holds not many more bytes than this.
const BATCH_BYTES: usize = 1 << 20;

/// How often the end of a partition is asked for that is to be read further than it goes.
const ASK_END_EVERY: Duration = Duration::from_secs(1);

/// Reads a partition, with a consumer of its own.
pub struct KafkaReader {
    /// None where nothing is left to read.
    consumer: Option<BaseConsumer<Diary>>,
    diary: Diary,
    servers: String,
    /// The offset at which it began.
    first: i64,
    split: KafkaSplit,
    topic: Arc<str>,
    clock: Clock,
    stamp: Stamp,
    idle_after: Option<Duration>,
    /// Since when all of the partition is read, as far as is known.
    caught_up: Option<Instant>,
    /// When it was last asked where the partition ends.
    asked: Instant,
    /// The time has come at which reading ends.
    is_past: bool,
    /// What the last batch has.
    batch: (i64, i64),
}

impl KafkaReader {
    pub(crate) fn open(
        cluster: &Cluster,
        settings: &[(&str, String)],
        split: KafkaSplit,
        clock: Clock,
        stamp: Stamp,
        idle_after: Option<Duration>,
    ) -> Result<Self> {
        let mut reader = KafkaReader {
            consumer: None,
            diary: Diary::default(),
            servers: cluster.servers.clone(),
            topic: Arc::from(split.topic.as_str()),
            first: split.next,
            batch: (split.next, split.next),
            split,
            clock,
            stamp,
            idle_after,
            caught_up: None,
            asked: Instant::now(),
            is_past: false,
        };
        if !reader.split.is_read() {
            let (consumer, diary) = cluster.client(settings)?;
            reader.consumer = Some(consumer);
            reader.diary = diary;
            reader.assign()?;
        }
        Ok(reader)
    }

    /// Lets the consumer fetch from the position on.
    fn assign(&mut self) -> Result<()> {
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let KafkaSplit { topic, partition, next, .. } = &self.split;
        let mut list = TopicPartitionList::new();
        let assigned = list
            .add_partition_offset(topic, *partition, Offset::Offset(*next))
            .and_then(|()| consumer.assign(&list))
            .map_err(|e| self.failed(&e));
        self.caught_up = None;
        assigned
    }

    /// That reading fails with `error`.
    fn failed(&self, error: &KafkaError) -> Error {
        let KafkaSplit { topic, partition, next, .. } = &self.split;
        let code = error.rdkafka_error_code();
        let why = match code {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                format!(
                    "there is no record {next} any more, nor is it the next one: retention has passed it, or the topic was made anew. Start anew where records are"
                )
            }
            Some(code) => code.to_string(),
            None => error.to_string(),
        };
        let cause = self.diary.last().filter(|_| !matches!(code, Some(Code::OffsetOutOfRange)));
        let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
        let what =
            format!("partition {partition} of topic {topic} at Kafka {} cannot be read: {why}{cause}", self.servers);
        Error::new(ErrorKind::Io, what)
    }

    /// Works off what is no record.
    fn event(&mut self, error: &KafkaError) -> Result<()> {
        if let KafkaError::PartitionEOF(_) = error {
            self.caught_up = Some(Instant::now());
            return Ok(());
        }
        let code = match error {
            KafkaError::MessageConsumption(code) => *code,
            other => return Err(self.failed(other)),
        };
        match code {
            Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::OffsetOutOfRange
            | Code::AutoOffsetReset
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::BadMessage
            | Code::BadCompression
            | Code::NotImplemented => Err(self.failed(error)),
            // librdkafka goes on by itself. Whether it is still the end of the partition, it tells only anew.
            code => {
                let KafkaSplit { topic, partition, .. } = &self.split;
                tracing::warn!("partition {partition} of topic {topic} at Kafka {}: {code}; trying on", self.servers);
                if self.caught_up.is_some() {
                    self.assign()?;
                }
                Ok(())
            }
        }
    }

    /// Whether reading has come to its end, seeing that it has come to that of the partition. Records may have come since
    /// that was told, though: where they matter it is to be told anew.
    fn ends_here(&mut self) -> Result<bool> {
        match self.split.end {
            End::Never => Ok(false),
            End::Existing(_) => Ok(true),
            End::Time(_) if self.is_past => Ok(true),
            End::Time(ms) => {
                if now() >= Timestamp::from_millis(ms) {
                    self.is_past = true;
                    self.assign()?;
                }
                Ok(false)
            }
            // What is left up to there may be no records but marks of transactions, or compacted away.
            End::Offset(end) => {
                if self.asked.elapsed() >= ASK_END_EVERY {
                    self.asked = Instant::now();
                    let KafkaSplit { topic, partition, .. } = &self.split;
                    let patience = Duration::from_millis(100);
                    let high = self.consumer.as_ref().map(|c| c.fetch_watermarks(topic, *partition, patience));
                    if matches!(high, Some(Ok((_, high))) if high >= end) {
                        self.split.end = End::Existing(end);
                        self.assign()?;
                    }
                }
                Ok(false)
            }
        }
    }

    /// Whether a record is behind the end.
    fn is_behind(&self, offset: i64, ms: Option<i64>) -> bool {
        match self.split.end {
            End::Never => false,
            End::Existing(end) | End::Offset(end) => offset >= end,
            End::Time(end) => ms.is_some_and(|ms| ms >= end),
        }
    }

    /// Notes that all is read.
    fn end(&mut self) {
        let end = self.split.end_offset().unwrap_or(self.split.next);
        // An end that does not move, should it be asked for again.
        self.split.end = End::Existing(end);
        self.split.next = end;
        self.close();
    }

    /// Takes leave of the brokers, without waiting for them.
    fn close(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            let closing = std::thread::Builder::new().name("kafka-close".to_owned());
            let _ = closing.spawn(move || drop(consumer));
        }
    }

    /// Reads records and events until the batch is full, there are none, or all is read.
    fn read(&mut self, values: &mut Vec<KafkaRecord>) -> Result<Poll> {
        let mut bytes = 0;
        while values.len() < Batch::<KafkaRecord>::target_len() && bytes < BATCH_BYTES {
            let Some(consumer) = &self.consumer else { return Ok(Poll::End) };
            let Some(event) = consumer.poll(Duration::ZERO) else {
                if self.caught_up.is_none() || !self.ends_here()? {
                    return Ok(Poll::Pending);
                }
                self.end();
                return Ok(Poll::End);
            };
            match event {
                Ok(message) if self.is_behind(message.offset(), message.timestamp().to_millis()) => {
                    drop(message);
                    self.end();
                    return Ok(Poll::End);
                }
                Ok(message) => {
                    self.caught_up = None;
                    if message.offset() >= self.split.next {
                        let record = KafkaRecord::copy_of(&message, &self.topic);
                        self.split.next = message.offset() + 1;
                        bytes += record.bytes();
                        values.push(record);
                    }
                }
                Err(error) => self.event(&error)?,
            }
            if self.split.is_read() {
                self.end();
                return Ok(Poll::End);
            }
        }
        Ok(Poll::More)
    }
}

impl SourceReader for KafkaReader {
    type Element = KafkaRecord;
    type Split = KafkaSplit;

    fn poll(&mut self, batch: &mut Batch<KafkaRecord>) -> Result<Poll> {
        self.batch.0 = self.split.next;
        let poll = self.read(&mut batch.values)?;
        self.batch.1 = self.split.next;
        let mut times = match std::mem::replace(&mut batch.times, Column::Uniform(Timestamp::MIN)) {
            Column::PerElement(times) => times,
            Column::Uniform(_) => Vec::new(),
        };
        times.clear();
        if !batch.values.is_empty() && self.clock.max_future.is_some() {
            self.clock.tick(now());
        }
        batch.bounds = (self.stamp)(&batch.values, &mut self.clock, &mut times);
        batch.times = Column::PerElement(times);
        Ok(poll)
    }

    fn watermark(&self) -> Timestamp {
        self.clock.estimator.watermark()
    }

    fn is_idle(&self) -> bool {
        self.caught_up.zip(self.idle_after).is_some_and(|(since, after)| since.elapsed() >= after)
    }

    fn checkpoint(&mut self) -> Result<KafkaSplit> {
        Ok(KafkaSplit { watermark: self.clock.estimator.watermark(), ..self.split.clone() })
    }

    fn progress(&self) -> Progress {
        let since = |from: i64, to: i64| u64::try_from(to - from).unwrap_or(0);
        let (first, next) = (self.first, self.split.next);
        Progress { done: since(first, next), total: self.split.end_offset().map(|end| since(first, end)) }
    }

    fn position(&self) -> String {
        let (KafkaSplit { topic, partition, .. }, (from, to)) = (&self.split, self.batch);
        format!("topic {topic}, partition {partition}, offsets {from} to {to}")
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.close();
    }
}
