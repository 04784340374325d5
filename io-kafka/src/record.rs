//! What is read: a record of a partition.

use bytes::Bytes;
use dataflow_core::windows::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A record of a Kafka topic, as it was read.
///
/// Key, value and header values are [`Bytes`]: a clone shares them. Each has an allocation of its own rather than a slice
/// of a common one, so that a key that is kept in state keeps nothing else in memory.
///
/// ```
/// use io_kafka::KafkaRecord;
///
/// /// The amount in a record, if there is one.
/// fn amount(record: &KafkaRecord) -> Option<u64> {
///     std::str::from_utf8(record.value.as_deref()?).ok()?.parse().ok()
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KafkaRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The number of the partition.
    pub partition: i32,
    /// The number of the record in its partition.
    pub offset: i64,
    /// The record's own time: when it was made, or when the broker got it, as the topic's `message.timestamp.type` says.
    /// Very old producers give none.
    pub timestamp: Option<Timestamp>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone, which deletes the key from a compacted topic.
    pub value: Option<Bytes>,
    /// The headers, in order; a name can be there several times.
    pub headers: Vec<(String, Option<Bytes>)>,
}

impl KafkaRecord {
    /// The value of the last header with this name.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|(own, _)| own == name).and_then(|(_, value)| value.as_ref())
    }

    /// The bytes of its own that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + len(value)).sum::<usize>();
        len(&self.key) + len(&self.value) + headers
    }

    pub(crate) fn copy_of(message: &BorrowedMessage<'_>, topic: &Arc<str>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            let own = |header: rdkafka::message::Header<'_, &[u8]>| {
                (header.key.to_owned(), header.value.map(Bytes::copy_from_slice))
            };
            headers.iter().map(own).collect()
        });
        KafkaRecord {
            topic: Arc::clone(topic),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().filter(|ms| *ms >= 0).map(Timestamp::from_millis),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers,
        }
    }
}

/// Where it is from, and how large it is: what is in a record may be secret, and is often not text.
impl fmt::Debug for KafkaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KafkaRecord { topic, partition, offset, .. } = self;
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map(Bytes::len);
        write!(
            f,
            "{topic}/{partition}@{offset} (key: {:?} bytes, value: {:?} bytes",
            len(&self.key),
            len(&self.value)
        )?;
        write!(f, ", {} headers)", self.headers.len())
    }
}
