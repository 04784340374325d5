//! Whole processes on one folder: killed, stopped and woken up, several at once. What they publish is there once.
//!
//! The processes are this test binary itself. Each publishes the squares of 0, 1, 2, ... as files, with a checkpoint after
//! some; how many is by chance, so that epochs which are run again have other contents.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use dataflow_checkpoint::*;
use dataflow_windows::Timestamp;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

const FOLDER: &str = "DATAFLOW_TEST_FOLDER";
const NUMBERS: u64 = 400;
const SHARDS: u32 = 2;

/// What the processes do. Run as a test like the others, it does nothing.
#[test]
fn role() {
    let Ok(folder) = env::var(FOLDER) else { return };
    if let Err(why) = run(Path::new(&folder)) {
        println!("ends: {why}");
        std::process::exit(3);
    }
}

fn run(folder: &Path) -> Result<(), String> {
    let text = |e: dataflow_core::Error| e.to_string();
    let attempt = AttemptId::random();
    let mut chance = attempt.as_u128();
    let checkpoints = Checkpoints::open(folder.join("checkpoints").to_str().unwrap(), attempt).map_err(text)?;
    let squares = LocalStore::open(folder.join("squares")).map_err(text)?;
    let now = Timestamp::from_micros(0);
    let sinks = BTreeMap::from([("Squares".to_owned(), (SinkKind::Named, SHARDS))]);
    let mut process =
        Process::new(ProcessOptions { attempt, now, sinks, accept_duplicates: false }, Position::default());
    loop {
        let actions = process.take_actions();
        if actions.is_empty() {
            let position = process.last().map_or(0, |last| last.state.0);
            if position == NUMBERS {
                return Ok(());
            }
            chance = chance.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).rotate_left(41);
            let end = NUMBERS.min(position + 1 + (chance % 7) as u64);
            let mut outputs: BTreeMap<ShardId, Vec<Part>> = BTreeMap::new();
            for n in position..end {
                let shard = ShardId { sink: 0, index: n as u32 % SHARDS };
                let file = checkpoints.write_file("square", format!("{n} {}", n * n).as_bytes()).map_err(text)?;
                outputs.entry(shard).or_default().push(Part { records: 1, content: Content::File(file) });
            }
            process.checkpoint(Position(end), outputs, now).map_err(text)?;
            continue;
        }
        for action in actions {
            let event = match action {
                Action::ReadStart => {
                    let start = checkpoints.start(StartFrom::Newest).map_err(text)?;
                    Event::Start { newest: start.newest, from: start.manifest }
                }
                Action::Append(manifest) => Event::Appended(match checkpoints.append(&manifest).map_err(text)? {
                    Created::Written => Append::Written,
                    Created::Exists => Append::Taken,
                }),
                Action::ReadNewest => {
                    let (newest, owner) = checkpoints.newest().map_err(text)?;
                    Event::Newest(newest, owner)
                }
                Action::Fence(shard) => Event::Held(shard),
                Action::ReadMarkers(shard) => Event::Markers(shard, markers(&squares, shard)),
                Action::WriteMarker(shard, marker) => Event::Committed(shard, marker.records),
                Action::Publish(publish) => {
                    let pending = process.pending(publish.shard);
                    let epoch = pending.iter().find(|pending| pending.epoch == publish.epoch).unwrap();
                    let part = checkpoints.read(&epoch.parts[publish.from as usize].content).map_err(text)?;
                    squares.create(&format!("public/{}", publish.name(publish.from)), &part).map_err(text)?;
                    Event::Committed(publish.shard, publish.from + 1)
                }
                Action::Completed { number, .. } if number % 16 == 0 => {
                    // As if an hour had gone by; the grace is as long as a test may take.
                    let retention = Retention { keep: 2, grace: Duration::from_secs(3000), ..Retention::default() };
                    let later = SystemTime::now() + Duration::from_secs(2999);
                    checkpoints.sweep::<Position>(&retention, later).map_err(text)?;
                    continue;
                }
                Action::Run(_) | Action::Completed { .. } => continue,
                Action::Exit(why) => return Err(why.to_string()),
            };
            process.on(event).map_err(text)?;
        }
    }
}

fn markers(squares: &LocalStore, shard: ShardId) -> Vec<Marker> {
    let names = squares.list("public").unwrap();
    let parsed = names.iter().filter_map(|file| Publish::parse(file.name.strip_prefix("public/")?));
    parsed.filter(|(index, _)| *index == shard.index).map(|(_, marker)| marker).collect()
}

/// The state: how many numbers were squared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Position(u64);

impl HasFiles for Position {
    fn files(&self) -> Vec<&FileRef> {
        Vec::new()
    }
}

fn start(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "role", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The numbers whose squares are published, sorted.
fn published(folder: &Path) -> Vec<u64> {
    let squares = LocalStore::open(folder.join("squares")).unwrap();
    let read = |file: &Listed| {
        let bytes = squares.read(&file.name, 100).unwrap().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (n, square) = text.split_once(' ').unwrap();
        let n: u64 = n.parse().unwrap();
        assert_eq!(square.parse(), Ok(n * n));
        n
    };
    let mut numbers: Vec<u64> = squares.list("public").unwrap().iter().map(read).collect();
    numbers.sort_unstable();
    numbers
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn complete(folder: &Path) {
    assert!(start(folder).wait().unwrap().success());
    assert_eq!(published(folder), (0..NUMBERS).collect::<Vec<_>>(), "each once");
}

#[test]
fn processes_that_are_killed_publish_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut seen = 0;
    for n in 0..20_u64 {
        let before = published(path).len();
        let mut child = start(path);
        wait_until("a process must publish", || published(path).len() > before || before == NUMBERS as usize);
        thread::sleep(Duration::from_micros(n * 13 % 20 * 150));
        child.kill().unwrap();
        child.wait().unwrap();
        let numbers = published(path);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "kill {n}: none twice in {numbers:?}");
        seen += usize::from(numbers.len() < NUMBERS as usize);
    }
    assert!(seen > 5, "the kills must fall into the run");
    complete(path);
}

#[test]
fn a_zombie_that_wakes_up_publishes_nothing_twice_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let signal = |child: &Child, signal| kill_process(Pid::from_child(child), signal).unwrap();
    let mut zombies: Vec<Child> = Vec::new();
    for n in 0..6_u64 {
        let before = published(path).len();
        let child = start(path);
        wait_until("a process must publish", || published(path).len() > before);
        thread::sleep(Duration::from_micros(n * 370));
        signal(&child, Signal::STOP);
        // It stops a little later. Whatever is published after that is its successor's.
        let stopped = waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED).unwrap();
        assert!(stopped.is_some_and(|(_, status)| status.stopped()));
        zombies.push(child);
    }
    let stopped = published(path).len();
    assert!(stopped < NUMBERS as usize, "they must be stopped in the middle");
    let mut last = start(path);
    wait_until("the successor must publish", || published(path).len() > stopped);
    for zombie in &zombies {
        signal(zombie, Signal::CONT);
    }
    for zombie in &mut zombies {
        assert_eq!(zombie.wait().unwrap().code(), Some(3), "a zombie ends with an error");
    }
    assert!(last.wait().unwrap().success());
    complete(path);
}
