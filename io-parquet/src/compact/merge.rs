//! Makes one file of several.

use crate::source::{Footer, Input, damaged};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{Field, Schema, SchemaRef};
use dataflow_core::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;

/// Files that are to become one.
pub(crate) struct Merge {
    inputs: Vec<(Input, Footer)>,
    schema: SchemaRef,
}

impl Merge {
    /// Opens the files. Gives the reason if they cannot become one.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Result<Self, String>> {
        let mut inputs = Vec::with_capacity(paths.len());
        for path in paths {
            let path = path.to_string_lossy();
            let input = Input::local(&path)?;
            let footer = Footer::read(&input, &path)?;
            inputs.push((input, footer));
        }
        Ok(unify(inputs.iter().map(|(_, footer)| footer)).map(|schema| Merge { inputs, schema }))
    }

    /// Writes the file `to`, durably.
    pub(crate) fn write(&self, to: &Path, properties: WriterProperties) -> Result<Merged> {
        let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
            Error::io(format!("{} cannot be written; the files that it was to replace are untouched", to.display()), e)
        };
        let file = File::options().write(true).create_new(true).open(to).map_err(|e| failed(e.into()))?;
        let mut writer =
            ArrowWriter::try_new(file, Arc::clone(&self.schema), Some(properties)).map_err(|e| failed(e.into()))?;
        let mut rows = 0;
        for (input, footer) in &self.inputs {
            let unreadable = |e| damaged(&footer.path, "its data is damaged", e);
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(input.clone(), footer.metadata.clone())
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(unreadable)?;
            for batch in reader {
                let batch = batch.map_err(|e| unreadable(e.into()))?;
                rows += batch.num_rows() as u64;
                writer.write(&widened(&self.schema, &batch)?).map_err(|e| failed(e.into()))?;
            }
        }
        let expected: i64 = self.inputs.iter().map(|(_, f)| f.metadata.metadata().file_metadata().num_rows()).sum();
        if expected != rows as i64 {
            return Err(Error::internal(format!("{} would have {rows} rows, not {expected}", to.display())));
        }
        let file = writer.into_inner().map_err(|e| failed(e.into()))?;
        file.sync_all().map_err(|e| failed(e.into()))?;
        let bytes = file.metadata().map_err(|e| failed(e.into()))?.len();
        Ok(Merged { rows, bytes })
    }
}

/// The columns of all files: those that some files lack, or that have NULLs in some, are nullable.
fn unify<'a>(footers: impl Iterator<Item = &'a Footer> + Clone) -> Result<SchemaRef, String> {
    let mut fields: Vec<Field> = Vec::new();
    for footer in footers.clone() {
        for field in footer.metadata.schema().fields() {
            match fields.iter_mut().find(|own| own.name() == field.name()) {
                None => fields.push(field.as_ref().clone()),
                Some(own) if own.data_type() != field.data_type() => {
                    return Err(format!(
                        "column `{}` is {} in {} and {} before it",
                        field.name(),
                        field.data_type(),
                        footer.path,
                        own.data_type()
                    ));
                }
                Some(own) if field.is_nullable() => own.set_nullable(true),
                Some(_) => {}
            }
        }
    }
    for field in &mut fields {
        if footers.clone().any(|footer| footer.field(field.name()).is_none()) {
            field.set_nullable(true);
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The batch with all columns of `schema`, in its order.
fn widened(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |field: &Field| -> ArrayRef {
        let own = batch.column_by_name(field.name());
        own.map_or_else(|| new_null_array(field.data_type(), batch.num_rows()), Arc::clone)
    };
    let columns = schema.fields().iter().map(|field| column(field)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| Error::internal("the columns of files that are merged do not match").caused_by(e))
}
