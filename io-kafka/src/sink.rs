//! The sink: a topic of a cluster.

use crate::cluster::{Cluster, Diary};
use crate::{KafkaMessage, discover};
use dataflow_core::plane::Batch;
use dataflow_core::windows::{Timestamp, Window};
use dataflow_core::{Counter, Data, DurableRun, Error, ErrorKind, Result, Sink, SinkContext, SinkWriter};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Writes to a topic of Kafka, each element at least once.
///
/// A function makes a [`KafkaMessage`] of each element. The producer is idempotent and waits for all replicas, and every
/// delivery is looked at: one that fails, fails the run. What was taken has arrived when a checkpoint is done and when the
/// run has ended well. After a failure, the elements since the last checkpoint are written again.
///
/// ```no_run
/// use dataflow_core::Pipeline;
/// use dataflow_exec::transforms::*;
/// use io_kafka::KafkaSink;
///
/// let p = Pipeline::new("totals");
/// let totals = p.create("Totals", vec![("alice".to_owned(), 12), ("bob".to_owned(), 7)]);
/// totals.write("Send", KafkaSink::new("localhost:9092", "totals", |(name, total): &(String, u64), message| {
///     message.key(name).value(total.to_string());
/// }));
/// ```
pub struct KafkaSink<T, F> {
    cluster: Cluster,
    topic: String,
    encode: Arc<F>,
    element: PhantomData<fn(&T)>,
}

impl<T, F: Fn(&T, &mut KafkaMessage) + Send + Sync + 'static> KafkaSink<T, F> {
    /// Writes to `topic` what `encode` makes of elements. `servers` is a list as in `bootstrap.servers`: hosts with ports,
    /// with commas in between.
    ///
    /// A record has the time of its element, unless that is none at all or `encode` sets another. Its partition comes from
    /// its key as with Kafka's own clients (murmur2).
    pub fn new(servers: impl Into<String>, topic: impl Into<String>, encode: F) -> Self {
        let (cluster, topic) = (Cluster::new(servers), topic.into());
        KafkaSink { cluster, topic, encode: Arc::new(encode), element: PhantomData }
    }

    /// How long the cluster may take to answer when the run starts; 10 seconds unless told.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.cluster.connect_timeout = timeout;
        self
    }

    /// Whether to wait until the cluster and the topic are there, saying so in the log.
    #[must_use]
    pub fn wait(mut self, yes: bool) -> Self {
        self.cluster.wait = yes;
        self
    }

    /// Sets a property of librdkafka, such as `compression.type` or `sasl.password`
    /// (<https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>). No value is ever shown. How long a
    /// delivery may take before it fails is `delivery.timeout.ms`, 5 minutes unless told.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.cluster.properties.insert(name.into(), value.into());
        self
    }
}

impl<T: Data, F: Fn(&T, &mut KafkaMessage) + Send + Sync + 'static> Sink<T> for KafkaSink<T, F> {
    type Writer = KafkaWriter<T, F>;

    fn describe(&self) -> String {
        format!("Kafka {}: {}, at least once", self.cluster.servers, self.topic)
    }

    fn prepare(&self) -> Result<()> {
        // What is promised here would not hold with these.
        for name in ["enable.idempotence", "acks", "request.required.acks", "transactional.id"] {
            if self.cluster.properties.contains_key(name) {
                return Err(Error::options(format!("the Kafka property {name} is chosen by the sink: leave it out")));
            }
        }
        discover::check(&self.cluster, &self.topic)
    }

    /// At least once: what was sent after the checkpoint is sent again.
    fn resume(&self, _: &DurableRun) -> Result<()> {
        self.prepare()
    }

    fn open(&self, context: SinkContext) -> Result<KafkaWriter<T, F>> {
        let settings = [
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            ("partitioner", "murmur2_random".to_owned()),
            // What waits for the brokers; librdkafka would let it be a gigabyte.
            ("queue.buffering.max.kbytes", "65536".to_owned()),
            ("reconnect.backoff.max.ms", "1000".to_owned()),
        ];
        let reports = Reports { delivered: context.counter("delivered"), ..Reports::default() };
        let (producer, reports) = self.cluster.client_with(&settings, reports)?;
        Ok(KafkaWriter {
            producer,
            reports,
            servers: self.cluster.servers.clone(),
            topic: self.topic.clone(),
            encode: self.encode.clone(),
            message: KafkaMessage::default(),
            element: PhantomData,
        })
    }
}

