//! Which part of a partition is read.

use dataflow_core::windows::Timestamp;
use serde::{Deserialize, Serialize};

/// Where reading begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StartAt {
    /// At the oldest record that is still there.
    #[default]
    Earliest,
    /// At the records that come after the start of the run.
    Latest,
    /// At the first record with this time or a later one; at the end if there is none.
    Timestamp(Timestamp),
    /// At this offset.
    Offset(i64),
}

/// Where reading ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StopAt {
    /// Never: the source is unbounded.
    #[default]
    Never,
    /// Where the partition ended when the run started.
    Latest,
    /// Before the first record with this time or a later one. A partition that has none ends where it ends at the start of
    /// the run or, if the time is still to come, once it has come.
    Timestamp(Timestamp),
    /// Before this offset. What is not there yet is waited for.
    Offset(i64),
}

/// Where a split ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum End {
    Never,
    /// Before this offset, which was there when the run started: the end of the partition is not before it.
    Existing(i64),
    /// Before this offset, which is still to come.
    Offset(i64),
    /// Before the first record with this time in milliseconds, which is still to come.
    Time(i64),
}

/// A partition of a topic: which part of it is left to read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KafkaSplit {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// The next offset.
    pub(crate) next: i64,
    pub(crate) end: End,
    /// What was made of the records before it.
    pub(crate) watermark: Timestamp,
    /// How many partitions the source has: they share its memory.
    pub(crate) partitions: u32,
}

impl KafkaSplit {
    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The number of the partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The offset of the next record: all before it are read.
    pub fn next_offset(&self) -> i64 {
        self.next
    }

    /// The offset at which it ends, where that is known.
    pub(crate) fn end_offset(&self) -> Option<i64> {
        match self.end {
            End::Existing(end) | End::Offset(end) => Some(end),
            End::Never | End::Time(_) => None,
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.end_offset().is_some_and(|end| self.next >= end)
    }
}
