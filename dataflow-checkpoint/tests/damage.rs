//! What is torn or changed is recognised, named with its path, and never decoded into nonsense.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{attempt, manifest, open};
use dataflow_checkpoint::*;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A change of a file.
#[derive(Clone, Debug)]
enum Damage {
    CutTo(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Append(Vec<u8>),
    Zero(prop::sample::Index, usize),
    Replace(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::CutTo),
        (any::<prop::sample::Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(Damage::Append),
        (any::<prop::sample::Index>(), 1..64_usize).prop_map(|(at, n)| Damage::Zero(at, n)),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Damage::Replace),
    ]
}

/// Does it. False if nothing has changed.
fn apply(damage: &Damage, path: &Path) -> bool {
    let old = fs::read(path).unwrap();
    let mut bytes = old.clone();
    match damage {
        Damage::CutTo(at) => bytes.truncate(at.index(old.len())),
        Damage::Flip(at, bit) => bytes[at.index(old.len())] ^= 1 << bit,
        Damage::Append(more) => bytes.extend(more),
        Damage::Zero(at, n) => bytes.iter_mut().skip(at.index(old.len())).take(*n).for_each(|byte| *byte = 0),
        Damage::Replace(others) => bytes.clone_from(others),
    }
    fs::write(path, &bytes).unwrap();
    bytes != old
}

fn manifest_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("manifests/{number:020}"))
}

fn two_checkpoints(folder: &Path) -> Manifest {
    let checkpoints = open(folder, 1);
    for number in 1..=2 {
        let state = checkpoints.write("state", vec![number as u8; 5000]).unwrap();
        let inline = Content::inline(vec![number as u8; 20]);
        checkpoints.append(&manifest(number, 1, vec![state, inline.clone()], vec![inline])).unwrap();
    }
    *checkpoints.start(StartFrom::Newest).unwrap().manifest.unwrap()
}

proptest! {
    #[test]
    fn a_damaged_manifest_is_refused_with_its_path_and_the_one_before_is_offered(damage in damage()) {
        let folder = tempfile::tempdir().unwrap();
        two_checkpoints(folder.path());
        let path = manifest_path(folder.path(), 2);
        prop_assume!(apply(&damage, &path));
        let checkpoints = open(folder.path(), 2);
        let refused = checkpoints.start::<Snapshot>(StartFrom::Newest).unwrap_err().to_string();
        prop_assert!(refused.contains(path.to_str().unwrap()) && refused.contains("--accept-duplicates"), "{}", refused);
        let start = checkpoints.start::<Snapshot>(StartFrom::NewestReadable).unwrap();
        prop_assert_eq!((start.newest, start.manifest.unwrap().number), (2, 1));
        prop_assert!(start.passed_over[0].contains(path.to_str().unwrap()));
        prop_assert!(checkpoints.newest().unwrap_err().to_string().contains(path.to_str().unwrap()));
    }

    #[test]
    fn a_damaged_data_file_is_refused_with_its_path(damage in damage()) {
        let folder = tempfile::tempdir().unwrap();
        let newest = two_checkpoints(folder.path());
        let checkpoints = open(folder.path(), 2);
        let file = newest.files().into_iter().next().unwrap();
        prop_assert_eq!(checkpoints.read_file(file).unwrap(), vec![2; 5000]);
        let path = folder.path().join(&file.name);
        prop_assume!(apply(&damage, &path));
        let refused = checkpoints.read_file(file).unwrap_err().to_string();
        prop_assert!(refused.contains(path.to_str().unwrap()), "{}", refused);
    }

    #[test]
    fn bytes_that_are_no_manifest_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(matches!(decode_manifest::<Snapshot>(&bytes), Err(Unreadable::Damaged(_))));
        let mut as_if = b"DFLOWCKP\x01\0\0\0".to_vec();
        as_if.extend(&bytes);
        prop_assert!(matches!(decode_manifest::<Snapshot>(&as_if), Err(Unreadable::Damaged(_))));
    }

    #[test]
    fn a_manifest_comes_back_as_it_was(
        number in 1..u64::MAX,
        owner: u128,
        state in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..4),
        outputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..4),
    ) {
        let contents = |bytes: Vec<Vec<u8>>| bytes.into_iter().map(Content::inline).collect();
        let manifest = manifest(number, owner, contents(state), contents(outputs));
        prop_assert_eq!(decode_manifest(&encode_manifest(&manifest).unwrap()).unwrap(), manifest);
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let newest = two_checkpoints(folder.path());
    let checkpoints = open(folder.path(), 2);
    let file = newest.files().into_iter().next().unwrap();
    let huge = 1 << 42; // 4 TiB of holes
    for path in [folder.path().join(&file.name), manifest_path(folder.path(), 2)] {
        fs::File::options().write(true).open(path).unwrap().set_len(huge).unwrap();
    }
    let refused = checkpoints.read_file(file).unwrap_err().to_string();
    assert!(refused.contains("4398046511104 bytes") && refused.contains(&file.name), "{refused}");
    let start = checkpoints.start::<Snapshot>(StartFrom::NewestReadable).unwrap();
    assert!(start.passed_over[0].contains("4398046511104 bytes"), "{:?}", start.passed_over);
}

#[test]
fn a_missing_data_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let newest = two_checkpoints(folder.path());
    let file = newest.files().into_iter().next().unwrap();
    let path = folder.path().join(&file.name);
    fs::remove_file(&path).unwrap();
    let refused = open(folder.path(), 2).read_file(file).unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()) && refused.contains("missing"), "{refused}");
}

#[test]
fn a_name_from_a_manifest_cannot_lead_out_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    let checkpoints = open(&folder.path().join("checkpoints"), 1);
    let file = FileRef { name: "data/../../secret".to_owned(), bytes: 1, checksum: 0 };
    assert!(checkpoints.read_file(&file).unwrap_err().to_string().contains("no name of a file"));
}

#[test]
fn a_manifest_under_the_name_of_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    two_checkpoints(folder.path());
    fs::copy(manifest_path(folder.path(), 1), manifest_path(folder.path(), 3)).unwrap();
    let refused = open(folder.path(), 2).start::<Snapshot>(StartFrom::Newest).unwrap_err().to_string();
    assert!(refused.contains("00000000000000000003") && refused.contains("misplaced"), "{refused}");
}

#[test]
fn a_checkpoint_that_is_not_there_is_told_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    two_checkpoints(folder.path());
    let refused = open(folder.path(), 2).start::<Snapshot>(StartFrom::Number(9)).unwrap_err().to_string();
    assert!(refused.contains("there are: [1, 2]"), "{refused}");
}

#[test]
fn a_manifest_of_another_program_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    two_checkpoints(folder.path());
    let foreign = manifest(3, 1, vec![], vec![]);
    let foreign = Manifest {
        lineage: foreign.lineage,
        number: 3,
        owner: attempt(1),
        kind: foreign.kind,
        written: foreign.written,
        epoch: 3,
        sinks: foreign.sinks,
        state: "another type of state".to_owned(),
    };
    let checkpoints = open(folder.path(), 2);
    checkpoints.append(&foreign).unwrap();
    let refused = checkpoints.start::<Snapshot>(StartFrom::NewestReadable).unwrap_err().to_string();
    assert!(refused.contains("00000000000000000003") && refused.contains("intact"), "{refused}");
    let swept = checkpoints.sweep::<Snapshot>(&Retention::default(), std::time::SystemTime::now());
    assert!(
        swept.unwrap_err().to_string().contains("intact"),
        "nothing is removed when it is not known what is needed"
    );
}
