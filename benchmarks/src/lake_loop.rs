//! The main job `lake` as a loop on one thread.
//!
//! Shared with the engine's program: the simulator, the parser, the users table. Everything else is as one writes it
//! for this job alone: blocks of events in local vectors, a hash table that never forgets, Arrow builders that rows go
//! into column by column, and one map for the metrics.

use anyhow::{Context, Result, bail};
use compact_str::CompactString;
use dataflow_windows::Timestamp;
use examples::lake::dead_letter::DeadLetter;
use examples::lake::event::{EnrichedEvent, Event};
use examples::lake::simulate::Simulation;
use examples::lake::users::Users;
use examples::lake::validate;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Instant, SystemTime};

use crate::lake_files::Lake;
use crate::lake_metrics::Metrics;
use crate::lake_rows::{EventRows, MetricRows};

/// Events that are worked off together, one kind of work after the other: faster than one event after the other, since
/// code and data of each kind stay in the caches.
const BLOCK: u64 = 1024;

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopResult {
    /// Wall time, without making the users table.
    pub seconds: f64,
    /// Events read: written, rejected and duplicates.
    pub read: u64,
    /// Events written to `events/`.
    pub written: u64,
    /// Invalid events, written to `dead-letters/`.
    pub rejected: u64,
    /// Events that were there before.
    pub duplicates: u64,
    /// Rows written to `metrics/`.
    pub metrics: u64,
    /// Parquet files.
    pub files: u64,
    /// Bytes of the Parquet files.
    pub bytes: u64,
}

/// Runs the job over `n` simulated events and writes `events/`, `metrics/` and `dead-letters/` into the folder
/// `out_dir`, which must be empty or absent.
///
/// # Errors
///
/// If the folder has content or something cannot be written.
pub fn run(n: u64, seed: u64, out_dir: &Path) -> Result<LoopResult> {
    fs::create_dir_all(out_dir).with_context(|| format!("cannot make {}", out_dir.display()))?;
    if fs::read_dir(out_dir)?.next().is_some() {
        bail!("{} is not empty: name another folder or remove it", out_dir.display());
    }
    let users = Users::built_in();
    let start = Instant::now();
    let simulation = Simulation::new(n, seed);
    let mut result = LoopResult { read: n, ..LoopResult::default() };
    let hasher = foldhash::fast::RandomState::default();
    let mut seen: HashTable<CompactString> = HashTable::new();
    let mut events: Lake<EventRows> = Lake::new(out_dir.join("events"));
    let mut metric_files: Lake<MetricRows> = Lake::new(out_dir.join("metrics"));
    let mut metrics = Metrics::default();
    let mut dead_letters = dead_letters(out_dir)?;
    let (mut lines, mut ends, mut letter) = (Vec::new(), Vec::new(), Vec::new());
    let (mut valid, mut hashes, mut rows) = (Vec::new(), Vec::new(), Vec::new());

    for first in (0..n).step_by(BLOCK as usize) {
        let now = processing_time()?;
        metrics.close(simulation.lower_bound(first), |row| metric_files.append(row))?;
        let block = first..n.min(first + BLOCK);
        lines.clear();
        ends.clear();
        for index in block.clone() {
            simulation.line(index, &mut lines);
            ends.push(lines.len());
        }
        let mut begin = 0;
        for (index, end) in block.zip(&ends) {
            let line = &lines[begin..*end];
            begin = *end;
            match validate::parse(line) {
                Ok(event) => valid.push(event),
                Err(rejection) => {
                    result.rejected += 1;
                    letter.clear();
                    DeadLetter::new(line, rejection, &format!("event {index}"), now).write(&mut letter);
                    dead_letters.write_all(&letter)?;
                }
            }
        }
        // All hashes first, so that the cache misses of the probes overlap.
        hashes.clear();
        hashes.extend(valid.iter().map(|event: &Event| hasher.hash_one(&event.event_id)));
        for (event, hash) in valid.drain(..).zip(&hashes) {
            match seen.entry(*hash, |id| *id == event.event_id, |id| hasher.hash_one(id)) {
                Entry::Occupied(_) => result.duplicates += 1,
                Entry::Vacant(free) => {
                    free.insert(event.event_id.clone());
                    let user = users.get(event.user_id);
                    rows.push(EnrichedEvent::new(event, user, now));
                }
            }
        }
        rows.iter().for_each(|row| metrics.add(row));
        events.extend(&rows)?;
        result.written += rows.len() as u64;
        rows.clear();
    }

    metrics.close(Timestamp::MAX, |row| metric_files.append(row))?;
    dead_letters.flush()?;
    for written in [events.finish()?, metric_files.finish()?] {
        result.files += written.files;
        result.bytes += written.bytes;
        result.metrics = written.rows;
    }
    result.seconds = start.elapsed().as_secs_f64();
    Ok(result)
}

pub(crate) fn dead_letters(out_dir: &Path) -> Result<BufWriter<File>> {
    let folder = out_dir.join("dead-letters");
    fs::create_dir_all(&folder)?;
    Ok(BufWriter::with_capacity(1 << 16, File::create_new(folder.join("part-0.ndjson"))?))
}

pub(crate) fn processing_time() -> Result<Timestamp> {
    let micros = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros();
    Ok(Timestamp::from_micros(i64::try_from(micros)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use examples::lake::simulate;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    /// Rows of all Parquet files below a folder, read from their footers.
    fn rows(folder: &Path) -> u64 {
        let mut rows = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            rows += if path.is_dir() {
                rows_of(&path)
            } else {
                panic!("{} is in no partition", path.display());
            };
        }
        rows
    }

    fn rows_of(partition: &Path) -> u64 {
        let files = fs::read_dir(partition).unwrap();
        files
            .map(|file| SerializedFileReader::new(File::open(file.unwrap().path()).unwrap()).unwrap())
            .map(|file| file.metadata().file_metadata().num_rows() as u64)
            .sum()
    }

    #[test]
    fn the_loop_accounts_for_every_event() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let (n, seed) = (200_000, 7);
        let result = run(n, seed, &out).unwrap();
        let truth = simulate::truth(n, seed);
        assert_eq!(
            (result.read, result.written, result.rejected, result.duplicates),
            (n, truth.valid, truth.invalid, truth.duplicates)
        );
        assert_eq!(rows(&out.join("events")), truth.valid);
        assert_eq!(rows(&out.join("metrics")), result.metrics);
        // 200 seconds are four minutes or so, of three actions.
        assert!((9..=12).contains(&result.metrics), "{result:?}");
        let letters = fs::read_to_string(out.join("dead-letters/part-0.ndjson")).unwrap();
        assert_eq!(letters.lines().count() as u64, truth.invalid);
        assert!(run(1, 0, &out).is_err(), "a folder with content is refused");
    }
}
