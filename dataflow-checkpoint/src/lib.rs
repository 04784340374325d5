//! Where the snapshots of a dataflow live, and the protocol of its exactly-once sinks.
//!
//! A run that is killed at any moment goes on from its last checkpoint, in the same process or another one, and what its
//! sinks have published is there once. This crate has what that takes beside the operators: files that are written whole
//! or not at all, a chain of manifests that only one process at a time can extend, and state machines that say what to do
//! in which order. Runners drive them; operators, sources and sinks know nothing of it.
//!
//! # The chain
//!
//! A checkpoint is a [`Manifest`]: source positions, state, pending outputs of sinks, either inline or by reference to
//! data files. Manifests are numbered, and a number is created once, by whoever comes first. A process takes over by
//! appending a manifest of the same state with itself as owner. Whoever had the chain before learns it when the next
//! number is taken, and ends: two processes may run, but only one can say what the state is. Outputs leave only after
//! their manifest is in the chain, so they are never of a state that nobody knows.
//!
//! # Sinks
//!
//! A sink that publishes exactly once has a fixed number of *shards*. The outputs of an epoch (what is between two
//! checkpoints) are part of the checkpoint and stay in it until they are known to be published. There are two kinds:
//!
//! - [`Transactional`](SinkKind::Transactional), such as Kafka. A shard has a transactional id, and the target keeps a
//!   [`Marker`] for it: (lineage, epoch, records), written in the same transaction as the outputs. Recovery fences all
//!   shards, then reads the markers, then publishes what is still missing. A transaction may have a part of an epoch.
//! - [`Named`](SinkKind::Named), such as files. Their names are (lineage, epoch, shard, part): publishing twice is
//!   publishing once.
//!
//! A start from an older checkpoint begins a new [`Lineage`], as epochs that are run again have other contents. What is
//! published must fit the chain; if it does not, the process [refuses](Problem), and says what can be done. Where the user
//! [accepts duplicates](ProcessOptions::accept_duplicates), that is written to the chain, and the run goes on.
//!
//! # Driving a process
//!
//! [`Process`] is a machine without I/O: it says what to do as [`Action`]s and is told what came of them as [`Event`]s.
//! This is a whole driver, for a pipeline that squares numbers and has one sink of two shards in a folder:
//!
//! ```
//! use dataflow_checkpoint::*;
//! use dataflow_core::{Error, Result};
//! use dataflow_windows::Timestamp;
//! use std::collections::BTreeMap;
//! use std::path::Path;
//!
//! /// Runs until `numbers` numbers are squared, with a checkpoint after every five.
//! fn run(folder: &Path, numbers: u64) -> Result<()> {
//!     let attempt = AttemptId::random();
//!     let checkpoints = Checkpoints::open(&folder.join("checkpoints").to_string_lossy(), attempt)?;
//!     let squares = LocalStore::open(folder.join("squares"))?;
//!     let now = Timestamp::from_micros(0); // a real driver looks at a clock
//!     let sinks = BTreeMap::from([("Squares".to_owned(), (SinkKind::Named, 2))]);
//!     let options = ProcessOptions { attempt, now, sinks, accept_duplicates: false };
//!     let mut process = Process::new(options, 0_u64); // the state is the number of numbers
//!     let (mut position, mut failures) = (0, 0);
//!     loop {
//!         let actions = process.take_actions();
//!         if actions.is_empty() {
//!             if position == numbers {
//!                 return Ok(());
//!             }
//!             let end = numbers.min(position + 5);
//!             let mut outputs: BTreeMap<ShardId, Vec<Part>> = BTreeMap::new();
//!             for n in position..end {
//!                 let shard = ShardId { sink: 0, index: (n % 2) as u32 };
//!                 let content = checkpoints.write("squares", (n * n).to_string().into_bytes())?;
//!                 outputs.entry(shard).or_default().push(Part { records: 1, content });
//!             }
//!             process.checkpoint(end, outputs, now)?;
//!             position = end;
//!         }
//!         for action in actions {
//!             let event = match action {
//!                 Action::ReadStart => {
//!                     let start = checkpoints.start(StartFrom::Newest)?;
//!                     Event::Start { newest: start.newest, from: start.manifest }
//!                 }
//!                 Action::Append(manifest) => Event::Appended(match checkpoints.append(&manifest) {
//!                     Ok(Created::Written) => Append::Written,
//!                     Ok(Created::Exists) => Append::Taken,
//!                     Err(e) if failures > 3 => return Err(e),
//!                     Err(_) => {
//!                         failures += 1; // a real driver waits a little
//!                         Append::Unknown
//!                     }
//!                 }),
//!                 Action::ReadNewest => {
//!                     let (newest, owner) = checkpoints.newest()?;
//!                     Event::Newest(newest, owner)
//!                 }
//!                 Action::Fence(shard) => Event::Held(shard), // files fence nobody
//!                 Action::ReadMarkers(shard) => {
//!                     let names = squares.list("public")?;
//!                     let markers = names.iter().filter_map(|file| Publish::parse(file.name.strip_prefix("public/")?));
//!                     Event::Markers(shard, markers.filter(|(index, _)| *index == shard.index).map(|(_, m)| m).collect())
//!                 }
//!                 Action::Publish(publish) => {
//!                     let pending = process.pending(publish.shard).iter().find(|epoch| epoch.epoch == publish.epoch);
//!                     let part = pending.and_then(|epoch| epoch.parts.get(publish.from as usize));
//!                     let part = part.ok_or_else(|| Error::internal("there is no such part"))?;
//!                     squares.create(&format!("public/{}", publish.name(publish.from)), &checkpoints.read(&part.content)?)?;
//!                     Event::Committed(publish.shard, publish.from + 1)
//!                 }
//!                 Action::WriteMarker(shard, marker) => Event::Committed(shard, marker.records),
//!                 Action::Run(manifest) => {
//!                     position = manifest.state;
//!                     continue;
//!                 }
//!                 Action::Completed { .. } => continue,
//!                 Action::Exit(why) => return Err(Error::io("the run has ended", why.to_string())),
//!             };
//!             process.on(event)?;
//!         }
//!     }
//! }
//!
//! let folder = tempfile::tempdir().unwrap();
//! run(folder.path(), 12)?;
//! run(folder.path(), 20)?; // another process goes on
//! assert_eq!(LocalStore::open(folder.path().join("squares"))?.list("public")?.len(), 20);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Keeping and sweeping
//!
//! [`Checkpoints::sweep`] keeps the last checkpoints and removes what none of them needs, also what killed processes have
//! left. It lists files first and reads the chain then, and leaves alone what is young.
//!
//! # What is damaged
//!
//! Manifests and data files have lengths and checksums. What is torn or changed is named with its path and never decoded.
//! Whether an older checkpoint will do then is the caller's decision ([`StartFrom`]): it is a fork, so sinks that publish
//! exactly once refuse it unless duplicates are accepted.
//!
//! # Why one may trust it
//!
//! The machines have neither clock nor random source nor I/O, so the tests of [`protocol`] try *everything* that can
//! happen at small size, on the machines themselves, and find each of a list of mistakes that are made on purpose.

mod checkpoints;
mod content;
mod format;
mod id;
mod lineage;
mod manifest;
pub mod protocol;
mod retention;
mod sink_state;
mod store;

pub use checkpoints::{Checkpoints, Start, StartFrom};
pub use content::{Bytes, Content, FileRef};
pub use format::{Unreadable, decode_manifest, encode_manifest};
pub use id::{AttemptId, LineageId};
pub use lineage::{Ancestor, Lineage};
pub use manifest::{HasFiles, KeyGroups, Manifest, ManifestKind, Piece, Snapshot, SplitPosition, StepState};
pub use protocol::{Action, Append, Event, Exit, Problem, Process, ProcessOptions, Publish, ShardId};
pub use retention::{Retention, Swept};
pub use sink_state::{Marker, NoMarker, Part, PendingEpoch, ShardState, SinkKind, SinkState};
#[cfg(feature = "object-store")]
pub use store::ObjectStoreFiles;
pub use store::{Created, Listed, LocalStore, Store, check_name};
