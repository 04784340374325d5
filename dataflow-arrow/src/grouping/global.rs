//! One value per window.

use super::aggregate::Aggregate;
use super::by_key::{plan, schema_of};
use super::cells::{Cells, Row, Several};
use crate::batch::kernel_failed;
use crate::{ColumnBatch, ColumnEmitter, ColumnOperator, ColumnPorts, Columns};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use dataflow_core::graph::Path;
use dataflow_core::plane::{Advance, Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Coded, CombineFn, Data, Output, PCollection, Result, StepSpec};
use dataflow_exec::transforms::Map;
use dataflow_exec::transforms::combine_globally::merge_partials;
use dataflow_exec::transforms::grouping::{Arrival, OfNothing, Partial, run_end};
use dataflow_windows::{PaneInfo, Timestamp, TimestampCombiner};
use std::sync::Arc;

/// What a [`CombineFn`] is for rows: combines values, a stretch of rows at a time.
///
/// ```
/// use dataflow_arrow::CombineColumns;
/// use dataflow_arrow::array::RecordBatch;
/// use dataflow_arrow::array::cast::AsArray;
/// use dataflow_arrow::array::types::Float64Type;
///
/// /// The length of a vector.
/// #[derive(Clone)]
/// struct Length;
///
/// impl CombineColumns for Length {
///     type Acc = f64;
///     type Out = f64;
///
///     fn create(&self) -> f64 {
///         0.0
///     }
///     fn add(&self, acc: &mut f64, rows: &RecordBatch) -> dataflow_core::Result<()> {
///         *acc += rows["x"].as_primitive::<Float64Type>().values().iter().map(|x| x * x).sum::<f64>();
///         Ok(())
///     }
///     fn merge(&self, acc: &mut f64, other: f64) {
///         *acc += other;
///     }
///     fn extract(&self, acc: f64) -> f64 {
///         acc.sqrt()
///     }
/// }
/// ```
pub trait CombineColumns: Clone + Send + Sync + 'static {
    /// What is known of some rows.
    type Acc: Coded;
    /// The result.
    type Out: Data;

    /// Of no rows.
    fn create(&self) -> Self::Acc;

    /// Adds rows, all of the same windows.
    ///
    /// # Errors
    /// Whatever the run is to end with.
    fn add(&self, acc: &mut Self::Acc, rows: &RecordBatch) -> Result<()>;

    /// Adds what is known of other rows.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);

    /// The result.
    fn extract(&self, acc: Self::Acc) -> Self::Out;
}

impl Columns {
    /// Aggregates all rows of each window, on all threads and then together. In the global window there is always a result,
    /// also of no rows.
    ///
    /// ```
    /// use dataflow_arrow::array::record_batch;
    /// use dataflow_arrow::{Aggregate, ReadColumns};
    /// # use dataflow_core::Pipeline;
    /// # let p = Pipeline::new("doc");
    /// let batch = record_batch!(("cents", Int64, [100, 200]))?;
    /// let sales = p.create_columns("Sales", batch.schema(), [batch]);
    /// let total = sales.aggregate("Total", [Aggregate::sum("cents"), Aggregate::max("cents")]);
    /// # Ok::<(), dataflow_arrow::schema::ArrowError>(())
    /// ```
    pub fn aggregate(&self, name: &str, aggregates: impl IntoIterator<Item = Aggregate>) -> Columns {
        let planned = plan(self, name, aggregates);
        let fields = planned.iter().flatten().map(|planned| planned.field.clone());
        let Some((planned, schema)) = planned.as_ref().zip(schema_of(self, name, fields)) else {
            return self.clone(); // the pipeline is wrong, and was told so
        };
        let several = Several(planned.clone().into());
        let rows = self.merged(name, Aggregating(several.clone()));
        let spec = StepSpec { path: Some(Path::fastest("column")), ..StepSpec::new(&format!("{name}.value"), "Map") };
        let of_results = Arc::clone(&schema);
        let [rows] = rows.apply_operator(spec, move |_| {
            Ok(ResultOperator { several: several.clone(), schema: Arc::clone(&of_results) })
        });
        Columns::new(rows, schema)
    }

    /// Combines all rows of each window by code of your own, on all threads and then together. In the global window there
    /// is always a result, also of no rows.
    pub fn combine_globally<C: CombineColumns>(&self, name: &str, combine: C) -> PCollection<C::Out> {
        self.merged(name, Stretches(combine)).map(&format!("{name}.value"), |((), value)| value)
    }

    fn merged<C: CombineStretches>(&self, name: &str, combine: C) -> PCollection<((), C::Out)> {
        let windowing = self.windowing();
        let partial = combine.clone();
        let exact_times = windowing.timestamp_combiner != TimestampCombiner::EndOfWindow;
        let spec = StepSpec::new(&format!("{name}.partial"), "Combine.Globally");
        let partials = self.apply_operator(spec, move |context| {
            let of_nothing = OfNothing::new(&windowing, context.shard);
            Ok(PartialOperator { combine: partial.clone(), of_nothing, exact_times })
        });
        merge_partials(&partials, name, Merging(combine))
    }
}

/// Combines stretches of the rows of a batch.
trait CombineStretches: Clone + Send + Sync + 'static {
    type Acc: Coded;
    type Out: Data;
    type Batch<'a>;

    fn create(&self) -> Self::Acc;
    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<Self::Batch<'a>>;
    fn add(&self, acc: &mut Self::Acc, batch: &Self::Batch<'_>, rows: std::ops::Range<usize>) -> Result<()>;
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    fn extract(&self, acc: Self::Acc) -> Self::Out;
}

