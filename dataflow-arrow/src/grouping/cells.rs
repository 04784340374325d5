//! What is kept of the rows of a key and window.

use super::aggregate::{Kind, Planned};
use super::view::{Ranked, Values, View};
use arrow_array::builder::{PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use dataflow_core::{Coded, Error, Result};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// A way to keep aggregates: the loop over the rows is compiled for each.
pub(super) trait Cells: Clone + Send + Sync + 'static {
    /// What is kept.
    type Acc: Coded;
    /// The values of a batch.
    type Batch<'a>;

    /// Of no rows.
    fn create(&self) -> Self::Acc;
    /// The values of a batch.
    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<Self::Batch<'a>>;
    /// Adds row `i`.
    fn add(&self, batch: &Self::Batch<'_>, acc: &mut Self::Acc, i: usize);
    /// Adds what another one has.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    /// Whether `retract` undoes `merge`.
    fn retracts(&self) -> bool {
        false
    }
    /// Takes out what was merged before.
    fn retract(&self, _acc: &mut Self::Acc, _other: Self::Acc) {}
    /// The columns of the results.
    fn arrays<'k>(&self, accs: impl ExactSizeIterator<Item = &'k Self::Acc> + Clone) -> Result<Vec<ArrayRef>>;
}

/// The number of rows.
#[derive(Clone)]
pub(super) struct Counting;

impl Cells for Counting {
    type Acc = u64;
    type Batch<'a> = ();

    #[inline]
    fn create(&self) -> u64 {
        0
    }

    fn batch(&self, _: &RecordBatch) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn add(&self, (): &(), acc: &mut u64, _: usize) {
        *acc += 1;
    }

    #[inline]
    fn merge(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }

    fn retracts(&self) -> bool {
        true
    }

    #[inline]
    fn retract(&self, acc: &mut u64, other: u64) {
        *acc -= other;
    }

    fn arrays<'k>(&self, accs: impl ExactSizeIterator<Item = &'k u64> + Clone) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(arrow_array::UInt64Array::from_iter_values(accs.copied()))])
    }
}

/// One of several aggregates of a group.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Cell {
    Count(u64),
    /// A sum of integers: of 64 bits it cannot overflow.
    Int(i128),
    Float(f64),
    Greatest(Option<i64>),
    Mean(f64, u64),
    Text(Option<Box<str>>),
}

impl Cell {
    fn of(planned: &Planned) -> Self {
        match (planned.kind, planned.field.data_type()) {
            (Kind::Count, _) => Cell::Count(0),
            (Kind::Sum, DataType::Float64) => Cell::Float(0.0),
            (Kind::Sum, _) => Cell::Int(0),
            (Kind::Mean, _) => Cell::Mean(0.0, 0),
            (Kind::Min | Kind::Max, DataType::Utf8) => Cell::Text(None),
            (Kind::Min | Kind::Max, _) => Cell::Greatest(None),
        }
    }

    /// Adds row `i`.
    #[inline]
    fn add(&mut self, view: &View<'_>, i: usize) {
        if let Cell::Count(n) = self {
            *n += 1;
            return;
        }
        if !view.is_valid(i) {
            return;
        }
        match (self, &view.values) {
            (Cell::Int(sum), Values::Ints(ints)) => *sum += i128::from(ints[i]),
            (Cell::Int(sum), Values::UInts(uints)) => *sum += i128::from(uints[i]),
            (Cell::Float(sum), Values::Floats(floats)) => *sum += floats[i],
            (Cell::Mean(sum, n), Values::Means(floats)) => {
                *sum += floats[i];
                *n += 1;
            }
            (Cell::Greatest(greatest), Values::Ranks(ranks)) => *greatest = (*greatest).max(Some(ranks[i])),
            (Cell::Text(text), Values::Texts(texts, kind)) => better(*kind, text, texts.value(i)),
            _ => unreachable!("a cell is made for the values that it takes"),
        }
    }

