//! Which checkpoints are kept, and how the files that no kept one needs are removed.

use crate::checkpoints::{Checkpoints, DATA, Found, MANIFESTS, manifest_number};
use crate::store::Listed;
use crate::{FileRef, HasFiles, LineageId};
use dataflow_core::Result;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// What is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retention {
    /// The last so many checkpoints. Taking over makes no new one.
    pub keep: usize,
    /// The numbers of manifests that are kept besides, such as savepoints.
    pub pinned: BTreeSet<u64>,
    /// Nothing younger than this is removed: it may be of a checkpoint that is being taken. Much longer than that takes,
    /// and longer than clocks differ.
    pub grace: Duration,
}

impl Default for Retention {
    /// Three checkpoints and an hour.
    fn default() -> Self {
        Retention { keep: 3, pinned: BTreeSet::new(), grace: Duration::from_secs(3600) }
    }
}

/// What was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Manifests.
    pub manifests: usize,
    /// Data files, and what killed writers have left.
    pub files: usize,
}

impl Checkpoints {
    /// Removes what no kept checkpoint needs. Only the owner of the chain should sweep, but a zombie that does harms
    /// nothing: files are listed *before* the chain is read, so what was written later is not among them, and what a
    /// manifest needs that is written later was needed by the newest one or is young.
    ///
    /// # Errors
    /// If something cannot be listed, read or removed, or a manifest is of another version: it is not known what that needs.
    /// A damaged one needs nothing.
    pub fn sweep<S: HasFiles + DeserializeOwned>(&self, retention: &Retention, now: SystemTime) -> Result<Swept> {
        let before = now.checked_sub(retention.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        let is_old = |file: &&Listed| file.modified < before;
        let data = self.store.list(DATA)?;
        let manifests: BTreeMap<u64, Listed> =
            self.store.list(MANIFESTS)?.into_iter().filter_map(|m| Some((manifest_number(&m.name)?, m))).collect();
        let mut epochs = Vec::new();
        let mut needed: BTreeMap<u64, Vec<FileRef>> = BTreeMap::new();
        for number in manifests.keys().copied() {
            match self.manifest::<S>(number)? {
                Found::It(manifest) => {
                    epochs.push((number, Some((manifest.lineage.id, manifest.epoch))));
                    needed.insert(number, manifest.files().into_iter().cloned().collect());
                }
                Found::Corrupt(_) => epochs.push((number, None)),
                Found::Missing => {} // somebody else sweeps as well
            }
        }
        let kept = kept(&epochs, retention);
        let (stays, goes): (Vec<_>, Vec<_>) =
            manifests.iter().partition(|(number, file)| kept.contains(number) || !is_old(file));
        let needed: BTreeSet<&str> =
            stays.iter().filter_map(|(number, _)| needed.get(number)).flatten().map(|file| &file.name[..]).collect();
        let mut swept = Swept::default();
        // Manifests first: none is left that misses a file.
        for (_, manifest) in &goes {
            self.store.delete(&manifest.name)?;
            swept.manifests += 1;
        }
        for file in data.iter().filter(is_old).filter(|file| !needed.contains(&file.name[..])) {
            self.store.delete(&file.name)?;
            swept.files += 1;
        }
        swept.files += self.store.delete_remains(before)?;
        Ok(swept)
    }
}

/// The numbers that are kept, of manifests in order, each with its lineage and epoch unless it is corrupt: the newest
/// manifest whatever it is, since the next number is told by it; the newest one of each of the last epochs; what is
/// pinned; and corrupt ones among them, which somebody may want to look at.
fn kept(manifests: &[(u64, Option<(LineageId, u64)>)], retention: &Retention) -> BTreeSet<u64> {
    let mut kept: BTreeSet<u64> = manifests.iter().map(|(number, _)| *number).next_back().into_iter().collect();
    let mut epochs = BTreeSet::new();
    for (number, epoch) in manifests.iter().rev() {
        if epochs.len() < retention.keep.max(1) && epoch.is_none_or(|epoch| epochs.insert(epoch)) {
            kept.insert(*number);
        }
    }
    kept.extend(&retention.pinned);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_of(manifests: &[(u64, u128, u64)], keep: usize) -> Vec<u64> {
        let of = |(n, lineage, epoch): &(u64, u128, u64)| (*n, Some((LineageId::from_u128(*lineage), *epoch)));
        let manifests: Vec<_> = manifests.iter().map(of).collect();
        kept(&manifests, &Retention { keep, ..Retention::default() }).into_iter().collect()
    }

    #[test]
    fn the_last_checkpoints_are_kept_each_by_its_newest_manifest() {
        let chain = [(1, 1, 0), (2, 1, 1), (3, 1, 2), (4, 1, 2), (5, 1, 2), (6, 1, 3)];
        assert_eq!(kept_of(&chain, 1), [6]);
        assert_eq!(kept_of(&chain, 2), [5, 6]);
        assert_eq!(kept_of(&chain, 3), [2, 5, 6]);
        assert_eq!(kept_of(&chain, 9), [1, 2, 5, 6]);
    }

    #[test]
    fn the_same_epoch_of_two_lineages_is_two_checkpoints() {
        assert_eq!(kept_of(&[(1, 1, 1), (2, 2, 1)], 2), [1, 2]);
    }

    #[test]
    fn the_newest_number_is_kept_even_if_it_is_corrupt_or_nothing_is_to_be_kept() {
        assert_eq!(kept_of(&[(1, 1, 1), (2, 1, 2)], 0), [2]);
        let manifests = [(1, None), (2, Some((LineageId::from_u128(1), 1))), (3, None)];
        assert_eq!(kept(&manifests, &Retention { keep: 1, ..Retention::default() }), BTreeSet::from([2, 3]));
    }

    #[test]
    fn what_is_pinned_is_kept() {
        let manifests = [1, 2, 3].map(|n| (n, Some((LineageId::from_u128(1), n))));
        let retention = Retention { keep: 1, pinned: BTreeSet::from([1]), ..Retention::default() };
        assert_eq!(kept(&manifests, &retention), BTreeSet::from([1, 3]));
    }
}
