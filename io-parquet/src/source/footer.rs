//! What a file says of itself: schema, row groups, statistics.

use super::predicate::{Predicate, compare};
use super::split::RowGroup;
use super::{Input, constant};
use crate::{ArrowRow, RowColumn, hive};
use arrow_schema::{DataType, Field};
use dataflow_core::{Error, Result};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::reader::Length;
use std::path::Path;

/// The footer of a file.
#[derive(Clone)]
pub(crate) struct Footer {
    pub(crate) path: String,
    pub(crate) metadata: ArrowReaderMetadata,
}

impl Footer {
    pub(crate) fn read(input: &Input, path: &str) -> Result<Self> {
        let metadata = ArrowReaderMetadata::load(input, ArrowReaderOptions::new()).map_err(|e| {
            let message = if input.len() == 0 { "it is empty" } else { "it is damaged, cut off or something else" };
            damaged(path, message, e)
        })?;
        Ok(Footer { path: path.to_owned(), metadata })
    }

    /// Checks that rows of `T` can be read.
    pub(crate) fn check<T: ArrowRow>(&self) -> Result<()> {
        for column in T::columns() {
            self.check_column(&column).map_err(|e| e.at_position(&self.path))?;
        }
        Ok(())
    }

    fn check_column(&self, column: &RowColumn) -> Result<()> {
        let name = column.field().name();
        match (self.field(name), self.folder_value(name)) {
            (None, Some(value)) => constant::array(column.field().data_type(), value.as_deref(), 1).map(|_| ()),
            (stored, _) => column.check(stored),
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.metadata.schema().column_with_name(name).map(|(_, field)| field)
    }

    /// The value of a folder `name=value` in the path: nothing if there is none.
    pub(crate) fn folder_value(&self, name: &str) -> Option<Option<String>> {
        let folders = Path::new(&self.path).parent()?.to_str()?.rsplit('/');
        folders.filter_map(hive::parse).find_map(|(column, value)| (column == name).then_some(value))
    }

    /// The row groups in which a row can meet all predicates.
    pub(crate) fn prune(&self, predicates: &[Predicate], columns: &[RowColumn]) -> Result<Vec<RowGroup>> {
        let row_groups = self.metadata.metadata().row_groups();
        let mut keep = vec![true; row_groups.len()];
        for predicate in predicates {
            let kept = self.prune_one(predicate, columns).map_err(|e| e.at_position(&self.path))?;
            keep.iter_mut().zip(kept).for_each(|(keep, kept)| *keep &= kept);
        }
        let all = row_groups.iter().zip(0..).zip(keep);
        Ok(all
            .filter(|((row_group, _), keep)| *keep && row_group.num_rows() > 0)
            .map(|((row_group, number), _)| RowGroup { number, bytes: row_group.compressed_size().max(1) as u64 })
            .collect())
    }

    fn prune_one(&self, predicate: &Predicate, columns: &[RowColumn]) -> Result<Vec<bool>> {
        let row_groups = self.metadata.metadata().row_groups();
        let name = predicate.column();
        let own = columns.iter().find(|column| column.field().name() == name);
        if self.field(name).is_none() {
            let keep = match (self.folder_value(name), own) {
                // As rows read it; a folder that is no column of theirs is compared as the text it is.
                (Some(value), own) => {
                    let data_type = own.map_or(&DataType::Utf8, |column| column.field().data_type());
                    let array = constant::array(data_type, value.as_deref(), 1)?;
                    predicate.is_met(compare(&array, predicate)?.first().copied().unwrap_or_default())
                }
                (None, Some(_)) => false, // it would be NULL in all rows
                (None, None) => {
                    return Err(Error::options(format!("there is no column `{name}` to filter by")));
                }
            };
            return Ok(vec![keep; row_groups.len()]);
        }
        let metadata = &self.metadata;
        let Ok(statistics) = StatisticsConverter::try_new(name, metadata.schema(), metadata.parquet_schema()) else {
            return Ok(vec![true; row_groups.len()]); // nested: no statistics
        };
        let failed = |e: ParquetError| damaged(&self.path, "its statistics cannot be read", e);
        let mins = compare(&statistics.row_group_mins(row_groups).map_err(failed)?, predicate)?;
        let maxes = compare(&statistics.row_group_maxes(row_groups).map_err(failed)?, predicate)?;
        let nulls = statistics.row_group_null_counts(row_groups).map_err(failed)?;
        let all = row_groups.iter().zip(mins).zip(maxes).enumerate();
        Ok(all
            .map(|(i, ((row_group, min), max))| {
                let has_nulls = arrow_array::Array::is_valid(&nulls, i).then(|| nulls.value(i));
                // Without statistics but with a count of NULLs, all rows can be NULL: none meets a predicate.
                let all_null = has_nulls == Some(row_group.num_rows() as u64) && row_group.num_rows() > 0;
                !(all_null && has_statistics(row_group, &statistics)) && predicate.range_may_meet(min, max)
            })
            .collect())
    }
}

/// Whether the count of NULLs is the file's own and not assumed.
fn has_statistics(row_group: &parquet::file::metadata::RowGroupMetaData, of: &StatisticsConverter<'_>) -> bool {
    let column = of.parquet_column_index().map(|index| row_group.column(index));
    column.and_then(|column| column.statistics()).is_some_and(|statistics| statistics.null_count_opt().is_some())
}

/// The error of a file that cannot be read as Parquet.
pub(crate) fn damaged(path: &str, how: &str, error: ParquetError) -> Error {
    Error::io(format!("{path} cannot be read as a Parquet file: {how}; write it again, or leave it out"), error)
}
