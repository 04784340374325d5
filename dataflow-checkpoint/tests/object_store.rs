//! The same in an object store.
#![cfg(feature = "object-store")]
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{attempt, manifest};
use dataflow_checkpoint::*;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

fn open(store: &Arc<dyn ObjectStore>, id: u128) -> Checkpoints {
    Checkpoints::new(Arc::new(ObjectStoreFiles::new(Arc::clone(store), "some/prefix").unwrap()), attempt(id))
}

#[test]
fn checkpoints_are_kept_and_swept_as_in_a_folder() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let checkpoints = open(&store, 1);
    for number in 1..=4 {
        let state = checkpoints.write("state", vec![number as u8; 10_000]).unwrap();
        checkpoints.append(&manifest(number, 1, vec![state], vec![])).unwrap();
    }
    let orphan = checkpoints.write_file("orphan", b"x").unwrap();
    let later = SystemTime::now() + Duration::from_secs(7200);
    let retention = Retention { keep: 2, ..Retention::default() };
    let swept = checkpoints.sweep::<Snapshot>(&retention, later).unwrap();
    assert_eq!(swept, Swept { manifests: 2, files: 3 });
    assert!(checkpoints.read_file(&orphan).unwrap_err().to_string().contains("some/prefix/data/"));
    let start = open(&store, 2).start::<Snapshot>(StartFrom::Newest).unwrap();
    let manifest = start.manifest.unwrap();
    assert_eq!((start.newest, manifest.number), (4, 4));
    assert_eq!(checkpoints.read_file(manifest.files().first().unwrap()).unwrap(), vec![4; 10_000]);
    assert_eq!(checkpoints.newest().unwrap(), (4, attempt(1)));
}

#[test]
fn threads_that_race_for_numbers_win_each_once() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let race = |id| {
        let checkpoints = open(&store, id);
        let append = |number| checkpoints.append(&manifest(number, id, vec![], vec![])).unwrap();
        (1..=100).filter(|number| append(*number) == Created::Written).count()
    };
    let won: usize = thread::scope(|scope| {
        let racers: Vec<_> = (1..=3).map(|id| scope.spawn(move || race(id))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(won, 100);
}

#[test]
fn a_damaged_object_is_named() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    open(&store, 1).append(&manifest(1, 1, vec![], vec![])).unwrap();
    let key = Path::from("some/prefix/manifests/00000000000000000001");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.put(&key, "torn".into())).unwrap();
    let refused = open(&store, 2).start::<Snapshot>(StartFrom::Newest).unwrap_err().to_string();
    assert!(refused.contains("some/prefix/manifests/00000000000000000001 is torn"), "{refused}");
}

#[test]
fn a_url_in_memory_is_found_again() {
    let url = "memory://bucket/checkpoints";
    Checkpoints::open(url, attempt(1)).unwrap().append(&manifest(1, 1, vec![], vec![])).unwrap();
    assert_eq!(Checkpoints::open(url, attempt(2)).unwrap().newest().unwrap(), (1, attempt(1)));
    let unknown = Checkpoints::open("gopher://host/lake", attempt(1)).err().unwrap().to_string();
    assert!(unknown.contains("use s3://, gs://, az://, memory://, or a local path"), "{unknown}");
}
