//! Sweeping removes what nothing needs, and never what a kept checkpoint needs, whatever happens meanwhile.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{attempt, manifest};
use dataflow_checkpoint::*;
use dataflow_core::Result;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A store in which something happens right after something was listed for the first time.
struct Interrupted {
    files: LocalStore,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Store for Interrupted {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        self.files.create(name, bytes)
    }

    fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.files.read(name, max_bytes)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let listed = self.files.list(folder);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        listed
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.files.delete(name)
    }

    fn delete_remains(&self, before: SystemTime) -> Result<usize> {
        self.files.delete_remains(before)
    }

    fn path(&self, name: &str) -> String {
        self.files.path(name)
    }
}

/// What processes do.
#[derive(Clone, Debug)]
enum Step {
    /// A checkpoint with new files, and some of those of the last one.
    Checkpoint { new: usize, kept: usize },
    /// A file is written, and the next checkpoint needs it.
    Upload,
    /// A file is written by somebody who is killed then.
    Orphan,
    /// Another process takes over.
    TakeOver,
    /// A sweep, with what happens between its two listings.
    Sweep { meanwhile: Vec<Step> },
}

fn step() -> impl Strategy<Value = Step> {
    let simple = || {
        prop_oneof![
            3 => (0..3_usize, 0..3_usize).prop_map(|(new, kept)| Step::Checkpoint { new, kept }),
            2 => Just(Step::Upload),
            1 => Just(Step::Orphan),
            1 => Just(Step::TakeOver),
        ]
    };
    let sweep = prop::collection::vec(simple(), 0..3);
    prop_oneof![3 => simple(), 1 => sweep.prop_map(|meanwhile| Step::Sweep { meanwhile })]
}

/// The processes, and what must be there.
struct Run {
    checkpoints: Checkpoints,
    id: u128,
    chain: Vec<Manifest>,
    uploads: Vec<FileRef>,
    orphans: BTreeSet<String>,
}

impl Run {
    fn new(folder: &Path) -> Self {
        let checkpoints = common::open(folder, 1);
        Run { checkpoints, id: 1, chain: Vec::new(), uploads: Vec::new(), orphans: BTreeSet::new() }
    }

    fn upload(&self) -> FileRef {
        self.checkpoints.write_file("state", b"some state").unwrap()
    }

    fn append(&mut self, manifest: Manifest) {
        assert_eq!(self.checkpoints.append(&manifest).unwrap(), Created::Written);
        self.chain.push(manifest);
    }

    fn act(&mut self, folder: &Path, step: &Step) {
        let number = self.chain.len() as u64 + 1;
        match step {
            Step::Upload => self.uploads.push(self.upload()),
            Step::Orphan => drop(self.orphans.insert(self.upload().name)),
            Step::Checkpoint { new, kept } => {
                let old: Vec<FileRef> = self.chain.last().into_iter().flat_map(|m| m.files()).cloned().collect();
                let mut files: Vec<FileRef> = old.into_iter().take(*kept).collect();
                files.append(&mut self.uploads);
                files.extend((0..*new).map(|_| self.upload()));
                let outputs = files.split_off(files.len() / 2);
                let contents = |files: Vec<FileRef>| files.into_iter().map(Content::File).collect();
                self.append(manifest(number, self.id, contents(files), contents(outputs)));
            }
            Step::TakeOver => {
                let Some(last) = self.chain.last().cloned() else { return };
                self.id += 1;
                self.checkpoints = common::open(folder, self.id);
                // What was uploaded for a checkpoint that never came is an orphan now.
                self.orphans.extend(std::mem::take(&mut self.uploads).into_iter().map(|file| file.name));
                let kind = ManifestKind::Takeover;
                self.append(Manifest { number, owner: attempt(self.id), kind, ..last });
            }
            Step::Sweep { .. } => unreachable!("sweeps do not nest"),
        }
    }
}

/// The files that the last `keep` epochs need, computed otherwise than the sweep does.
fn needed(chain: &[Manifest], keep: usize) -> BTreeSet<FileRef> {
    let mut epochs: Vec<u64> = chain.iter().map(|manifest| manifest.epoch).collect();
    epochs.dedup();
    let first = epochs.iter().rev().nth(keep - 1).or(epochs.first()).copied().unwrap_or(0);
    chain.iter().filter(|manifest| manifest.epoch >= first).flat_map(|m| m.files()).cloned().collect()
}

