//! The source: topics of a cluster.

use crate::clock::{Clock, Stamp, stamp};
use crate::cluster::Cluster;
use crate::discover::{self, Plan};
use crate::{KafkaReader, KafkaRecord, KafkaSplit, StartAt, StopAt};
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::windows::{Duration, Timestamp};
use dataflow_core::{Boundedness, Counter, Error, Result, Source};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration as StdDuration;

/// Reads topics of Kafka; each partition is a split with a position and a watermark of its own.
///
/// The engine assigns the partitions and keeps their offsets in its own state: no consumer group decides what is read, and
/// nothing is committed to one. Only records of committed transactions are read.
///
/// ```no_run
/// use dataflow_core::Pipeline;
/// use io_kafka::{KafkaSource, StartAt};
///
/// let p = Pipeline::new("orders");
/// let records = p.read("Orders", KafkaSource::new("localhost:9092", ["orders"]).start_at(StartAt::Latest));
/// ```
#[derive(Clone)]
pub struct KafkaSource {
    cluster: Cluster,
    plan: Plan,
    clock: Clock,
    stamp: Stamp,
    idle_after: Option<StdDuration>,
    memory: u64,
}

impl KafkaSource {
    /// The records of `topics` from the earliest on, for ever. `servers` is a list as in `bootstrap.servers`: hosts with
    /// ports, with commas in between.
    ///
    /// Timestamps are those of the records, taken to be in order within a partition.
    pub fn new<T: Into<String>>(servers: impl Into<String>, topics: impl IntoIterator<Item = T>) -> Self {
        let mut names: Vec<String> = Vec::new();
        for topic in topics.into_iter().map(Into::into) {
            if !names.contains(&topic) {
                names.push(topic);
            }
        }
        let (start, stop) = (StartAt::default(), StopAt::default());
        KafkaSource {
            cluster: Cluster::new(servers),
            plan: Plan { topics: names, start, stop, starts: BTreeMap::new(), stops: BTreeMap::new() },
            clock: Clock::new(WatermarkEstimator::monotone()),
            stamp: stamp(|_| None),
            idle_after: Some(StdDuration::from_secs(10)),
            memory: 64 << 20,
        }
    }

    /// Where reading begins; at [`StartAt::Earliest`] unless told.
    #[must_use]
    pub fn start_at(mut self, start: StartAt) -> Self {
        self.plan.start = start;
        self
    }

    /// Where reading this partition begins, whatever is said of the others.
    #[must_use]
    pub fn start_partition_at(mut self, topic: impl Into<String>, partition: i32, offset: i64) -> Self {
        self.plan.starts.insert((topic.into(), partition), offset);
        self
    }

    /// Where reading ends; it never does unless told. A source that stops is bounded.
    #[must_use]
    pub fn stop_at(mut self, stop: StopAt) -> Self {
        self.plan.stop = stop;
        self
    }

    /// Before which offset reading this partition ends, whatever is said of the others.
    #[must_use]
    pub fn stop_partition_at(mut self, topic: impl Into<String>, partition: i32, offset: i64) -> Self {
        self.plan.stops.insert((topic.into(), partition), offset);
        self
    }

    /// How the watermark of a partition follows from its timestamps; unless told, they come in order.
    ///
    /// ```
    /// use dataflow_core::windows::{Duration, watermark::WatermarkEstimator};
    /// use io_kafka::KafkaSource;
    ///
    /// let bound = WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(30));
    /// let source = KafkaSource::new("localhost:9092", ["orders"]).watermark(bound);
    /// ```
    #[must_use]
    pub fn watermark(mut self, estimator: WatermarkEstimator) -> Self {
        self.clock.estimator = estimator;
        self
    }

    /// Takes timestamps from what is in the records. Where `time` finds none it is the record's own.
    ///
    /// ```
    /// use dataflow_core::windows::Timestamp;
    /// use io_kafka::KafkaSource;
    ///
    /// let source = KafkaSource::new("localhost:9092", ["orders"]).timestamps_from(|record| {
    ///     let seconds = std::str::from_utf8(record.value.as_deref()?).ok()?.split(',').next()?.parse().ok()?;
    ///     Some(Timestamp::from_seconds(seconds))
    /// });
    /// ```
    #[must_use]
    pub fn timestamps_from(mut self, time: impl Fn(&KafkaRecord) -> Option<Timestamp> + Send + Sync + 'static) -> Self {
        self.stamp = stamp(time);
        self
    }

    /// Timestamps further than this ahead of the time of day do not move the watermark: one wrong clock would make all that
    /// comes after it late. The records are read as they are; the step counts them as `future_timestamps`.
    #[must_use]
    pub fn max_future(mut self, future: Duration) -> Self {
        self.clock.max_future = Some(future);
        self
    }

