//! The files that a writer has open, by partition.

use super::file::RowFile;
use crate::ArrowRow;
use crate::partition::{PartitionKey, Partitions};
use hashbrown::HashTable;

/// An open partition.
pub(crate) struct OpenPartition<T: ArrowRow> {
    key: PartitionKey,
    hash: u64,
    used: u64,
    pub(crate) file: RowFile<T>,
}

/// The open partitions: the last one used is found by one comparison, the others by hash.
pub(crate) struct OpenFiles<T: ArrowRow> {
    all: Vec<OpenPartition<T>>,
    by_hash: HashTable<usize>,
    /// The place of the last one used; beyond the end if there is none.
    last: usize,
    clock: u64,
}

impl<T: ArrowRow> OpenFiles<T> {
    pub(crate) fn new() -> Self {
        OpenFiles { all: Vec::new(), by_hash: HashTable::new(), last: usize::MAX, clock: 0 }
    }

    /// The partition of the first of the rows, and how many of the first rows are in it. Nothing if it is not open.
    #[inline]
    pub(crate) fn find(&mut self, rows: &[T], partitions: &Partitions<T>) -> Option<(usize, usize)> {
        let first = rows.first()?;
        if let Some(open) = self.all.get(self.last) {
            let run = partitions.run(rows, &open.key);
            if run > 0 {
                return Some((self.last, run));
            }
        }
        let hash = partitions.hash(first);
        let all = &self.all;
        let place = *self.by_hash.find(hash, |place| partitions.run(&rows[..1], &all[*place].key) == 1)?;
        self.clock += 1;
        self.all[place].used = self.clock; // as long as it is the last one, none is used after it
        self.last = place;
        Some((place, partitions.run(rows, &self.all[place].key)))
    }

    /// Opens the partition of `row`.
    pub(crate) fn open(&mut self, row: &T, partitions: &Partitions<T>) {
        let key = partitions.key(row);
        let hash = key.hash();
        self.clock += 1;
        let file = RowFile::new(partitions.folder(&key));
        self.all.push(OpenPartition { key, hash, used: self.clock, file });
        let all = &self.all;
        self.by_hash.insert_unique(hash, all.len() - 1, |place| all[*place].hash);
    }

    /// Takes out the partition that was used least recently.
    pub(crate) fn take_oldest(&mut self) -> Option<OpenPartition<T>> {
        let place = self.all.iter().enumerate().min_by_key(|(_, open)| open.used)?.0;
        let oldest = self.all.swap_remove(place);
        self.last = usize::MAX;
        self.by_hash.clear();
        for (place, open) in self.all.iter().enumerate() {
            let all = &self.all;
            self.by_hash.insert_unique(open.hash, place, |place| all[*place].hash);
        }
        Some(oldest)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    #[inline]
    pub(crate) fn file(&mut self, place: usize) -> &mut RowFile<T> {
        &mut self.all[place].file
    }

    pub(crate) fn files(&mut self) -> impl Iterator<Item = &mut RowFile<T>> {
        self.all.iter_mut().map(|open| &mut open.file)
    }
}
