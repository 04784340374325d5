//! What is written: a record on its way to a topic.

use dataflow_core::windows::Timestamp;

/// A record that is being made of an element, for [`KafkaSink`](crate::KafkaSink). It is used again for the next element,
/// so that filling it allocates nothing.
///
/// Without a [value](Self::value) it is a tombstone, which deletes its key from a compacted topic.
#[derive(Debug, Default)]
pub struct KafkaMessage {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<Timestamp>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    /// Memory to use again.
    spare: [Vec<u8>; 2],
}

impl KafkaMessage {
    /// Empties it.
    pub(crate) fn clear(&mut self) {
        for (spare, used) in self.spare.iter_mut().zip([self.key.take(), self.value.take()]) {
            *spare = used.unwrap_or_else(|| std::mem::take(spare));
            spare.clear();
        }
        self.headers.clear();
        (self.topic, self.partition, self.timestamp) = (None, None, None);
    }

    pub(crate) fn parts(&self) -> (Option<&[u8]>, Option<&[u8]>) {
        (self.key.as_deref(), self.value.as_deref())
    }

    /// Sets the key. Records with the same key go to the same partition, unless one is [chosen](Self::partition).
    pub fn key(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        let spare = &mut self.spare[0];
        let own = self.key.get_or_insert_with(|| std::mem::take(spare));
        own.clear();
        own.extend_from_slice(key.as_ref());
        self
    }

    /// Sets the value.
    pub fn value(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        let own = self.value_mut();
        own.clear();
        own.extend_from_slice(value.as_ref());
        self
    }

    /// The value, to be written into: `serde_json::to_writer(message.value_mut(), &order)`. There is one from then on, if
    /// only an empty one.
    pub fn value_mut(&mut self) -> &mut Vec<u8> {
        let spare = &mut self.spare[1];
        self.value.get_or_insert_with(|| std::mem::take(spare))
    }

    /// Adds a header.
    pub fn header(&mut self, name: impl Into<String>, value: Option<&[u8]>) -> &mut Self {
        self.headers.push((name.into(), value.map(<[u8]>::to_vec)));
        self
    }

    /// Sets the record's time, instead of the element's. Kafka takes the time of sending for 1970 itself and before.
    pub fn timestamp(&mut self, timestamp: Timestamp) -> &mut Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Chooses the partition, whatever the key is.
    pub fn partition(&mut self, partition: i32) -> &mut Self {
        self.partition = Some(partition);
        self
    }

    /// Chooses another topic than the sink's.
    pub fn topic(&mut self, topic: impl Into<String>) -> &mut Self {
        self.topic = Some(topic.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_the_last_message_but_its_memory() {
        let mut message = KafkaMessage::default();
        message.key("k").value("a longer value").header("h", None).partition(3).topic("t").timestamp(Timestamp::MAX);
        assert_eq!(message.parts(), (Some(&b"k"[..]), Some(&b"a longer value"[..])));
        let memory = message.value_mut().as_ptr();
        message.clear();
        assert_eq!(message.parts(), (None, None));
        assert!(message.topic.is_none() && message.partition.is_none() && message.timestamp.is_none());
        assert!(message.headers.is_empty());
        message.clear(); // one without a value
        assert_eq!(message.value("next").value_mut().as_ptr(), memory);
        assert_eq!(message.parts(), (None, Some(&b"next"[..])));
    }
}
