//! A process and its answers, step by step: what it does in which order, when it ends, and what it says then.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use dataflow_checkpoint::*;
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_micros(7);
const SHARD: ShardId = ShardId { sink: 0, index: 0 };
const OTHER: ShardId = ShardId { sink: 0, index: 1 };

fn options(attempt: u128, shards: u32) -> ProcessOptions {
    let sinks = BTreeMap::from([("Orders/Write".to_owned(), (SinkKind::Transactional, shards))]);
    ProcessOptions { attempt: AttemptId::from_u128(attempt), now: NOW, sinks, accept_duplicates: false }
}

fn lineage(id: u128) -> LineageId {
    LineageId::from_u128(id)
}

fn marker(id: u128, epoch: u64, records: u64) -> Marker {
    Marker { lineage: lineage(id), epoch, records }
}

fn outputs(records: u64) -> BTreeMap<ShardId, Vec<Part>> {
    BTreeMap::from([(SHARD, vec![Part { records, content: Content::inline(vec![0; records as usize]) }])])
}

/// Answers as a store and a broker do where nothing goes wrong, until the process asks no more. What was asked is told.
fn settle(process: &mut Process<u64>, from: Option<&Manifest<u64>>, found: &[Marker]) -> Vec<String> {
    let mut asked = Vec::new();
    let mut newest = from.map_or(0, |manifest| manifest.number);
    loop {
        let actions = process.take_actions();
        if actions.is_empty() {
            return asked;
        }
        for action in actions {
            let (what, event) = match action {
                Action::ReadStart => {
                    let from = from.cloned().map(Box::new);
                    ("start".to_owned(), Some(Event::Start { newest, from }))
                }
                Action::Append(manifest) => {
                    newest = manifest.number;
                    (format!("append {newest}"), Some(Event::Appended(Append::Written)))
                }
                Action::ReadNewest => {
                    let owner = process_attempt(process);
                    (
                        "newest".to_owned(),
                        Some(Event::Newest(newest.max(process.last().map_or(0, |m| m.number)), owner)),
                    )
                }
                Action::Fence(shard) => (format!("fence {}", shard.index), Some(Event::Held(shard))),
                Action::ReadMarkers(shard) => {
                    (format!("read {}", shard.index), Some(Event::Markers(shard, found.to_vec())))
                }
                Action::WriteMarker(shard, marker) => {
                    let what = format!("mark {} {}/{}", shard.index, marker.epoch, marker.records);
                    (what, Some(Event::Committed(shard, marker.records)))
                }
                Action::Publish(p) => (
                    format!("publish {} {}: {}..{}", p.shard.index, p.epoch, p.from, p.to),
                    Some(Event::Committed(p.shard, p.to)),
                ),
                Action::Run(manifest) => (format!("run from {}", manifest.state), None),
                Action::Completed { epoch, .. } => (format!("completed {epoch}"), None),
                Action::Exit(why) => (format!("exit: {why}"), None),
            };
            asked.push(what);
            if let Some(event) = event {
                process.on(event).unwrap();
            }
        }
    }
}

fn process_attempt(process: &Process<u64>) -> AttemptId {
    // The machine tells its attempt in what it appends; these tests have only two.
    process.last().map_or(AttemptId::from_u128(1), |last| last.owner)
}

/// A process that runs, and its last manifest.
fn running() -> Process<u64> {
    let mut process = Process::new(options(1, 1), 0);
    settle(&mut process, None, &[]);
    assert!(process.is_running());
    process
}