    /// Adds all rows of a range.
    fn add_all(&mut self, view: &View<'_>, rows: Range<usize>) {
        if let Cell::Count(n) = self {
            *n += rows.len() as u64;
            return;
        }
        if view.nulls.is_some() || matches!(self, Cell::Text(_)) {
            rows.for_each(|i| self.add(view, i));
            return;
        }
        let n = rows.len() as u64;
        match (self, &view.values) {
            (Cell::Int(sum), Values::Ints(ints)) => *sum += ints[rows].iter().map(|i| i128::from(*i)).sum::<i128>(),
            (Cell::Int(sum), Values::UInts(uints)) => *sum += uints[rows].iter().map(|u| i128::from(*u)).sum::<i128>(),
            (Cell::Float(sum), Values::Floats(floats)) => *sum += floats[rows].iter().sum::<f64>(),
            (Cell::Mean(sum, count), Values::Means(floats)) => {
                *sum += floats[rows].iter().sum::<f64>();
                *count += n;
            }
            (Cell::Greatest(greatest), Values::Ranks(ranks)) => {
                *greatest = (*greatest).max(ranks[rows].iter().copied().max());
            }
            _ => unreachable!("a cell is made for the values that it takes"),
        }
    }

    fn merge(&mut self, kind: Kind, other: Cell) {
        match (self, other) {
            (Cell::Count(n), Cell::Count(other)) => *n += other,
            (Cell::Int(sum), Cell::Int(other)) => *sum += other,
            (Cell::Float(sum), Cell::Float(other)) => *sum += other,
            (Cell::Mean(sum, n), Cell::Mean(other, m)) => {
                *sum += other;
                *n += m;
            }
            (Cell::Greatest(greatest), Cell::Greatest(other)) => *greatest = (*greatest).max(other),
            (Cell::Text(text), Cell::Text(Some(other))) => better(kind, text, &other),
            (Cell::Text(_), Cell::Text(None)) => {}
            _ => unreachable!("cells of the same aggregate are of the same kind"),
        }
    }
}

fn better(kind: Kind, text: &mut Option<Box<str>>, other: &str) {
    let is_better = |text: &str| if kind == Kind::Min { other < text } else { other > text };
    if text.as_deref().is_none_or(is_better) {
        *text = Some(other.into());
    }
}

/// Any aggregates.
#[derive(Clone)]
pub(super) struct Several(pub(super) Arc<[Planned]>);

/// A cell for each aggregate.
pub(super) type Row = SmallVec<[Cell; 2]>;

impl Several {
    /// Adds all rows of a range.
    pub(super) fn add_all(&self, batch: &[View<'_>], row: &mut Row, rows: &Range<usize>) {
        row.iter_mut().zip(batch).for_each(|(cell, view)| cell.add_all(view, rows.clone()));
    }
}

impl Cells for Several {
    type Acc = Row;
    type Batch<'a> = Vec<View<'a>>;

    fn create(&self) -> Row {
        self.0.iter().map(Cell::of).collect()
    }

    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<Vec<View<'a>>> {
        self.0.iter().map(|planned| planned.view(rows)).collect()
    }

    #[inline]
    fn add(&self, batch: &Vec<View<'_>>, row: &mut Row, i: usize) {
        row.iter_mut().zip(batch).for_each(|(cell, view)| cell.add(view, i));
    }

    fn merge(&self, row: &mut Row, other: Row) {
        let cells = row.iter_mut().zip(other);
        cells.zip(&*self.0).for_each(|((cell, other), planned)| cell.merge(planned.kind, other));
    }

    fn retracts(&self) -> bool {
        // Of floats it is not exact, and the greatest of what is left is not known.
        self.create().iter().all(|cell| matches!(cell, Cell::Count(_) | Cell::Int(_)))
    }

    fn retract(&self, row: &mut Row, other: Row) {
        for cells in row.iter_mut().zip(other) {
            match cells {
                (Cell::Count(n), Cell::Count(other)) => *n -= other,
                (Cell::Int(sum), Cell::Int(other)) => *sum -= other,
                _ => {} // not retracted
            }
        }
    }

    fn arrays<'k>(&self, rows: impl ExactSizeIterator<Item = &'k Row> + Clone) -> Result<Vec<ArrayRef>> {
        let column = |(n, planned)| array_of(planned, rows.clone().map(|row| &row[n]));
        self.0.iter().enumerate().map(column).collect()
    }
}

/// The greatest value of one column, or the smallest.
#[derive(Clone)]
pub(super) struct Greatest(pub(super) Planned);

impl Cells for Greatest {
    type Acc = Option<i64>;
    type Batch<'a> = View<'a>;

