//! Parts of the input.

use super::files::DataFile;
use serde::{Deserialize, Serialize};

/// Some row groups of a file, and how far the first of them is read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParquetSplit {
    pub(crate) file: String,
    /// The file's size in bytes: another one would not have the same row groups.
    pub(crate) bytes: u64,
    /// The numbers of the row groups that are left, ascending.
    pub(crate) row_groups: Vec<u32>,
    /// How many rows of the first row group are read.
    pub(crate) rows: u64,
}

/// A row group that must be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowGroup {
    pub(crate) number: u32,
    pub(crate) bytes: u64,
}

/// Cuts the files into about `desired` splits or more: row groups of a file stay together as long as a split is small.
pub(crate) fn cut(files: Vec<(DataFile, Vec<RowGroup>)>, desired: usize) -> Vec<ParquetSplit> {
    let total: u64 = files.iter().flat_map(|(_, row_groups)| row_groups).map(|row_group| row_group.bytes).sum();
    let target = total / desired.max(1) as u64;
    let mut splits = Vec::new();
    for (file, row_groups) in files {
        let split = |row_groups| ParquetSplit { file: file.path.clone(), bytes: file.bytes, row_groups, rows: 0 };
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        for row_group in row_groups {
            if !numbers.is_empty() && bytes + row_group.bytes > target {
                splits.push(split(std::mem::take(&mut numbers)));
                bytes = 0;
            }
            numbers.push(row_group.number);
            bytes += row_group.bytes;
        }
        splits.push(split(numbers));
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_groups(splits: &[ParquetSplit]) -> Vec<&[u32]> {
        splits.iter().map(|split| &split.row_groups[..]).collect()
    }

    #[test]
    fn row_groups_are_dealt_out_by_size_and_never_across_files() {
        let file = |path: &str, sizes: &[u64]| {
            let row_groups = sizes.iter().zip(0..).map(|(bytes, number)| RowGroup { number, bytes: *bytes });
            (DataFile { path: path.to_owned(), bytes: 0 }, row_groups.collect())
        };
        let splits = cut(vec![file("a", &[10, 10, 10, 30]), file("b", &[1])], 3);
        assert_eq!(row_groups(&splits), [&[0, 1][..], &[2], &[3], &[0]]);
        assert_eq!(row_groups(&cut(vec![file("a", &[10, 10])], 1)), [&[0, 1]]);
        assert_eq!(cut(Vec::new(), 4), []);
    }
}