#[test]
fn recovery_takes_over_fences_all_reads_markers_and_publishes_before_it_runs() {
    let mut process = Process::new(options(1, 2), 5);
    let asked = settle(&mut process, None, &[]);
    let expected = [
        "start",
        "append 1",
        "newest",
        "fence 0",
        "fence 1",
        "read 0",
        "read 1",
        "newest",
        "mark 0 0/0",
        "mark 1 0/0",
        "run from 5",
    ];
    assert_eq!(asked, expected);
    // It is killed with an epoch of ten records pending, of which the broker has three.
    process.checkpoint(6, outputs(10), NOW).unwrap();
    let Some(Action::Append(manifest)) = process.take_actions().pop() else { panic!("it must append") };
    let mut next = Process::new(ProcessOptions { now: NOW, ..options(1, 2) }, 5);
    let asked = settle(&mut next, Some(&manifest), &[marker(1, 1, 3)]);
    let expected = [
        "start",
        "append 3",
        "newest",
        "fence 0",
        "fence 1",
        "read 0",
        "read 1",
        "newest",
        "publish 0 1: 3..10",
        "run from 6",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn outputs_leave_after_their_manifest_is_in_the_chain() {
    let mut process = running();
    process.checkpoint(1, outputs(2), NOW).unwrap();
    assert!(!process.can_checkpoint());
    let actions = process.take_actions();
    assert!(matches!(&actions[..], [Action::Append(_)]), "{actions:?}");
    process.on(Event::Appended(Append::Unknown)).unwrap();
    assert!(matches!(&process.take_actions()[..], [Action::Append(_)]), "the same again");
    process.on(Event::Appended(Append::Taken)).unwrap();
    assert!(matches!(&process.take_actions()[..], [Action::ReadNewest]), "by whom?");
    process.on(Event::Newest(2, AttemptId::from_u128(1))).unwrap();
    let actions = process.take_actions();
    assert!(matches!(&actions[..], [Action::Completed { epoch: 1, number: 2 }, Action::Publish(_)]), "{actions:?}");
    assert_eq!(process.epochs_behind(), 1);
    process.on(Event::Committed(SHARD, 2)).unwrap();
    assert_eq!(process.epochs_behind(), 0);
}

#[test]
fn a_process_whose_number_is_taken_ends() {
    let mut process = running();
    process.checkpoint(1, outputs(2), NOW).unwrap();
    process.take_actions();
    process.on(Event::Appended(Append::Taken)).unwrap();
    process.take_actions();
    process.on(Event::Newest(2, AttemptId::from_u128(2))).unwrap();
    let actions = process.take_actions();
    assert!(matches!(&actions[..], [Action::Exit(Exit::Superseded { newest: 2 })]), "{actions:?}");
    assert!(process.has_ended());
    process.on(Event::Committed(SHARD, 2)).unwrap(); // what comes late changes nothing
    assert_eq!(process.take_actions(), []);
}

#[test]
fn a_time_out_is_told_from_a_successor_by_the_chain() {
    for successor in [false, true] {
        let mut process = running();
        process.checkpoint(1, outputs(4), NOW).unwrap();
        process.take_actions();
        process.on(Event::Appended(Append::Written)).unwrap();
        process.on(Event::Newest(2, AttemptId::from_u128(1))).unwrap();
        process.take_actions();
        process.on(Event::Interrupted(SHARD)).unwrap();
        assert!(matches!(&process.take_actions()[..], [Action::ReadNewest]));
        if successor {
            process.on(Event::Newest(3, AttemptId::from_u128(2))).unwrap();
            assert!(matches!(&process.take_actions()[..], [Action::Exit(Exit::Superseded { newest: 3 })]));
            continue;
        }
        process.on(Event::Newest(2, AttemptId::from_u128(1))).unwrap();
        assert!(matches!(&process.take_actions()[..], [Action::Fence(SHARD)]));
        process.on(Event::Held(SHARD)).unwrap();
        assert!(matches!(&process.take_actions()[..], [Action::ReadMarkers(SHARD)]));
        // Two of its records were committed after all.
        process.on(Event::Markers(SHARD, vec![marker(1, 1, 2)])).unwrap();
        let actions = process.take_actions();
        assert!(matches!(&actions[..], [Action::Publish(Publish { from: 2, to: 4, .. })]), "{actions:?}");
    }
}

#[test]
fn an_interruption_waits_for_an_append_that_is_under_way() {
    let mut process = running();
    process.refresh_markers();
    process.checkpoint(1, outputs(4), NOW).unwrap();
    let actions = process.take_actions();
    assert!(matches!(&actions[..], [Action::WriteMarker(..), Action::Append(_)]), "{actions:?}");
    process.on(Event::Interrupted(SHARD)).unwrap();
    assert_eq!(process.take_actions(), []);
    process.on(Event::Appended(Append::Written)).unwrap();
    process.take_actions();
    process.on(Event::Newest(2, AttemptId::from_u128(1))).unwrap();
    let actions = process.take_actions();
    assert!(matches!(&actions[..], [Action::Completed { .. }, Action::Fence(SHARD)]), "{actions:?}");
}

/// A manifest with epoch 2, of which two records are pending, and epoch 1 known to be published.
fn manifest() -> Manifest<u64> {
    let mut process = running();
    for epoch in 1..=2 {
        process.checkpoint(epoch * 10, outputs(2), NOW).unwrap();
        let Some(Action::Append(manifest)) = process.take_actions().pop() else { panic!("it must append") };
        if epoch == 2 {
            return *manifest;
        }
        process.on(Event::Appended(Append::Written)).unwrap();
        process.take_actions();
        process.on(Event::Newest(2, AttemptId::from_u128(1))).unwrap();
        settle(&mut process, None, &[]);
    }
    unreachable!()
}

/// What a process that starts from [`manifest`] says of a marker, without and with acceptance.
fn starts_with(found: &[Marker]) -> (Vec<String>, Vec<String>) {
    let start = |accept_duplicates| {
        // The attempt of a new process is told to the chain by what it has appended itself.
        let mut process = Process::new(ProcessOptions { accept_duplicates, ..options(9, 1) }, 0);
        process.take_actions();
        process.on(Event::Start { newest: 3, from: Some(Box::new(manifest())) }).unwrap();
        process.take_actions();
        process.on(Event::Appended(Append::Written)).unwrap();
        process.take_actions();
        process.on(Event::Newest(4, AttemptId::from_u128(9))).unwrap();
        settle(&mut process, None, found)
    };
    (start(false), start(true))
}

#[test]
fn markers_that_do_not_fit_are_refused_with_what_can_be_done() {
    let cases: [(&[Marker], &str); 5] = [
        (&[marker(1, 3, 1)], "published up to epoch 3 (1 records of it), but the checkpoint ends with epoch 2"),
        (&[marker(1, 2, 3)], "published up to epoch 2 (3 records of it)"),
        (&[marker(1, 1, 1)], "has lost data, or is another one"),
        (&[marker(5, 1, 1)], "another history (lineage 00000000000000000000000000000005)"),
        (&[], "the marker that says what is published is gone; it was at epoch 1 (2 records of it)"),
    ];
    for (found, why) in cases {
        let (refused, accepted) = starts_with(found);
        let last = refused.last().unwrap();
        assert!(last.starts_with("exit: sink \"Orders/Write\", shard 0: "), "{last}");
        assert!(last.contains(why) && last.contains("--accept-duplicates"), "{last}");
        assert!(accepted.contains(&"append 5".to_owned()), "the acceptance is written to the chain: {accepted:?}");
        assert_eq!(accepted.last().unwrap(), "run from 20", "{accepted:?}");
    }
}

#[test]
fn acceptance_publishes_again_only_what_may_be_missing() {
    let published = |found: &[Marker]| -> Vec<String> {
        let (_, accepted) = starts_with(found);
        accepted.into_iter().filter(|what| what.starts_with("publish") || what.starts_with("mark")).collect()
    };
    // All that is pending was published, since more was.
    assert_eq!(published(&[marker(1, 3, 1)]), ["mark 0 2/2"]);
    // Nobody knows.
    assert_eq!(published(&[]), ["mark 0 0/0", "publish 0 2: 0..2"]);
    assert_eq!(published(&[marker(5, 1, 1)]), ["mark 0 1/2", "publish 0 2: 0..2"]);
}

#[test]
fn a_fork_is_looked_at_before_it_is_written() {
    let mut process = Process::new(options(9, 1), 0);
    process.take_actions();
    process.on(Event::Start { newest: 8, from: Some(Box::new(manifest())) }).unwrap();
    assert!(matches!(&process.take_actions()[..], [Action::ReadMarkers(SHARD)]));
    process.on(Event::Markers(SHARD, vec![marker(1, 4, 1)])).unwrap();
    let actions = process.take_actions();
    let [Action::Exit(why)] = &actions[..] else { panic!("{actions:?}") };
    assert!(why.to_string().contains("Start from the newest checkpoint of lineage"), "{why}");
    assert!(why.to_string().contains("--accept-duplicates"), "{why}");
}

#[test]
fn a_fork_whose_outputs_fit_begins_a_lineage() {
    let mut process = Process::new(options(9, 1), 0);
    process.take_actions();
    process.on(Event::Start { newest: 8, from: Some(Box::new(manifest())) }).unwrap();
    process.take_actions();
    process.on(Event::Markers(SHARD, vec![marker(1, 2, 1)])).unwrap();
    let Some(Action::Append(fork)) = process.take_actions().pop() else { panic!("it must append") };
    assert_eq!((fork.number, fork.epoch, fork.lineage.id), (9, 2, lineage(9)));
    let ancestor = Ancestor { id: lineage(1), epoch: 2, abandoned: true, accepted: false };
    assert_eq!(fork.lineage.ancestors, [ancestor]);
}

#[test]
fn sinks_that_are_not_those_of_the_chain_are_refused() {
    let start = |options: ProcessOptions| {
        let mut process = Process::new(options, 0);
        settle(&mut process, Some(&manifest()), &[]).pop().unwrap()
    };
    let shards = start(options(9, 3));
    assert!(shards.contains("has 3 shards now and had 1 in the checkpoint"), "{shards}");
    let gone = start(ProcessOptions { sinks: BTreeMap::new(), ..options(9, 1) });
    assert!(gone.contains("\"Orders/Write\" is gone") && gone.contains("not be published yet"), "{gone}");
    let sinks = BTreeMap::from([("Orders/Write".to_owned(), (SinkKind::Named, 1))]);
    let kind = start(ProcessOptions { sinks, ..options(9, 1) });
    assert!(kind.contains("is Named now and was Transactional"), "{kind}");
}

#[test]
fn a_process_without_sinks_only_keeps_the_chain() {
    let mut process = Process::new(ProcessOptions { sinks: BTreeMap::new(), ..options(1, 1) }, 3);
    assert_eq!(settle(&mut process, None, &[]), ["start", "append 1", "newest", "newest", "run from 3"]);
    process.checkpoint(4, BTreeMap::new(), NOW).unwrap();
    let last = process.last().cloned();
    assert_eq!(settle(&mut process, last.as_ref(), &[]), ["append 2", "newest", "completed 1"]);
}

#[test]
fn idle_shards_refresh_their_markers() {
    let mut process = running();
    process.refresh_markers();
    assert_eq!(process.take_actions(), [Action::WriteMarker(SHARD, marker(1, 0, 0))]);
    process.refresh_markers();
    assert_eq!(process.take_actions(), [], "it is under way");
    process.on(Event::Committed(SHARD, 0)).unwrap();
}

#[test]
fn mistakes_of_the_driver_are_errors() {
    let mut process = running();
    for event in [Event::Held(SHARD), Event::Committed(SHARD, 1), Event::Interrupted(SHARD), Event::Held(OTHER)] {
        assert!(process.on(event).unwrap_err().to_string().contains("the driver is wrong"));
    }
    assert!(process.on(Event::Appended(Append::Written)).is_err());
    let unknown = process.checkpoint(1, BTreeMap::from([(OTHER, Vec::new())]), NOW).unwrap_err().to_string();
    assert!(unknown.contains("which no sink has"), "{unknown}");
    process.checkpoint(1, BTreeMap::new(), NOW).unwrap();
    assert!(process.checkpoint(2, BTreeMap::new(), NOW).is_err());
}
