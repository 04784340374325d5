//! What a collection must hold when the run has ended.

use super::diff;
use super::part::Part;
use dataflow_core::graph::SinkHooks;
use dataflow_core::plane::{Batch, Operator, StateReader, StateWriter};
use dataflow_core::{Data, DurableRun, Element, Error, ErrorKind, PCollection, Result, StepSpec};
use dataflow_windows::{Timing, Window};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Says what a collection must hold. The run checks it at its end, and fails with the step's name, the source line and
/// the difference if it does not.
///
/// A test that checks nothing must not pass: a pipeline that has such assertions panics if it is dropped before it was
/// run, its `PipelineResult` if it is dropped before anybody has called `wait_until_finish`, and a run with a `PAssert`
/// that says nothing is an error.
///
/// ```no_run
/// use dataflow_core::Pipeline;
/// use dataflow_exec::testing::PAssert;
/// use dataflow_exec::transforms::*;
/// use dataflow_windows::{Duration, FixedWindows, Timestamp, Window};
///
/// let at = Timestamp::from_seconds;
/// let p = Pipeline::new("doc");
/// let clicks = p.create_timestamped("Clicks", [('a', at(1)), ('b', at(2)), ('a', at(61))]);
/// let minutely = clicks.window("Minutely", FixedWindows::of(Duration::minutes(1)));
/// let counts = minutely.key_by("Letter", |c| *c as u32).count("Count");
/// let first = Window::new(at(0), at(60));
/// PAssert::that("Counts", &counts)
///     .satisfies(|counts| if counts.len() == 3 { Ok(()) } else { Err(format!("{} counts", counts.len())) })
///     .in_on_time_pane(first)
///     .contains_in_any_order([(97, 1), (98, 1)])
///     .in_late_panes(first)
///     .is_empty();
/// // p.run(..)?.wait_until_finish()? is an error if something of this does not hold.
/// ```
pub struct PAssert<T> {
    assertions: Arc<Assertions<T>>,
    part: Part,
}

/// Looks at the elements that an assertion is about.
type Check<T> = Box<dyn Fn(&[Element<T>]) -> Result<(), String> + Send>;

struct Assertion<T> {
    part: Part,
    at: &'static Location<'static>,
    check: Check<T>,
}

