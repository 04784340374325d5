//! Small manifests and folders of checkpoints.
#![allow(dead_code)] // not every test needs all of it

use dataflow_checkpoint::*;
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn attempt(id: u128) -> AttemptId {
    AttemptId::from_u128(id)
}

pub(crate) fn open(folder: &Path, id: u128) -> Checkpoints {
    Checkpoints::open(folder.to_str().unwrap(), attempt(id)).unwrap()
}

/// A checkpoint of an epoch as high as its number, whose state is in these files and whose outputs in those.
pub(crate) fn manifest(number: u64, owner: u128, state: Vec<Content>, outputs: Vec<Content>) -> Manifest {
    let lineage = Lineage::new(attempt(1));
    let pieces = state.into_iter().zip(0..);
    let pieces = pieces.map(|(content, n)| Piece { key_groups: Some(KeyGroups { first: n, last: n }), content });
    let step = StepState { schema: Some(7), pieces: pieces.collect() };
    let position = SplitPosition {
        split: "events-0".to_owned(),
        position: Some(Bytes(number.to_le_bytes().to_vec())),
        watermark: Timestamp::from_seconds(number as i64),
    };
    let snapshot = Snapshot {
        graph: 0xfeed,
        key_groups: 128,
        steps: BTreeMap::from([("Count/Sum".to_owned(), step)]),
        schemas: BTreeMap::from([(7, Bytes(vec![1, 2, 3]))]),
        sources: BTreeMap::from([("Read".to_owned(), vec![position])]),
        watermarks: BTreeMap::from([("Count/Sum".to_owned(), Timestamp::from_seconds(5))]),
    };
    let parts: Vec<Part> = outputs.into_iter().map(|content| Part { records: 2, content }).collect();
    let pending = match parts.is_empty() {
        true => Vec::new(),
        false => vec![PendingEpoch { lineage: lineage.id, epoch: number, parts }],
    };
    let committed = Some(Marker { lineage: lineage.id, epoch: number - 1, records: 0 });
    let sink = SinkState { kind: SinkKind::Transactional, shards: vec![ShardState { committed, pending }] };
    Manifest {
        lineage,
        number,
        owner: attempt(owner),
        kind: ManifestKind::Checkpoint,
        written: Timestamp::from_seconds(1_700_000_000),
        epoch: number,
        sinks: BTreeMap::from([("Write".to_owned(), sink)]),
        state: snapshot,
    }
}
