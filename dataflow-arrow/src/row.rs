//! Rows: structs whose fields are columns.

use crate::field::{ArrowField, BadValue, FieldReader};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dataflow_core::{Data, Error, Result};
use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;

/// A struct whose fields are columns: `#[derive(ArrowRow)]`.
///
/// Columns are found by name. A file may have more of them, which are not read, and may lack nullable ones, which are
/// then `None`: so a type can get a new `Option` field and still read what was written before.
///
/// ```
/// use dataflow_arrow::{ArrowRow, RowBuilder};
/// use dataflow_windows::Timestamp;
///
/// #[derive(Clone, PartialEq, Debug, ArrowRow)]
/// struct Visit {
///     at: Timestamp,
///     page: String,
///     seconds: Option<f64>,
/// }
///
/// assert_eq!(Visit::schema().field(2).to_string(), "Field { \"seconds\": nullable Float64 }");
/// let visits = [Visit { at: Timestamp::from_millis(-1), page: "/".to_owned(), seconds: None }];
/// let mut builder = <Visit as ArrowRow>::Builder::default();
/// builder.extend(&visits);
/// let batch = builder.finish()?;
/// assert_eq!(Visit::from_batch(&batch)?, visits);
/// # Ok::<(), dataflow_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row of columns",
    label = "not an `ArrowRow`",
    note = "add `#[derive(ArrowRow)]` to the struct"
)]
pub trait ArrowRow: Data {
    /// Makes Arrow batches of rows.
    type Builder: RowBuilder<Self>;
    /// Makes rows of Arrow batches.
    type Reader: RowReader<Self>;

    /// The columns, in the order of the fields.
    fn columns() -> Vec<RowColumn>;

    /// The schema of the columns.
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(Self::columns().into_iter().map(|column| column.field).collect::<Vec<_>>()))
    }

    /// All rows of a batch.
    ///
    /// # Errors
    /// If a column is missing that is not nullable, or has a type that cannot be read as the field's, or a value that
    /// the field's type does not have. The error names the column and both types.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let reader = Self::Reader::bind(batch, &Self::columns())?;
        (0..batch.num_rows()).map(|i| reader.row(i)).collect()
    }
}

/// Makes Arrow batches of rows.
pub trait RowBuilder<T>: Default + Send + 'static {
    /// Adds a row.
    fn append(&mut self, row: &T);

    /// Adds rows, column by column.
    fn extend(&mut self, rows: &[T]);

    /// How many rows are held.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes are held.
    fn bytes(&self) -> usize;

    /// The batch of all rows added; the builder is then empty.
    ///
    /// # Errors
    /// If a value cannot be stored, such as a decimal with too many digits. The error names column and value.
    fn finish(&mut self) -> Result<RecordBatch>;
}

/// Makes rows of an Arrow batch.
pub trait RowReader<T>: Sized + Send + 'static {
    /// A reader of `batch`. The columns are those of [`ArrowRow::columns`], made once for many batches.
    ///
    /// # Errors
    /// As [`ArrowRow::from_batch`].
    fn bind(batch: &RecordBatch, columns: &[RowColumn]) -> Result<Self>;

    /// Row `i`, which must be one of the batch.
    ///
    /// # Errors
    /// If one of its values is none of the field's type.
    fn row(&self, i: usize) -> Result<T>;
}

/// A column of an [`ArrowRow`].
#[derive(Clone, Debug)]
pub struct RowColumn {
    field: Field,
    accepts: fn(&DataType) -> bool,
}

impl RowColumn {
    /// The column called `name` for a field of type `V` stored with encoding `E`.
    pub fn of<V: ArrowField<E>, E>(name: &str) -> Self {
        RowColumn { field: Field::new(name, V::data_type(), V::NULLABLE), accepts: V::accepts }
    }

    /// Its name, type and nullability.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Says whether the column can be read from a file with `stored`.
    ///
    /// # Errors
    /// If it cannot: the column, and both types.
    pub fn check(&self, stored: Option<&Field>) -> Result<()> {
        let (name, own) = (self.field.name(), type_of(&self.field));
        match stored {
            None if self.field.is_nullable() => Ok(()),
            None => Err(Error::data(format!(
                "column `{name}` ({own}) is missing; if older files may lack it, make the field an Option"
            ))),
            Some(stored) if !(self.accepts)(stored.data_type()) => Err(Error::data(format!(
                "column `{name}` is stored as {}, which cannot be read as {own}: change the field's type, or skip it",
                type_of(stored)
            ))),
            Some(_) => Ok(()),
        }
    }
}

fn type_of(field: &Field) -> String {
    format!("{}{}", field.data_type(), if field.is_nullable() { ", nullable" } else { "" })
}

/// Reads one column and says which it is when it cannot.
pub struct ColumnReader<V, R> {
    reader: R,
    name: &'static str,
    value: PhantomData<fn() -> V>,
}

impl<V, R: FieldReader<V>> ColumnReader<V, R> {
    /// The value of row `i`.
    #[inline]
    pub fn get(&self, i: usize) -> Result<V> {
        self.reader.get(i).map_err(|bad| self.error(i, &bad))
    }

    #[cold]
    fn error(&self, i: usize, bad: &BadValue) -> Error {
        Error::data(format!("column `{}`, row {i} of a batch: {bad}", self.name))
    }
}

/// The reader of the column called `name`, which is the one at `place` of the row's columns.
pub fn bind<V, R: FieldReader<V>>(
    batch: &RecordBatch,
    columns: &[RowColumn],
    place: usize,
    name: &'static str,
) -> Result<ColumnReader<V, R>> {
    let column = columns.get(place).filter(|column| column.field.name() == name);
    let column = column.ok_or_else(|| Error::internal(format!("the columns given are not those of `{name}`'s row")))?;
    let stored = batch.schema_ref().column_with_name(name);
    column.check(stored.map(|(_, field)| field))?;
    let array = match stored {
        Some((i, _)) => Arc::clone(batch.column(i)),
        None => new_null_array(column.field.data_type(), batch.num_rows()),
    };
    if !column.field.is_nullable()
        && let Some(nulls) = array.logical_nulls()
        && let Some(row) = (0..array.len()).find(|i| nulls.is_null(*i))
    {
        return Err(Error::data(format!(
            "column `{name}`, row {row} of a batch: the value is NULL, but the field is not an Option"
        )));
    }
    match R::bind(&array) {
        Some(reader) => Ok(ColumnReader { reader, name, value: PhantomData }),
        None => Err(Error::internal(format!(
            "column `{name}`: {} accepts {} but cannot read it",
            type_name::<V>(),
            array.data_type()
        ))),
    }
}

/// The batch of finished columns.
pub fn record_batch(
    schema: &SchemaRef,
    rows: usize,
    columns: Vec<(&'static str, Result<ArrayRef, BadValue>)>,
) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    for (name, array) in columns {
        arrays.push(array.map_err(|bad| Error::data(format!("column `{name}`: {bad}")))?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|e| Error::internal("the columns of a batch do not match").caused_by(e))
}
