//! Timestamps and windows. The functions are for crates that have batches of a kind of their own.

use super::{Types, stateless};
use dataflow_core::plane::{Batch, Bounds, Column, Cursor, Emitter, Operator, Windows};
use dataflow_core::{Data, Error, PCollection, Result, StepSpec};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowFn, WindowingStrategy};
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
    fn window(&self, name: &str, windowing: impl Into<WindowingStrategy>) -> PCollection<T>;
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
    fn window(&self, name: &str, windowing: impl Into<WindowingStrategy>) -> PCollection<T> {
        let windowing = windowing.into();
        let window_fn = windowing.window_fn.clone();
        let spec = StepSpec { windowing: Some(windowing), ..StepSpec::new(name, "Window.Assign") };
        self.apply_operator(spec, move |_| Ok(WindowOperator(window_fn.clone(), PhantomData)))
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
                return Err(back_in_time(t, *time));
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
        input.explode(); // an element of several windows is several, as far as new ones are concerned
        match windows_of_all(&self.0, &input.times) {
            Some(windows) => {
                input.windows = windows;
                out.forward(input)
            }
            None => out.try_with(|o| assign_each(&self.0, input, o)),
        }
    }

    stateless!();
}

/// The windows that `window_fn` gives to elements of these times, if that can be said without looking at each.
pub fn windows_of_all(window_fn: &WindowFn, times: &Column<Timestamp>) -> Option<Windows> {
    match (window_fn, window_fn.assignment(), times) {
        (WindowFn::Global, ..) => Some(Windows::Uniform(Window::GLOBAL)),
        (_, Some(f), Column::Uniform(t)) if f.is_single() => Some(Windows::Uniform(f.assign(*t))),
        (_, Some(f), _) => Some(Windows::Implied(f)),
        (_, None, _) => None,
    }
}

/// Moves the elements of `input` to the empty batch `to`, each as many times as `window_fn` finds windows for it.
///
/// # Errors
/// If a window does not hold the element that is put into it.
pub fn assign_each<T: Data>(window_fn: &WindowFn, input: &mut Batch<T>, to: &mut Batch<T>) -> Result<()> {
    let mut windows = Vec::new();
    let mut cursor = Cursor::default();
    for (i, value) in input.values.drain(..).enumerate() {
        cursor.0 = i;
        let (t, pane) = (input.times.get(i), input.panes.get(i));
        window_fn.assign(t, &mut windows);
        // No window ends after the end of time, so those that end there hold it.
        let wrong = windows.iter().find(|w| !w.contains(t) && (t != Timestamp::MAX || w.end() != t));
        if let Some(w) = wrong {
            return Err(Error::data(format!(
                "the window function \"{window_fn}\" put an element of {t} into the window {w}, which does not hold it"
            )));
        }
        let last = windows.pop();
        for w in windows.drain(..) {
            push(to, value.clone(), t, w, pane);
        }
        if let Some(w) = last {
            push(to, value, t, w, pane);
        }
    }
    Ok(())
}

/// The error of a step that gives an element a timestamp before the one it has.
#[cold]
pub fn back_in_time(new: Timestamp, old: Timestamp) -> Error {
    Error::data(format!(
        "the new timestamp {new} is before the old one, {old}: the watermark may already have passed it. Assign the time \
         in the source, or read a source that assigns none"
    ))
}

fn push<T>(o: &mut Batch<T>, value: T, t: Timestamp, window: Window, pane: PaneInfo) {
    if let Windows::Uniform(_) = o.windows {
        o.windows = Windows::PerElement(Vec::new()); // it is empty yet
    }
    o.push_in(value, t, window, pane);
}
