//! Apache Kafka as source and sink of `dataflow`.
//!
//! # Reading
//!
//! A [`KafkaSource`] reads topics. Its elements are [`KafkaRecord`]s: key, value and headers as bytes, with topic,
//! partition, offset and timestamp.
//!
//! ```no_run
//! use dataflow_core::windows::{Duration, FixedWindows, watermark::WatermarkEstimator};
//! use dataflow_core::{Pipeline, PipelineOptions, Runner};
//! use dataflow_exec::transforms::*;
//! use io_kafka::KafkaSource;
//! use runner_direct::DirectRunner;
//!
//! let p = Pipeline::new("orders-per-minute");
//! let source = KafkaSource::new("localhost:9092", ["orders"])
//!     .watermark(WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(30)));
//! p.read("Orders", source)
//!     .window("Minutely", FixedWindows::of(Duration::minutes(1)))
//!     .key_by("Shop", |order| order.key.as_deref().unwrap_or_default().to_vec())
//!     .count("Count");
//! p.run_on(&DirectRunner::new(), &PipelineOptions::default())?.wait_until_finish()?;
//! # Ok::<(), dataflow_core::Error>(())
//! ```
//!
//! # Which part of a topic
//!
//! Reading begins where [`start_at`](KafkaSource::start_at) says: at the earliest record unless told, at the latest, at a
//! time, at an offset, for single partitions [too](KafkaSource::start_partition_at). It ends where
//! [`stop_at`](KafkaSource::stop_at) says, or never. A source that stops is bounded, and its progress is known; to replay
//! yesterday with the windows that yesterday had:
//!
//! ```
//! use dataflow_core::windows::Timestamp;
//! use io_kafka::{KafkaSource, StartAt, StopAt};
//!
//! let (from, to) = (Timestamp::from_seconds(1_767_225_600), Timestamp::from_seconds(1_767_312_000));
//! let replay = KafkaSource::new("localhost:9092", ["orders"])
//!     .start_at(StartAt::Timestamp(from))
//!     .stop_at(StopAt::Timestamp(to));
//! ```
//!
//! # Time
//!
//! Every partition is a split with a watermark of its own, so partitions that are hours apart make nothing late: the
//! engine waits for the one that is furthest behind. It does not wait for one that is *idle*: read to its end, and without
//! news for [a while](KafkaSource::idle_after). A partition of which something is left to read is never idle, be the
//! broker ever so slow; nor is one whose broker cannot be asked. What an idle partition gets may be late. While all are
//! idle the watermark stays where it is.
//!
//! Timestamps are the records' own, or come [from what is in them](KafkaSource::timestamps_from).
//! [`max_future`](KafkaSource::max_future) keeps one clock that is years ahead from making everything else late; the step
//! counts such timestamps as `future_timestamps`.
//!
//! # What is kept, and what is promised
//!
//! The engine assigns the partitions, and their offsets are part of its state: after a restart from a snapshot every
//! record is in the state or is read again, never both. Records of one partition keep their order. Only those of committed
//! transactions are read, unless the property `isolation.level` says otherwise.
//!
//! Reading goes on by itself when a broker comes back or another leads a partition. An offset that is gone, since
//! retention has passed it, is an error and not a gap that nobody sees. So are, when the run starts, a topic that is not
//! there, credentials that are refused, and a cluster that does not answer in
//! [time](KafkaSource::connect_timeout); [`wait`](KafkaSource::wait) waits for it instead.
//!
//! # Writing
//!
//! A [`KafkaSink`] makes a [`KafkaMessage`] of each element and sends it, at least once: the producer is idempotent, all
//! replicas must have a record before it counts, and each delivery is looked at. When a checkpoint is done, or the run has
//! ended well, everything has arrived; a record that cannot be delivered fails the run, with topic and cause. From one
//! topic to another, that is:
//!
//! ```no_run
//! use dataflow_core::{Pipeline, PipelineOptions, Runner};
//! use dataflow_exec::transforms::*;
//! use io_kafka::{KafkaRecord, KafkaSink, KafkaSource, StopAt};
//! use runner_direct::DirectRunner;
//!
//! let p = Pipeline::new("large-orders");
//! p.read("Orders", KafkaSource::new("localhost:9092", ["orders"]).stop_at(StopAt::Latest))
//!     .filter("Large", |order| order.value.as_ref().is_some_and(|value| value.len() > 1_000))
//!     .write("Send", KafkaSink::new("localhost:9092", "large-orders", |order: &KafkaRecord, message| {
//!         message.key(order.key.as_deref().unwrap_or_default());
//!         message.value(order.value.as_deref().unwrap_or_default());
//!         message.header("from-partition", Some(order.partition.to_string().as_bytes()));
//!     }));
//! p.run_on(&DirectRunner::new(), &PipelineOptions::default())?.wait_until_finish()?;
//! # Ok::<(), dataflow_core::Error>(())
//! ```
//!
//! # Settings
//!
//! [`property`](KafkaSource::property), which the sink has, too, passes anything on to librdkafka. Values never appear in errors, logs or `Debug`.
//! librdkafka is built here with make and a C compiler alone, so it has SASL with PLAIN, but neither TLS nor SCRAM; `gzip`,
//! `snappy` and `lz4` compression, but not `zstd`.
//!
//! A few defaults are not librdkafka's. `fetch.queue.backoff.ms` is 10 rather than 1000: when a partition's queue is full
//! librdkafka looks again only after that time, and a fast pipeline has emptied the queue long before.
//! [`memory_limit`](KafkaSource::memory_limit) bounds what is fetched in advance by all partitions together. Of what is
//! written, up to 64 MiB wait for the brokers in each writer (`queue.buffering.max.kbytes`), not a gigabyte.
//!
//! # Inside
//!
//! Each partition has a consumer of its own. It can so be opened, checkpointed and closed alone, on any thread, with a
//! bound of its own for its memory, and an error belongs to a partition. The price, measured with 64 partitions of one
//! broker on two cores: opening one takes 6 ms, 2 ms of them processor time; it has 4 threads of librdkafka, which sleep,
//! and 0.6 MB; while nothing comes, a second costs 0.2 ms of processor time. Key and value are copied out of librdkafka's buffers, which would otherwise stay as long as any
//! record of them.
//!
//! The tests that need a broker start a real one: `./test.sh kafka` fetches it and runs them (feature `broker-tests`, which
//! plain `cargo test` leaves out).

mod clock;
mod cluster;
mod discover;
mod message;
mod range;
mod reader;
mod record;
mod sink;
mod source;

pub use message::KafkaMessage;
pub use range::{KafkaSplit, StartAt, StopAt};
pub use reader::KafkaReader;
pub use record::KafkaRecord;
pub use sink::{KafkaSink, KafkaWriter};
pub use source::KafkaSource;

use dataflow_core::windows::Timestamp;
use std::time::SystemTime;

/// The time of day.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