    #[inline]
    fn create(&self) -> Option<i64> {
        None
    }

    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<View<'a>> {
        self.0.view(rows)
    }

    #[inline]
    fn add(&self, view: &View<'_>, greatest: &mut Option<i64>, i: usize) {
        if let Values::Ranks(ranks) = &view.values
            && view.is_valid(i)
        {
            *greatest = (*greatest).max(Some(ranks[i]));
        }
    }

    #[inline]
    fn merge(&self, greatest: &mut Option<i64>, other: Option<i64>) {
        *greatest = (*greatest).max(other);
    }

    fn arrays<'k>(&self, accs: impl ExactSizeIterator<Item = &'k Option<i64>> + Clone) -> Result<Vec<ArrayRef>> {
        let cells: Vec<Cell> = accs.map(|greatest| Cell::Greatest(*greatest)).collect();
        Ok(vec![array_of(&self.0, cells.iter())?])
    }
}

/// The column of the results of one aggregate.
fn array_of<'k>(planned: &Planned, cells: impl ExactSizeIterator<Item = &'k Cell>) -> Result<ArrayRef> {
    use arrow_array::types::{
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    };
    match planned.field.data_type() {
        DataType::Utf8 => {
            let mut strings = StringBuilder::with_capacity(cells.len(), 0);
            cells.for_each(|cell| {
                strings.append_option(if let Cell::Text(Some(text)) = cell { Some(text) } else { None })
            });
            Ok(Arc::new(strings.finish()))
        }
        DataType::Int8 => numbers::<Int8Type>(planned, cells),
        DataType::Int16 => numbers::<Int16Type>(planned, cells),
        DataType::Int32 => numbers::<Int32Type>(planned, cells),
        DataType::Int64 => numbers::<Int64Type>(planned, cells),
        DataType::UInt8 => numbers::<UInt8Type>(planned, cells),
        DataType::UInt16 => numbers::<UInt16Type>(planned, cells),
        DataType::UInt32 => numbers::<UInt32Type>(planned, cells),
        DataType::UInt64 => numbers::<UInt64Type>(planned, cells),
        DataType::Float32 => floats::<Float32Type>(planned, cells, |f| f as f32),
        DataType::Float64 => floats::<Float64Type>(planned, cells, |f| f),
        DataType::Date32 => numbers::<Date32Type>(planned, cells),
        DataType::Timestamp(TimeUnit::Second, _) => numbers::<TimestampSecondType>(planned, cells),
        DataType::Timestamp(TimeUnit::Millisecond, _) => numbers::<TimestampMillisecondType>(planned, cells),
        DataType::Timestamp(TimeUnit::Microsecond, _) => numbers::<TimestampMicrosecondType>(planned, cells),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => numbers::<TimestampNanosecondType>(planned, cells),
        other => Err(Error::internal(format!("an aggregate was planned to be {other}"))),
    }
}

fn numbers<'k, T>(planned: &Planned, cells: impl ExactSizeIterator<Item = &'k Cell>) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType<Native: TryFrom<i128>>,
{
    let data_type = planned.field.data_type();
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len()).with_data_type(data_type.clone());
    for cell in cells {
        let value = match cell {
            Cell::Count(n) => Some(i128::from(*n)),
            Cell::Int(sum) => Some(*sum),
            Cell::Greatest(rank) => rank.map(|rank| match Ranked::of(planned.kind, data_type, rank) {
                Ranked::UInt(u) => i128::from(u),
                Ranked::Int(i) => i128::from(i),
                Ranked::Float(_) => unreachable!("it is an integer"),
            }),
            _ => unreachable!("an aggregate of integers is kept as such"),
        };
        let fitting = value.map(|value| {
            T::Native::try_from(value).map_err(|_| {
                Error::data(format!(
                    "`{}` is {value}, which is no {data_type}: make a Float64 of the column before it is summed up",
                    planned.field.name()
                ))
            })
        });
        builder.append_option(fitting.transpose()?);
    }
    Ok(Arc::new(builder.finish()))
}

fn floats<'k, T: ArrowPrimitiveType>(
    planned: &Planned,
    cells: impl ExactSizeIterator<Item = &'k Cell>,
    of: fn(f64) -> T::Native,
) -> Result<ArrayRef> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len());
    for cell in cells {
        builder.append_option(match cell {
            Cell::Float(sum) => Some(of(*sum)),
            Cell::Mean(sum, n) => (*n > 0).then(|| of(sum / *n as f64)),
            Cell::Greatest(rank) => rank.map(|rank| match Ranked::of(planned.kind, planned.field.data_type(), rank) {
                Ranked::Float(float) => of(float),
                _ => unreachable!("it is a float"),
            }),
            _ => unreachable!("an aggregate of floats is kept as such"),
        });
    }
    Ok(Arc::new(builder.finish()))
}