proptest! {
    // Each case writes and syncs dozens of files.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_kept_checkpoint_needs_is_never_swept(keep in 1..4_usize, steps in prop::collection::vec(step(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let run = Arc::new(Mutex::new(Run::new(&path)));
        // Without grace everything that was listed may go, but uploads of a checkpoint that is being taken are what the
        // grace is for: so the sweep comes when there are none.
        let later = SystemTime::now() + Duration::from_secs(3600);
        for step in &steps {
            let Step::Sweep { meanwhile } = step else {
                run.lock().unwrap().act(&path, step);
                continue;
            };
            if !run.lock().unwrap().uploads.is_empty() {
                run.lock().unwrap().act(&path, &Step::Checkpoint { new: 0, kept: 0 });
            }
            let orphans = run.lock().unwrap().orphans.clone();
            let (inner, at, todo) = (Arc::clone(&run), path.clone(), meanwhile.clone());
            let happens = move || todo.iter().for_each(|step| inner.lock().unwrap().act(&at, step));
            let files = LocalStore::open(&path).unwrap();
            let store = Interrupted { files, meanwhile: Mutex::new(Some(Box::new(happens))) };
            let sweeper = Checkpoints::new(Arc::new(store), attempt(1000));
            let retention = Retention { keep, grace: Duration::ZERO, ..Retention::default() };
            sweeper.sweep::<Snapshot>(&retention, later).unwrap();
            let run = run.lock().unwrap();
            for file in needed(&run.chain, keep).iter().chain(&run.uploads) {
                prop_assert!(run.checkpoints.read_file(file).is_ok(), "{} is needed", file.name);
            }
            for orphan in orphans {
                prop_assert!(!path.join(&orphan).exists(), "{} is needed by nothing", orphan);
            }
            if let Some(last) = run.chain.last() {
                let start = run.checkpoints.start::<Snapshot>(StartFrom::Newest).unwrap();
                prop_assert_eq!(&*start.manifest.unwrap(), last);
            }
        }
    }
}

#[test]
fn what_is_young_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = common::open(folder.path(), 1);
    let file = checkpoints.write_file("for a checkpoint that is being taken", b"state").unwrap();
    for number in 1..=5 {
        checkpoints.append(&manifest(number, 1, vec![], vec![])).unwrap();
    }
    let retention = Retention { keep: 1, ..Retention::default() };
    let swept = checkpoints.sweep::<Snapshot>(&retention, SystemTime::now()).unwrap();
    assert_eq!(swept, Swept::default());
    let swept = checkpoints.sweep::<Snapshot>(&retention, SystemTime::now() + retention.grace * 2).unwrap();
    assert_eq!(swept, Swept { manifests: 4, files: 1 });
    assert!(checkpoints.read_file(&file).is_err());
    assert_eq!(checkpoints.numbers().unwrap(), [5]);
}

#[test]
fn a_manifest_that_is_not_kept_but_young_still_has_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = common::open(folder.path(), 1);
    let file = checkpoints.write_file("old", b"state").unwrap();
    let old = fs::File::options().write(true).open(folder.path().join(&file.name)).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(100_000)).unwrap();
    checkpoints.append(&manifest(1, 1, vec![Content::File(file.clone())], vec![])).unwrap();
    checkpoints.append(&manifest(2, 1, vec![], vec![])).unwrap();
    let retention = Retention { keep: 1, ..Retention::default() };
    checkpoints.sweep::<Snapshot>(&retention, SystemTime::now()).unwrap();
    assert_eq!(checkpoints.numbers().unwrap(), [1, 2]);
    assert_eq!(checkpoints.read_file(&file).unwrap(), b"state");
}

#[test]
fn a_pinned_checkpoint_outlives_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = common::open(folder.path(), 1);
    let file = checkpoints.write_file("savepoint", b"state").unwrap();
    checkpoints.append(&manifest(1, 1, vec![Content::File(file.clone())], vec![])).unwrap();
    for number in 2..=5 {
        checkpoints.append(&manifest(number, 1, vec![], vec![])).unwrap();
    }
    let retention = Retention { keep: 1, pinned: BTreeSet::from([1]), grace: Duration::ZERO };
    checkpoints.sweep::<Snapshot>(&retention, SystemTime::now() + Duration::from_secs(1)).unwrap();
    assert_eq!(checkpoints.numbers().unwrap(), [1, 5]);
    assert_eq!(checkpoints.read_file(&file).unwrap(), b"state");
}
