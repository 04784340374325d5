//! What a shard is published to, and whether that is right.

use crate::{LineageId, Marker};
use std::collections::BTreeMap;

/// What a shard is published to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Target {
    /// The process whose transactions are not refused.
    pub(super) holder: Option<usize>,
    pub(super) open: Option<(Vec<u8>, Marker)>,
    pub(super) marker: Option<Marker>,
    /// Inputs, each with the lineage in which they were published.
    pub(super) records: Vec<(u8, LineageId)>,
    /// For what is published by names.
    pub(super) names: BTreeMap<(LineageId, u64, u64), u8>,
}

impl Target {
    pub(super) fn markers(&self) -> Vec<Marker> {
        let mut highest: BTreeMap<LineageId, Marker> = BTreeMap::new();
        for (lineage, epoch, part) in self.names.keys() {
            highest.insert(*lineage, Marker { lineage: *lineage, epoch: *epoch, records: part + 1 });
        }
        self.marker.into_iter().chain(highest.into_values()).collect()
    }

    /// How many inputs are published at least once.
    pub(super) fn covered(&self) -> usize {
        let mut inputs: Vec<u8> =
            self.records.iter().map(|(input, _)| *input).chain(self.names.values().copied()).collect();
        inputs.sort();
        inputs.dedup();
        inputs.len()
    }

    /// What is published must be the first of the inputs, each once and in order. Where duplicates are accepted, that
    /// holds for what each lineage has published, which may begin earlier than the one before has ended.
    pub(super) fn check(&self, expected: &[u8], accepted: bool) -> Result<(), String> {
        let mut covered = 0;
        let mut last: Option<(usize, LineageId)> = None;
        for (input, lineage) in &self.records {
            let at = expected.iter().position(|e| e == input).ok_or_else(|| format!("{input} is not its"))?;
            let follows = last.map_or(at == 0, |(last, _)| at == last + 1);
            let new_lineage = last.is_some_and(|(_, last)| last != *lineage);
            let begins_earlier = accepted && new_lineage && at <= covered;
            if !(follows || begins_earlier) {
                return Err(format!("lost, doubled or out of order: {:?}", self.records));
            }
            covered = covered.max(at + 1);
            last = Some((at, *lineage));
        }
        let mut named: Vec<(Option<LineageId>, u8)> =
            self.names.iter().map(|((id, ..), input)| (accepted.then_some(*id), *input)).collect();
        named.sort();
        let is_double = named.windows(2).any(|pair| pair[0] == pair[1]);
        let mut inputs: Vec<u8> = named.into_iter().map(|(_, input)| input).collect();
        inputs.sort();
        inputs.dedup();
        if is_double || !expected.starts_with(&inputs) {
            return Err(format!("lost or doubled: {:?}", self.names));
        }
        Ok(())
    }
}
