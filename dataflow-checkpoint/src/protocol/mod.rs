//! The protocol: state machines that decide, without I/O, clock or random source.
//!
//! A driver executes the [`Action`]s of a [`Process`] and feeds in the answers as [`Event`]s. `chain` is about the
//! numbers of the chain, `judge` about markers; `process` joins them, `recovery` and `running` are its two halves.
//! `check` tries everything that can happen at small size, on these very machines.

mod chain;
#[cfg(test)]
mod check;
mod judge;
mod mutation;
mod process;
mod recovery;
mod running;

pub use judge::Problem;
pub use process::Process;

use crate::{AttemptId, LineageId, Manifest, Marker, SinkKind};
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

/// What a process is to know when it starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ProcessOptions {
    /// This start of this process.
    pub attempt: AttemptId,
    /// When it starts, for the manifest with which it takes over.
    pub now: Timestamp,
    /// The sinks that publish exactly once, by the path of their step: how, and in how many shards.
    pub sinks: BTreeMap<String, (SinkKind, u32)>,
    /// `--accept-duplicates`: go on where the outputs do not fit the chain.
    pub accept_duplicates: bool,
}

/// A shard of one of the sinks of a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShardId {
    /// The sink: its place among the sinks in the order of their paths.
    pub sink: u32,
    /// The shard of the sink.
    pub index: u32,
}

/// What the driver has to do, once for each action. Actions of different shards may be done at the same time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action<S> {
    /// Find the number of the newest manifest and read the one to start from, which is it unless the user wants an
    /// older one. Answer: [`Event::Start`].
    ReadStart,
    /// Create this manifest under its number, unless the number is taken. Answer: [`Event::Appended`].
    Append(Box<Manifest<S>>),
    /// Read number and owner of the newest manifest. Answer: [`Event::Newest`].
    ReadNewest,
    /// Fence whoever had the shard before (Kafka: `init_transactions`), which aborts its open transaction. Where nobody
    /// can be fenced: nothing. Answer: [`Event::Held`], after it has succeeded.
    Fence(ShardId),
    /// Read what is published. Answer: [`Event::Markers`].
    ReadMarkers(ShardId),
    /// Publish outputs of [`pending`](Process::pending) epochs. Answer: [`Event::Committed`] or [`Event::Interrupted`].
    Publish(Publish),
    /// Commit a transaction that has this marker and no records. Answers as for `Publish`, with the marker's records.
    WriteMarker(ShardId, Marker),
    /// Nothing to do but to know: what was pending is published, the process owns the chain and can run from the state
    /// of this manifest.
    Run(Box<Manifest<S>>),
    /// Nothing to do but to know: the checkpoint of this epoch is complete. Sources may tell their brokers.
    Completed {
        /// The epoch.
        epoch: u64,
        /// The number of its manifest.
        number: u64,
    },
    /// End the process, publishing nothing more.
    Exit(Exit),
}

/// Records of an epoch that are to be published.
///
/// The driver may publish fewer than [`to`](Self::to) in one transaction, so that none outgrows its time-out; what is
/// left comes in the next action. A named sink counts parts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Publish {
    /// The shard.
    pub shard: ShardId,
    /// The epoch.
    pub epoch: u64,
    /// The lineage the epoch was made in: what files are named by.
    pub made_in: LineageId,
    /// The lineage of the process: what goes into the marker.
    pub lineage: LineageId,
    /// The records before this one are published already.
    pub from: u64,
    /// How many records the epoch has.
    pub to: u64,
}

impl Publish {
    /// The marker of a transaction after which the first `records` of the epoch are published.
    pub fn marker(&self, records: u64) -> Marker {
        Marker { lineage: self.lineage, epoch: self.epoch, records }
    }