    /// A partition that has been read to its end, and got nothing for so long, is idle: the others go on without it, and
    /// what it gets then may be late. One of which something is left to read is never idle, however slowly it comes. 10
    /// seconds unless told; `None` means never.
    #[must_use]
    pub fn idle_after(mut self, after: impl Into<Option<StdDuration>>) -> Self {
        self.idle_after = after.into();
        self
    }

    /// How many bytes of records may be fetched in advance, by all partitions together; 64 MiB unless told. Each has its
    /// share. A broker does not cut a batch of its producer's, so that one batch a partition can come on top.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How long the cluster may take to answer when the run starts; 10 seconds unless told.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: StdDuration) -> Self {
        self.cluster.connect_timeout = timeout;
        self
    }

    /// Whether to wait until the cluster and the topics are there, asking again more and more rarely, and saying so in the
    /// log.
    #[must_use]
    pub fn wait(mut self, yes: bool) -> Self {
        self.cluster.wait = yes;
        self
    }

    /// Sets a property of librdkafka, such as `security.protocol` or `sasl.password`
    /// (<https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>). No value is ever shown.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.cluster.properties.insert(name.into(), value.into());
        self
    }

    /// Which records are read: those of committed transactions, unless the user says otherwise.
    fn isolation(&self) -> String {
        self.cluster.properties.get("isolation.level").cloned().unwrap_or_else(|| "read_committed".to_owned())
    }

    /// The settings that matter here, for one of `partitions` readers.
    fn defaults(&self, partitions: u32) -> Vec<(&'static str, String)> {
        // Half of a partition's share waits in the queue, the other half is one answer of the broker.
        let half = self.memory / 2 / u64::from(partitions.max(1));
        vec![
            // librdkafka wants a group to assign partitions, though nothing is committed to it.
            ("group.id", "dataflow".to_owned()),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            // Records that are gone must not be skipped in silence.
            ("auto.offset.reset", "error".to_owned()),
            ("enable.partition.eof", "true".to_owned()),
            ("isolation.level", self.isolation()),
            // A full queue stops fetching; with librdkafka's default it is looked at again after a second, in which a fast
            // reader has long emptied it.
            ("fetch.queue.backoff.ms", "10".to_owned()),
            ("queued.max.messages.kbytes", (half >> 10).clamp(1, 2_097_151).to_string()),
            ("fetch.message.max.bytes", half.clamp(1 << 14, 1 << 20).to_string()),
            // Come back soon after a broker did.
            ("reconnect.backoff.max.ms", "1000".to_owned()),
        ]
    }

    fn check(&self) -> Result<()> {
        self.clock.estimator.check().map_err(Error::options)?;
        if self.plan.topics.is_empty() {
            return Err(Error::options("no topic to read: name at least one"));
        }
        // What is kept in order here would not be with these.
        for name in ["enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof", "auto.offset.reset"] {
            if self.cluster.properties.contains_key(name) {
                return Err(Error::options(format!("the Kafka property {name} is chosen by the source: leave it out")));
            }
        }
        Ok(())
    }
}

impl Source for KafkaSource {
    type Element = KafkaRecord;
    type Split = KafkaSplit;
    type Reader = KafkaReader;

    fn boundedness(&self) -> Boundedness {
        match self.plan.stop {
            StopAt::Never => Boundedness::Unbounded,
            _ => Boundedness::Bounded,
        }
    }

    fn describe(&self) -> String {
        let Plan { topics, start, stop, .. } = &self.plan;
        format!("Kafka {}: {}, from {start:?} until {stop:?}", self.cluster.servers, topics.join(", "))
    }

    fn count_with(&mut self, counter: &dyn Fn(&str) -> Counter) {
        self.clock.future = counter("future_timestamps");
    }

    /// Partitions bring records of the same times, so reading one after the other would keep all windows open.
    fn reads_side_by_side(&self) -> bool {
        true
    }

    fn splits(&self, _: usize) -> Result<Vec<KafkaSplit>> {
        self.check()?;
        discover::splits(&self.cluster, &self.plan, self.clock.estimator.watermark(), &self.isolation())
    }

    fn lower_bound(&self, split: &KafkaSplit) -> Timestamp {
        split.watermark
    }

    fn size(&self, split: &KafkaSplit) -> Option<u64> {
        split.end_offset().map(|end| u64::try_from(end - split.next).unwrap_or(0))
    }

    fn open(&self, split: KafkaSplit) -> Result<KafkaReader> {
        self.check()?;
        let mut clock = self.clock.clone();
        clock.estimator.set(split.watermark);
        let settings = self.defaults(split.partitions);
        KafkaReader::open(&self.cluster, &settings, split, clock, self.stamp.clone(), self.idle_after)
    }
}

/// What is set, but no value of a property.
impl fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KafkaSource { cluster, plan, clock, idle_after, memory, .. } = self;
        f.debug_struct("KafkaSource")
            .field("cluster", cluster)
            .field("plan", plan)
            .field("watermark", &clock.estimator)
            .field("max_future", &clock.max_future)
            .field("idle_after", idle_after)
            .field("memory_limit", memory)
            .finish()
    }
}