/// All assertions of a step, and what has come so far.
struct Assertions<T> {
    step: String,
    at: &'static Location<'static>,
    /// How elements are printed.
    describe: fn(&Element<T>) -> String,
    assertions: Mutex<Vec<Assertion<T>>>,
    elements: Mutex<Vec<Element<T>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Data + Debug + PartialEq> PAssert<T> {
    /// Assertions about `collection`, in a step called `name`.
    #[track_caller]
    #[must_use = "say what the collection must hold"]
    pub fn that(name: &str, collection: &PCollection<T>) -> Self {
        let (step, at) = (name.to_owned(), Location::caller());
        let assertions = Arc::new(Assertions {
            step,
            at,
            describe: describe::<T>,
            assertions: Mutex::default(),
            elements: Mutex::default(),
        });
        let gathering = assertions.clone();
        collection.apply_write(StepSpec::new(name, "PAssert"), assertions.clone(), move |_| {
            Ok(Gather { assertions: gathering.clone(), element: PhantomData })
        });
        PAssert { assertions, part: Part::All }
    }

    /// The next assertions are about the elements in `window` alone.
    #[must_use = "say what they must be"]
    pub fn in_window(self, window: Window) -> Self {
        PAssert { part: Part::Window(window), ..self }
    }

    /// The next assertions are about the results of `window` that came when its end was reached.
    #[must_use = "say what they must be"]
    pub fn in_on_time_pane(self, window: Window) -> Self {
        PAssert { part: Part::Timing(window, Timing::OnTime), ..self }
    }

    /// The next assertions are about the results of `window` that came before its end was reached.
    #[must_use = "say what they must be"]
    pub fn in_early_panes(self, window: Window) -> Self {
        PAssert { part: Part::Timing(window, Timing::Early), ..self }
    }

    /// The next assertions are about the results of `window` that came after those on time.
    #[must_use = "say what they must be"]
    pub fn in_late_panes(self, window: Window) -> Self {
        PAssert { part: Part::Timing(window, Timing::Late), ..self }
    }

    /// The next assertions are about the results of `window` that are known to be the last ones.
    #[must_use = "say what they must be"]
    pub fn in_final_pane(self, window: Window) -> Self {
        PAssert { part: Part::Final(window), ..self }
    }

    /// The next assertions are about the results of `window`, which must have come at once: a second pane of a key and
    /// window fails the run.
    #[must_use = "say what they must be"]
    pub fn in_only_pane(self, window: Window) -> Self {
        PAssert { part: Part::Only(window), ..self }
    }

    /// The next assertions are about the results of `window` that are not late, early ones and those on time together.
    #[must_use = "say what they must be"]
    pub fn in_combined_non_late_panes(self, window: Window) -> Self {
        PAssert { part: Part::NonLate(window), ..self }
    }

    /// These elements are there, each as often as it is here, and no others.
    #[track_caller]
    pub fn contains_in_any_order(self, expected: impl IntoIterator<Item = T>) -> Self {
        let expected: Vec<T> = expected.into_iter().collect();
        self.check(move |elements| {
            let actual: Vec<T> = values(elements);
            diff::in_any_order(&expected, &actual, |i| describe(&elements[i]))
        })
    }

    /// There are no elements.
    #[track_caller]
    pub fn is_empty(self) -> Self {
        self.contains_in_any_order([])
    }

    /// There is one element, and it is this.
    #[track_caller]
    #[doc(alias = "contains_singleton")]
    pub fn singleton(self, expected: T) -> Self {
        self.contains_in_any_order([expected])
    }

    /// `check` finds nothing wrong with the elements, which come in any order. What it returns otherwise is part of the
    /// failure's message.
    #[track_caller]
    pub fn satisfies(self, check: impl Fn(&[T]) -> Result<(), String> + Send + 'static) -> Self {
        self.check(move |elements| {
            let shown: Vec<String> = elements.iter().map(describe).collect();
            check(&values(elements)).map_err(|wrong| format!("{wrong}{}", diff::list("the elements", ' ', &shown)))
        })
    }

    #[track_caller]
    fn check(self, check: impl Fn(&[Element<T>]) -> Result<(), String> + Send + 'static) -> Self {
        let assertion = Assertion { part: self.part, at: Location::caller(), check: Box::new(check) };
        lock(&self.assertions.assertions).push(assertion);
        self
    }
}

fn values<T: Clone>(elements: &[Element<T>]) -> Vec<T> {
    elements.iter().map(|e| e.value.clone()).collect()
}

/// An element and where it belongs, as far as that says anything.
fn describe<T: Debug>(element: &Element<T>) -> String {
    let (window, pane) = (element.window(), element.pane);
    let mut text = format!("{:?}", element.value);
    if window != Window::GLOBAL {
        text.push_str(&format!("  in {window}"));
    }
    if pane.timing != Timing::Unknown {
        let last = if pane.is_last { ", the last" } else { "" };
        text.push_str(&format!("  (pane {}, {:?}{last})", pane.index, pane.timing));
    }
    text
}

impl<T: Data> SinkHooks for Assertions<T> {
    fn prepare(&self) -> Result<()> {
        match lock(&self.assertions).is_empty() {
            true => Err(Error::graph(format!(
                "the PAssert made at {} says nothing: say what the collection must hold, by `contains_in_any_order` or \
                 another of its checks",
                self.at
            ))),
            false => Ok(()),
        }
    }

    fn resume(&self, _: &DurableRun) -> Result<()> {
        Err(Error::options("a PAssert looks at the elements of one process: run without --checkpoint"))
    }

    fn finish(&self) -> Result<()> {
        let elements = lock(&self.elements);
        let mut failures = Vec::new();
        for Assertion { part, at, check } in lock(&self.assertions).iter() {
            let (of_part, others): (Vec<Element<T>>, Vec<_>) = elements.iter().cloned().partition(|e| part.has(e));
            if let Err(wrong) = part.wrong_panes(&of_part).map_or_else(|| check(&of_part), Err) {
                let others: Vec<String> = others.iter().map(self.describe).collect();
                let others = diff::list("in other windows and panes", ' ', &others);
                let (part, hint) = (part.describe(), part.hint(&elements));
                failures.push(format!("the assertion at {at}{part} does not hold: {wrong}{hint}{others}"));
            }
        }
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::User, failures.join("\n"))),
        }
    }

    fn abort(&self) {}

    fn never_ran(&self) {
        self.must_be_checked("run the pipeline");
    }

    fn never_waited_for(&self) {
        self.must_be_checked("call `wait_until_finish` on what `run` returns");
    }
}

impl<T> Assertions<T> {
    fn must_be_checked(&self, what_to_do: &str) {
        // A test that fails already has said why.
        if !std::thread::panicking() {
            let Assertions { step, at, .. } = self;
            panic!("the assertions of step \"{step}\", made at {at}, were never checked: {what_to_do}");
        }
    }
}

struct Gather<T> {
    assertions: Arc<Assertions<T>>,
    element: PhantomData<fn() -> T>,
}

impl<T: Data> Operator for Gather<T> {
    type In = T;
    type Out = ();

    fn batch(&mut self, input: &mut Batch<T>, (): ()) -> Result<()> {
        input.explode();
        let values = std::mem::take(&mut input.values);
        let elements = values.into_iter().enumerate().map(|(i, value)| Element::of(input, i, value));
        lock(&self.assertions.elements).extend(elements);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}
