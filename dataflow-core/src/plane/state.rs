//! What a step's operator leaves in a snapshot, and finds again.

use crate::key::{key_groups_of, shard_of};
use crate::{Coded, Key, Result, coder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of one step over all its shards: bytes by key group, bytes of whole shards for what has no key, and what
/// several shards have copies of, once.
///
/// It does not depend on the number of shards it was written by, so a pipeline can go on with another number.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StepState {
    groups: BTreeMap<u16, Vec<u8>>,
    shards: Vec<Vec<u8>>,
    shared: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StepState {
    /// Joins the states of two shards of a step.
    pub fn merge(&mut self, other: StepState) {
        for (group, bytes) in other.groups {
            self.groups.entry(group).or_default().extend(bytes);
        }
        self.shards.extend(other.shards);
        self.shared.extend(other.shared);
    }

    /// The size of all state, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.groups.values().chain(&self.shards).chain(self.shared.values()).map(Vec::len).sum()
    }
}

/// Where an operator writes its state.
#[derive(Default)]
pub struct StateWriter(StepState);

impl StateWriter {
    /// Appends a row of state to the key group of `key`.
    ///
    /// # Errors
    /// If the row cannot be encoded.
    pub fn keyed<K: Key, R: Serialize>(&mut self, key: &K, row: &R) -> Result<()> {
        coder::encode(row, self.0.groups.entry(key.key_group()).or_default())
    }

    /// Adds a piece of state that belongs to no key, such as waiting elements or an open file.
    ///
    /// # Errors
    /// If the value cannot be encoded.
    pub fn shard<R: Serialize>(&mut self, value: &R) -> Result<()> {
        let mut bytes = Vec::new();
        coder::encode(value, &mut bytes)?;
        self.0.shards.push(bytes);
        Ok(())
    }

    /// Writes what is the same on every shard that has it: of those with the same `name` one is kept.
    ///
    /// # Errors
    /// If name or value cannot be encoded.
    pub fn shared<N: Serialize, R: Serialize>(&mut self, name: &N, value: &R) -> Result<()> {
        let (mut key, mut bytes) = (Vec::new(), Vec::new());
        coder::encode(name, &mut key)?;
        coder::encode(value, &mut bytes)?;
        self.0.shared.insert(key, bytes);
        Ok(())
    }

    /// What was written.
    pub fn finish(self) -> StepState {
        self.0
    }
}

/// Where an operator finds its state again: that of the key groups it owns, and its share of the unkeyed pieces.
#[derive(Clone, Copy)]
pub struct StateReader<'a> {
    state: &'a StepState,
    shard: usize,
    shards: usize,
}

impl<'a> StateReader<'a> {
    /// The state as `shard` of `shards` sees it.
    pub fn new(state: &'a StepState, shard: usize, shards: usize) -> Self {
        StateReader { state, shard, shards }
    }

    /// Calls `each` with every row of the key groups that this shard owns.
    ///
    /// # Errors
    /// If the bytes are no rows of type `R`, or `each` fails.
    pub fn keyed<R: Coded>(&self, mut each: impl FnMut(R) -> Result<()>) -> Result<()> {
        for (_, bytes) in self.state.groups.range(key_groups_of(self.shard, self.shards)) {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                each(coder::decode(&mut rest)?)?;
            }
        }
        Ok(())
    }

    /// The unkeyed pieces that fall to this shard: dealt round, so that each piece goes to exactly one shard.
    ///
    /// # Errors
    /// If the bytes are no value of type `R`.
    pub fn shard<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        self.decode(self.state.shards.iter().skip(self.shard).step_by(self.shards.max(1)))
    }

    /// All unkeyed pieces, for state that every shard has a copy of.
    ///
    /// # Errors
    /// If the bytes are no value of type `R`.
    pub fn all_shards<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        self.decode(self.state.shards.iter())
    }

    /// What any shard has written as [shared](StateWriter::shared), with its name: for every shard.
    ///
    /// # Errors
    /// If the bytes are no values of these types.
    pub fn shared<N: DeserializeOwned, R: DeserializeOwned>(&self) -> Result<Vec<(N, R)>> {
        let decode =
            |(name, value): (&Vec<u8>, &Vec<u8>)| Ok((coder::decode(&mut &name[..])?, coder::decode(&mut &value[..])?));
        self.state.shared.iter().map(decode).collect()
    }

    fn decode<R: DeserializeOwned>(&self, pieces: impl Iterator<Item = &'a Vec<u8>>) -> Result<Vec<R>> {
        pieces.map(|bytes| coder::decode(&mut &bytes[..])).collect()
    }

    /// Whether this shard owns `key`.
    pub fn owns<K: Key>(&self, key: &K) -> bool {
        shard_of(key.key_group(), self.shards) == self.shard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_two_shards_is_found_by_three() {
        let mut whole = StepState::default();
        for shard in 0..2u32 {
            let mut w = StateWriter::default();
            for key in (0..100u32).filter(|k| shard_of(k.key_group(), 2) == shard as usize) {
                w.keyed(&key, &(key, key * 2)).unwrap();
            }
            w.shard(&shard).unwrap();
            w.shared(&"both", &7u8).unwrap();
            w.shared(&format!("only {shard}"), &8u8).unwrap();
            whole.merge(w.finish());
        }
        let (mut keys, mut pieces) = (vec![], vec![]);
        for shard in 0..3 {
            let r = StateReader::new(&whole, shard, 3);
            r.keyed(|(k, v): (u32, u32)| {
                assert_eq!(v, k * 2);
                assert!(r.owns(&k));
                keys.push(k);
                Ok(())
            })
            .unwrap();
            pieces.extend(r.shard::<u32>().unwrap());
            let mut shared = r.shared::<String, u8>().unwrap();
            shared.sort();
            assert_eq!(shared, [("both".into(), 7), ("only 0".into(), 8), ("only 1".into(), 8)]);
        }
        keys.sort_unstable();
        assert_eq!(keys, (0..100).collect::<Vec<_>>());
        assert_eq!(pieces, [0, 1]);
    }
}