/// What is set, but no value of a property.
impl<T, F> fmt::Debug for KafkaSink<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSink").field("cluster", &self.cluster).field("topic", &self.topic).finish()
    }
}

/// What became of records that were sent.
#[derive(Clone, Default)]
pub(crate) struct Reports {
    diary: Diary,
    delivered: Counter,
    /// The first failure: the topic and partition, and why.
    failed: Arc<Mutex<Option<(String, KafkaError)>>>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.diary.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.diary.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => self.delivered.inc(),
            Err((error, message)) => {
                let place = format!("partition {} of topic {}", message.partition(), message.topic());
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((place, error.clone()));
            }
        }
    }
}

/// Writes the elements of one shard, with a producer of its own.
pub struct KafkaWriter<T, F> {
    producer: BaseProducer<Reports>,
    reports: Reports,
    servers: String,
    topic: String,
    encode: Arc<F>,
    message: KafkaMessage,
    element: PhantomData<fn(&T)>,
}

impl<T, F: Fn(&T, &mut KafkaMessage)> KafkaWriter<T, F> {
    /// That a record for `place` was not taken or delivered.
    fn failure(&self, place: &str, error: &KafkaError) -> Error {
        let code = error.rdkafka_error_code();
        let mut why = code.map_or_else(|| error.to_string(), |code| code.to_string());
        match code {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                why += "; see `message.max.bytes` of the sink and `max.message.bytes` of the topic";
            }
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                why += &self.reports.diary.last().map_or_else(String::new, |last| format!(" ({last})"));
            }
            _ => {}
        }
        Error::new(ErrorKind::Io, format!("a record for {place} at Kafka {} was not delivered: {why}", self.servers))
    }

    /// Looks at the deliveries that were reported.
    fn check(&self) -> Result<()> {
        match &*self.reports.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((place, error)) => Err(self.failure(place, error)),
            None => Ok(()),
        }
    }

    /// Sends the message as it is now; `time` is the element's.
    fn send(&self, time: Timestamp) -> Result<()> {
        let message = &self.message;
        let topic = message.topic.as_deref().unwrap_or(&self.topic);
        let (key, value) = message.parts();
        // An element without a time, or of a window without an end, leaves it to the producer's clock.
        let time = message.timestamp.unwrap_or(time);
        let ms = time.as_millis();
        let has_time = ms > 0 && time < Window::GLOBAL.max_timestamp();
        loop {
            let headers = (!message.headers.is_empty()).then(|| {
                let empty = OwnedHeaders::new_with_capacity(message.headers.len());
                message
                    .headers
                    .iter()
                    .fold(empty, |all, (key, value)| all.insert(Header { key, value: value.as_ref() }))
            });
            let record = BaseRecord {
                topic,
                partition: message.partition,
                payload: value,
                key,
                timestamp: has_time.then_some(ms),
                headers,
                delivery_opaque: (),
            };
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.producer.poll(Duration::from_millis(10));
                    self.check()?;
                }
                Err((error, _)) => return Err(self.failure(&format!("topic {topic}"), &error)),
            }
        }
    }

    /// Waits until all that was sent has arrived. librdkafka gives up what it cannot deliver in time.
    fn flush(&self) -> Result<()> {
        loop {
            let flushed = self.producer.flush(Duration::from_millis(200));
            self.check()?;
            match flushed {
                Ok(()) if self.producer.in_flight_count() == 0 => return Ok(()),
                Ok(()) | Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => {}
                Err(error) => return Err(self.failure(&format!("topic {}", self.topic), &error)),
            }
        }
    }
}

impl<T: Data, F: Fn(&T, &mut KafkaMessage) + Send + Sync + 'static> SinkWriter<T> for KafkaWriter<T, F> {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        for (i, element) in batch.values.iter().enumerate() {
            self.message.clear();
            (self.encode)(element, &mut self.message);
            self.send(batch.times.get(i))?;
        }
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn processing_time(&mut self, _: Timestamp) -> Result<()> {
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        self.flush()?;
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.flush()
    }
}
