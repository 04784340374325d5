//! Timestamps and windows.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Bounds, Column, Cursor, Emitter, Operator, Windows};
use dataflow_core::{Data, Error, PCollection, Result, StepSpec};
use dataflow_windows::{Timestamp, WindowFn, WindowingStrategy};
use std::marker::PhantomData;
use std::sync::Arc;

/// `with_timestamps`: gives elements their event time.
pub trait AssignTimestamps<T: Data> {
    /// Gives each element the timestamp that `f` finds in it.
    ///
    /// It must not be before the one the element has: the watermark, which promises that nothing earlier comes, hangs on
    /// that one. Elements of sources that know no time have the earliest timestamp there is, so any time will do. To
    /// shift time into the past is an error of the run; let the source assign the time instead.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::Timestamp;
    /// # let p = Pipeline::new("doc");
    /// let seconds = p.create("Seconds", vec![1, 2, 3]).with_timestamps("Time", |s| Timestamp::from_seconds(*s));
    /// ```
    fn with_timestamps(&self, name: &str, f: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> PCollection<T>;
}

/// `window`: puts elements into windows.
pub trait AssignWindows<T: Data> {
    /// Puts each element into its window; groupings downstream work window by window, and give the result of each when
    /// the watermark passes its end.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::{Duration, FixedWindows};
    /// # let p = Pipeline::new("doc");
    /// let minutely = p.create("Numbers", vec![1, 2, 3]).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    /// ```
    fn window(&self, name: &str, window_fn: impl Into<WindowFn>) -> PCollection<T>;
}

impl<T: Data> AssignTimestamps<T> for PCollection<T> {
    fn with_timestamps(&self, name: &str, f: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> PCollection<T> {
        let f = Arc::new(f);
        self.apply_operator(StepSpec::new(name, "WithTimestamps"), move |_| {
            Ok(TimestampOperator(f.clone(), PhantomData))
        })
    }
}

impl<T: Data> AssignWindows<T> for PCollection<T> {
    fn window(&self, name: &str, window_fn: impl Into<WindowFn>) -> PCollection<T> {
        let window_fn = window_fn.into();
        let windowing = Some(WindowingStrategy { window_fn });
        let spec = StepSpec { windowing, ..StepSpec::new(name, "Window.Assign") };
        self.apply_operator(spec, move |_| Ok(WindowOperator(window_fn, PhantomData)))
    }
}

struct TimestampOperator<T, F>(Arc<F>, Types<T>);

impl<T: Data, F: Fn(&T) -> Timestamp + Send + Sync + 'static> Operator for TimestampOperator<T, F> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        input.materialise_windows(); // they stay what they are, as in Beam
        let mut cursor = Cursor::default();
        let mut bounds = Bounds::EMPTY;
        let times = input.times.make_per_element(input.values.len());
        for (i, (value, time)) in input.values.iter().zip(times).enumerate() {
            cursor.0 = i;
            let t = (self.0)(value);
            if t < *time {
                return Err(Error::data(format!(
                    "the new timestamp {t} is before the old one, {time}: the watermark may already have passed it. \
                     Assign the time in the source, or read a source that assigns none"
                )));
            }
            *time = t;
            bounds.add(t);
        }
        input.bounds = bounds;
        out.forward(input)
    }

    stateless!();
}

struct WindowOperator<T>(WindowFn, Types<T>);

impl<T: Data> Operator for WindowOperator<T> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        input.windows = match (self.0, &input.times) {
            (WindowFn::Global, _) => Windows::Uniform(self.0.assign(Timestamp::MIN)),
            (f, Column::Uniform(t)) => Windows::Uniform(f.assign(*t)),
            (f, Column::PerElement(_)) => Windows::Implied(f),
        };
        out.forward(input)
    }

    stateless!();
}
