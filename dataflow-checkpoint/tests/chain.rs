//! A chain in a real folder: one winner a number, among threads and among processes; readers see whole manifests.
//!
//! The other processes are this test binary itself, told by environment variables what to do.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{attempt, manifest, open};
use dataflow_checkpoint::*;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const ROLE: &str = "DATAFLOW_TEST_ROLE";
const FOLDER: &str = "DATAFLOW_TEST_FOLDER";
const ATTEMPT: &str = "DATAFLOW_TEST_ATTEMPT";
const NUMBERS: u64 = 200;

/// What the other processes do. Run as a test like the others, it does nothing.
#[test]
fn role() {
    let (Ok(role), Ok(folder), Ok(id)) = (env::var(ROLE), env::var(FOLDER), env::var(ATTEMPT)) else { return };
    let (folder, id) = (PathBuf::from(folder), id.parse().unwrap());
    match &role[..] {
        "race" => {
            fs::write(folder.join(format!("ready-{id}")), "").unwrap();
            while !folder.join("go").exists() {
                thread::yield_now();
            }
            let won = race(&folder.join("checkpoints"), id);
            let won: Vec<String> = won.iter().map(u64::to_string).collect();
            fs::write(folder.join(format!("won-{id}")), won.join(" ")).unwrap();
        }
        "write" => write_for_ever(&folder, id),
        _ => panic!("unknown role {role}"),
    }
}

fn start(role: &str, folder: &Path, id: u128) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "role", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .env(ATTEMPT, id.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Tries to append each number, and says which it has got.
fn race(folder: &Path, id: u128) -> Vec<u64> {
    let checkpoints = open(folder, id);
    let append = |number| checkpoints.append(&manifest(number, id, vec![], vec![])).unwrap();
    (1..=NUMBERS).filter(|number| append(*number) == Created::Written).collect()
}

fn each_number_has_the_owner_who_won_it(folder: &Path, won: &[(u128, Vec<u64>)]) {
    let checkpoints = open(folder, 99);
    let all: Vec<u64> = won.iter().flat_map(|(_, numbers)| numbers).copied().collect();
    assert_eq!(all.len() as u64, NUMBERS, "each number is won once");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len() as u64, NUMBERS);
    for (id, numbers) in won {
        for number in numbers {
            let start = checkpoints.start::<Snapshot>(StartFrom::Number(*number)).unwrap();
            assert_eq!(start.manifest.unwrap().owner, attempt(*id), "number {number}");
        }
    }
    assert_eq!(fs::read_dir(folder.join("tmp")).unwrap().count(), 0, "losers clean up");
}

#[test]
fn threads_that_race_for_numbers_win_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(4);
    let racer = |id| {
        barrier.wait();
        (id, race(folder.path(), id))
    };
    let won: Vec<(u128, Vec<u64>)> = thread::scope(|scope| {
        let racers: Vec<_> = (1..=4).map(|id| scope.spawn(move || racer(id))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    each_number_has_the_owner_who_won_it(folder.path(), &won);
}

#[test]
fn processes_that_race_for_numbers_win_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let children: Vec<_> = (1..=3).map(|id| start("race", path, id)).collect();
    let begun = Instant::now();
    while !(1..=3).all(|id| path.join(format!("ready-{id}")).exists()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the processes must start");
        thread::sleep(Duration::from_millis(1));
    }
    fs::write(path.join("go"), "").unwrap();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let won = (1..=3).map(|id| {
        let text = fs::read_to_string(path.join(format!("won-{id}"))).unwrap();
        (id, text.split_whitespace().map(|number| number.parse().unwrap()).collect())
    });
    let won: Vec<(u128, Vec<u64>)> = won.collect();
    each_number_has_the_owner_who_won_it(&path.join("checkpoints"), &won);
}

/// Checkpoints with large data files and pending outputs, one after the other.
fn write_for_ever(folder: &Path, id: u128) {
    let checkpoints = open(folder, id);
    let mut number = checkpoints.numbers().unwrap().pop().unwrap_or(0);
    loop {
        number += 1;
        let state = checkpoints.write("state", vec![number as u8; 200_000]).unwrap();
        let outputs = checkpoints.write("outputs", vec![!number as u8; 10_000]).unwrap();
        let small = checkpoints.write("small", vec![number as u8; 100]).unwrap();
        let manifest = manifest(number, id, vec![state, small], vec![outputs]);
        assert_eq!(checkpoints.append(&manifest).unwrap(), Created::Written);
    }
}

#[test]
fn a_writer_that_is_killed_leaves_a_chain_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut lengths = BTreeSet::new();
    for n in 0..25_u32 {
        let before = open(path, 0).numbers().unwrap().len();
        let mut child = start("write", path, u128::from(n) + 1);
        // It is killed somewhere in the writing, not while it starts.
        let begun = Instant::now();
        while open(path, 0).numbers().unwrap().len() < before + (n as usize % 3) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the process must write");
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(u64::from(n * 7 % 25) * 300));
        child.kill().unwrap();
        child.wait().unwrap();
        let checkpoints = open(path, 0);
        let start = checkpoints.start::<Snapshot>(StartFrom::Newest).unwrap();
        let numbers = checkpoints.numbers().unwrap();
        assert_eq!(numbers, (1..=start.newest).collect::<Vec<_>>(), "no number is left out");
        lengths.insert(start.newest);
        if let Some(manifest) = start.manifest {
            assert_eq!(manifest.number, start.newest);
            let files = manifest.files();
            assert_eq!(files.len(), 2);
            for file in files {
                checkpoints.read_file(file).unwrap();
            }
        }
    }
    assert!(lengths.len() > 5, "the kills must fall into the writing: {lengths:?}");
    // What they have left is swept; what is needed stays.
    let checkpoints = open(path, 0);
    let retention = Retention { keep: 2, grace: Duration::ZERO, ..Retention::default() };
    checkpoints.sweep::<Snapshot>(&retention, std::time::SystemTime::now() + Duration::from_secs(1)).unwrap();
    assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0);
    let start = checkpoints.start::<Snapshot>(StartFrom::Newest).unwrap();
    for file in start.manifest.unwrap().files() {
        checkpoints.read_file(file).unwrap();
    }
}

#[test]
fn nobody_but_the_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a/b/checkpoints");
    let checkpoints = open(&root, 1);
    let file = checkpoints.write_file("state", &[1; 10]).unwrap();
    checkpoints.append(&manifest(1, 1, vec![Content::File(file.clone())], vec![])).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut path = root.join(&file.name);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&root.join("manifests/00000000000000000001")), 0o600);
    while path.pop() && path != folder.path() {
        assert_eq!(mode(&path), 0o700, "{}", path.display());
    }
}

#[test]
fn the_newest_manifest_is_told_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path(), 1), open(folder.path(), 2));
    assert!(one.newest().unwrap_err().to_string().contains("no manifests"));
    one.append(&manifest(1, 1, vec![], vec![])).unwrap();
    assert_eq!(one.newest().unwrap(), (1, attempt(1)));
    assert_eq!(two.append(&manifest(1, 2, vec![], vec![])).unwrap(), Created::Exists);
    assert_eq!(two.newest().unwrap(), (1, attempt(1)));
    two.append(&manifest(2, 2, vec![], vec![])).unwrap();
    assert_eq!(one.newest().unwrap(), (2, attempt(2)));
}

#[test]
fn a_url_without_the_feature_or_an_unknown_one_is_refused() {
    let refused = Checkpoints::open("gopher://host/prefix", attempt(1)).err().unwrap().to_string();
    assert!(refused.contains("gopher://host/prefix") && refused.contains("local path"), "{refused}");
}