/// By code of the user's.
#[derive(Clone)]
struct Stretches<C>(C);

impl<C: CombineColumns> CombineStretches for Stretches<C> {
    type Acc = C::Acc;
    type Out = C::Out;
    type Batch<'a> = &'a RecordBatch;

    fn create(&self) -> C::Acc {
        self.0.create()
    }

    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<&'a RecordBatch> {
        Ok(rows)
    }

    fn add(&self, acc: &mut C::Acc, batch: &&RecordBatch, rows: std::ops::Range<usize>) -> Result<()> {
        match rows.len() == batch.num_rows() {
            true => self.0.add(acc, batch),
            false => self.0.add(acc, &batch.slice(rows.start, rows.len())),
        }
    }

    fn merge(&self, acc: &mut C::Acc, other: C::Acc) {
        self.0.merge(acc, other);
    }

    fn extract(&self, acc: C::Acc) -> C::Out {
        self.0.extract(acc)
    }
}

/// By the common aggregates.
#[derive(Clone)]
struct Aggregating(Several);

impl CombineStretches for Aggregating {
    type Acc = Row;
    type Out = Row;
    type Batch<'a> = <Several as Cells>::Batch<'a>;

    fn create(&self) -> Row {
        self.0.create()
    }

    fn batch<'a>(&self, rows: &'a RecordBatch) -> Result<Self::Batch<'a>> {
        self.0.batch(rows)
    }

    fn add(&self, acc: &mut Row, batch: &Self::Batch<'_>, rows: std::ops::Range<usize>) -> Result<()> {
        self.0.add_all(batch, acc, &rows);
        Ok(())
    }

    fn merge(&self, acc: &mut Row, other: Row) {
        self.0.merge(acc, other);
    }

    fn extract(&self, acc: Row) -> Row {
        acc
    }
}

/// Merges what was combined in advance.
#[derive(Clone)]
struct Merging<C>(C);

impl<C: CombineStretches> CombineFn for Merging<C> {
    type In = ();
    type Acc = C::Acc;
    type Out = C::Out;

    fn create(&self) -> C::Acc {
        self.0.create()
    }

    fn add(&self, _: &mut C::Acc, (): &()) {}

    fn merge(&self, acc: &mut C::Acc, other: C::Acc) {
        self.0.merge(acc, other);
    }

    fn extract(&self, acc: C::Acc) -> C::Out {
        self.0.extract(acc)
    }
}

/// Combines the rows of each batch, run by run of rows of the same windows.
struct PartialOperator<C> {
    combine: C,
    of_nothing: OfNothing,
    /// Results have the times of rows.
    exact_times: bool,
}

impl<C: CombineStretches> PartialOperator<C> {
    /// What has come, and a time in its windows, as little late as that of the rows.
    fn arrival(&self, meta: &Batch<()>, rows: std::ops::Range<usize>) -> (Arrival, Timestamp) {
        let (bounds, watermark, elements) = (meta.bounds, self.of_nothing.watermark(), rows.len() as u64);
        if rows.len() == meta.len() && !self.exact_times && bounds.min >= watermark {
            // That they have times is all that is asked for. The bounds hold them, but may be wider, and so in other windows:
            // rows that were filtered out do not narrow them.
            return (Arrival { elements, earliest: bounds.min, latest: bounds.max }, meta.times.get(rows.start));
        }
        let (mut arrival, mut latest) = (Arrival::NONE, Timestamp::MIN);
        for t in rows.map(|i| meta.times.get(i)) {
            latest = latest.max(t);
            arrival.add(Arrival::of(t).late_before(watermark));
        }
        (arrival, latest)
    }
}

impl<C: CombineStretches> ColumnOperator for PartialOperator<C> {
    type Out = (((), Partial<C::Acc>),);

    fn batch(&mut self, input: &mut ColumnBatch, (mut out,): (Emitter<'_, ((), Partial<C::Acc>)>,)) -> Result<()> {
        let (batch, meta) = (self.combine.batch(&input.rows)?, &input.meta);
        out.try_with(|o| {
            Output::prepare(o, meta);
            let mut start = 0;
            while start < meta.len() {
                let end = run_end(meta, meta.len(), start);
                let mut acc = self.combine.create();
                self.combine.add(&mut acc, &batch, start..end)?;
                let (arrival, time) = self.arrival(meta, start..end);
                o.push_like(((), Partial { acc, arrival }), time, PaneInfo::NO_FIRING, || meta.window(start));
                start = end;
            }
            Ok(())
        })
    }

    fn reads_only(&self) -> bool {
        true
    }

    fn watermark(
        &mut self,
        watermark: Timestamp,
        (mut out,): (Emitter<'_, ((), Partial<C::Acc>)>,),
    ) -> Result<Advance> {
        out.with(|o| self.of_nothing.advance(watermark, || self.combine.create(), o))?;
        Ok(Advance::to(watermark))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.of_nothing.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.of_nothing.restore(from)
    }
}

/// Makes columns of results.
struct ResultOperator {
    several: Several,
    schema: SchemaRef,
}

impl Operator for ResultOperator {
    type In = ((), Row);
    type Out = ColumnPorts<1>;

    fn batch(&mut self, input: &mut Batch<((), Row)>, [mut out]: [ColumnEmitter<'_>; 1]) -> Result<()> {
        let columns = self.several.arrays(input.values.iter().map(|((), row)| row))?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(kernel_failed)?;
        let mut made = ColumnBatch { rows, ..ColumnBatch::default() };
        made.meta.values.resize(input.len(), ());
        made.meta.take_meta(input);
        input.values.clear();
        out.forward(&mut made)
    }

    fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}