    /// What the file of a part is named by: (lineage, epoch, shard, part).
    ///
    /// ```
    /// use dataflow_checkpoint::{LineageId, Publish, ShardId};
    /// let lineage = LineageId::from_u128(1);
    /// let shard = ShardId { sink: 0, index: 3 };
    /// let publish = Publish { shard, epoch: 12, made_in: lineage, lineage, from: 0, to: 2 };
    /// assert_eq!(publish.name(1), "00000000000000000000000000000001-000000000012-00003-00001");
    /// ```
    pub fn name(&self, part: u64) -> String {
        format!("{}-{:012}-{:05}-{part:05}", self.made_in, self.epoch, self.shard.index)
    }

    /// What a name of [`name`](Self::name) says: the shard's index, and a marker of which [`Event::Markers`] needs the
    /// highest of each lineage. None if it is no such name.
    ///
    /// ```
    /// use dataflow_checkpoint::Publish;
    /// let (shard, marker) = Publish::parse("00000000000000000000000000000001-000000000012-00003-00001").unwrap();
    /// assert_eq!((shard, marker.epoch, marker.records), (3, 12, 2));
    /// assert_eq!(Publish::parse("part-1.parquet"), None);
    /// ```
    pub fn parse(name: &str) -> Option<(u32, Marker)> {
        let mut fields = name.split('-');
        let lineage = u128::from_str_radix(fields.next()?, 16).ok()?;
        let (epoch, shard) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let part: u64 = fields.next()?.parse().ok()?;
        let marker = Marker { lineage: LineageId::from_u128(lineage), epoch, records: part.saturating_add(1) };
        fields.next().is_none().then_some((shard, marker))
    }
}

/// What came of an [`Action::Append`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Append {
    /// It is there, durably.
    Written,
    /// The number is taken. By whom the machine finds out: a request that was sent twice meets itself.
    Taken,
    /// There was no answer: it may be there, may not be, and may still come.
    Unknown,
}

/// What the driver has learnt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event<S> {
    /// What the chain says.
    Start {
        /// The number of the newest manifest, valid or not; 0 if there is none.
        newest: u64,
        /// What to start from: the newest manifest; an older one, which makes a fork; none if there is none.
        from: Option<Box<Manifest<S>>>,
    },
    /// What came of an append. An unknown result makes the machine try again at once: wait a little before, and give up
    /// some time.
    Appended(Append),
    /// Number and owner of the newest manifest.
    Newest(u64, AttemptId),
    /// The shard is held: who had it before is fenced.
    Held(ShardId),
    /// What is published. A transactional sink: its marker, if there is one. A named one: of each lineage whose names
    /// are there, at least the highest epoch.
    Markers(ShardId, Vec<Marker>),
    /// Published, up to so many records of the epoch.
    Committed(ShardId, u64),
    /// It is not known to be published: fenced, timed out, no answer.
    Interrupted(ShardId),
}

/// Why a process has to end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Exit {
    /// Another process has taken over: its manifest has this number.
    Superseded {
        /// The number.
        newest: u64,
    },
    /// What is published does not fit the chain, and duplicates are not accepted.
    Refused {
        /// The sink, by the path of its step.
        sink: String,
        /// The shard of the sink.
        shard: u32,
        /// What does not fit.
        problem: Problem,
        /// The number of the manifest to go back to, if the process had written its fork to the chain already: outputs
        /// that do not fit it were published just then.
        left: Option<u64>,
    },
    /// The sinks of the program are not those of the chain. The text says why and what to do.
    Sinks(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Superseded { newest } => write!(
                f,
                "another process has taken over these checkpoints (its manifest is number {newest}), so this one ends: \
                 nothing is lost. If both are wanted, give each a checkpoint location of its own"
            ),
            Exit::Refused { sink, shard, problem, left } => {
                write!(f, "sink \"{sink}\", shard {shard}: {problem}")?;
                match left {
                    Some(left) => write!(
                        f,
                        ". The chain has been forked already: manifest {left} was its newest before, start from that to go back"
                    ),
                    None => Ok(()),
                }
            }
            Exit::Sinks(why) => f.write_str(why),
        }
    }
}
