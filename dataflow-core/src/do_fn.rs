//! Element-wise code of users with a life cycle.

use crate::plane::{Batch, Ports, Windows};
use crate::{BoxError, Data, Result};
use dataflow_windows::{Assignment, CalendarWindows, FixedWindows, PaneInfo, Timestamp, Window};

/// An element on its way through a [`DoFn`].
#[derive(Clone, Copy, Debug)]
pub struct Element<T> {
    /// The element itself.
    pub value: T,
    /// Its event time.
    pub timestamp: Timestamp,
    /// Which result of a grouping it belongs to.
    pub pane: PaneInfo,
    window: Assigned,
}

/// A window, or how to find it: most code never asks.
#[derive(Clone, Copy, Debug)]
enum Assigned {
    Is(Window),
    // The kinds of which a batch has one per element, as small as a window: elements are copied a lot.
    Fixed(FixedWindows),
    Calendar(CalendarWindows),
}

impl<T> Element<T> {
    /// Element `i` of a batch, with `value` taken from it or made of it.
    #[inline]
    pub fn of<U>(batch: &Batch<U>, i: usize, value: T) -> Self {
        let window = match &batch.windows {
            Windows::Uniform(w) => Assigned::Is(*w),
            Windows::Implied(Assignment::Fixed(fixed)) => Assigned::Fixed(*fixed),
            Windows::Implied(Assignment::Calendar(calendar)) => Assigned::Calendar(*calendar),
            Windows::Implied(other) => Assigned::Is(other.assign(batch.times.get(i))),
            Windows::PerElement(v) => Assigned::Is(v[i]),
        };
        Element { value, timestamp: batch.times.get(i), pane: batch.panes.get(i), window }
    }

    /// An element of one window.
    #[inline]
    pub fn new(value: T, timestamp: Timestamp, window: Window, pane: PaneInfo) -> Self {
        Element { value, timestamp, pane, window: Assigned::Is(window) }
    }

    /// The same with another value.
    #[inline]
    pub fn with_value<U>(&self, value: U) -> Element<U> {
        Element { value, timestamp: self.timestamp, pane: self.pane, window: self.window }
    }

    /// Its window.
    #[inline]
    pub fn window(&self) -> Window {
        match self.window {
            Assigned::Is(w) => w,
            Assigned::Fixed(fixed) => fixed.assign(self.timestamp),
            Assigned::Calendar(calendar) => calendar.assign(self.timestamp),
        }
    }
}

/// User code that is called for each element and may make any number of elements of it: Beam's `ParDo`.
///
/// Each thread has its own instance, made by cloning the one given to `par_do`. Life cycle: `setup`, then for each bundle
/// `start_bundle`, `process` for each element, `finish_bundle`; at last `teardown`. A bundle is a run of elements between
/// two steps of the watermark; it ends before a snapshot. Work put off to `finish_bundle`, such as a request for many
/// elements at once, is thus never lost.
///
/// ```
/// use dataflow_core::{BoxError, DoFn, Element, Output};
///
/// #[derive(Clone)]
/// struct SplitWords;
///
/// impl DoFn for SplitWords {
///     type In = String;
///     type Out = String;
///
///     fn process(&mut self, line: Element<String>, out: &mut Output<'_, String>) -> Result<(), BoxError> {
///         for word in line.value.split_whitespace() {
///             out.emit(word.to_owned());
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait DoFn: Clone + Send + 'static {
    /// The elements it takes.
    type In: Data;
    /// The elements it makes.
    type Out: Data;

    /// Called once per instance, before anything else: for connections and models.
    ///
    /// # Errors
    /// Any error ends the run; so it is for all methods here.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// A bundle begins.
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes an element.
    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, Self::Out>) -> Result<(), BoxError>;

    /// The bundle ends. What is emitted here needs a timestamp of its own: [`Output::emit_at`]. It must not be before
    /// that of the elements it comes from, or it may be late.
    fn finish_bundle(&mut self, _out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
        Ok(())
    }

    /// The instance is not needed any more. Called also after an error, as far as possible.
    fn teardown(&mut self) {}
}

/// A [`DoFn`] with several outputs, each with a type of its own.
///
/// ```
/// use dataflow_core::{BoxError, Element, Outputs, TaggedDoFn};
///
/// #[derive(Clone)]
/// struct Sort;
///
/// impl TaggedDoFn for Sort {
///     type In = i64;
///     type Out = (i64, String);
///     const TAGS: &'static [&'static str] = &["positive", "others"];
///
///     fn process(&mut self, n: Element<i64>, (mut positive, mut others): Outputs<'_, Self::Out>) -> Result<(), BoxError> {
///         if n.value > 0 { positive.emit(n.value) } else { others.emit(n.value.to_string()) }
///         Ok(())
///     }
/// }
/// ```
pub trait TaggedDoFn: Clone + Send + 'static {
    /// The elements it takes.
    type In: Data;
    /// The elements it makes: a tuple with one type per output.
    type Out: TaggedOutputs;
    /// The names of the outputs, in order.
    const TAGS: &'static [&'static str];

    /// See [`DoFn::setup`].
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// See [`DoFn::start_bundle`].
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// See [`DoFn::process`].
    fn process(&mut self, element: Element<Self::In>, out: Outputs<'_, Self::Out>) -> Result<(), BoxError>;

    /// See [`DoFn::finish_bundle`].
    fn finish_bundle(&mut self, _out: Outputs<'_, Self::Out>) -> Result<(), BoxError> {
        Ok(())
    }

    /// See [`DoFn::teardown`].
    fn teardown(&mut self) {}
}

/// The outputs of a [`TaggedDoFn`], one [`Output`] each.
pub type Outputs<'a, Out> = <Out as TaggedOutputs>::Outputs<'a>;

/// Takes what a [`DoFn`] makes.
pub struct Output<'a, T> {
    batch: &'a mut Batch<T>,
    now: Option<Element<()>>,
}

impl<'a, T> Output<'a, T> {
    /// Collects into `batch` what comes of the element `now`. If there is one, the windows of `batch` must have been
    /// [prepared](Self::prepare) for the batch that it is from.
    #[inline]
    pub fn new(batch: &'a mut Batch<T>, now: Option<Element<()>>) -> Self {
        Output { batch, now }
    }

    /// Makes the empty `batch` ready for what comes of the elements of `input`.
    pub fn prepare<U>(batch: &mut Batch<T>, input: &Batch<U>) {
        batch.windows = match &input.windows {
            Windows::PerElement(_) => Windows::PerElement(Vec::new()),
            uniform_or_implied => uniform_or_implied.clone(),
        };
        batch.panes = match &input.panes {
            crate::plane::Column::PerElement(_) => crate::plane::Column::PerElement(Vec::new()),
            uniform => uniform.clone(),
        };
    }

    /// Emits an element with the timestamp and window of the one being processed. In `finish_bundle`, where there is
    /// none, it gets the last timestamp of the global window; [`emit_at`](Self::emit_at) is the better choice there.
    #[inline]
    pub fn emit(&mut self, value: T) {
        match &self.now {
            Some(now) => self.batch.push_like(value, now.timestamp, now.pane, || now.window()),
            None => self.emit_at(value, Window::GLOBAL.max_timestamp(), Window::GLOBAL),
        }
    }

    /// Emits an element with a timestamp and window of its own.
    #[inline]
    pub fn emit_at(&mut self, value: T, timestamp: Timestamp, window: Window) {
        let pane = self.now.map_or(PaneInfo::NO_FIRING, |now| now.pane);
        self.batch.push_in(value, timestamp, window, pane);
    }
}

/// Tuples of element types, one per output of a [`TaggedDoFn`]. Implemented for tuples of two to four.
pub trait TaggedOutputs: Ports {
    /// One [`Output`] each.
    type Outputs<'a>;
    /// One batch each.
    type Batches: Default + Send + 'static;

    /// Makes the batches ready for what comes of the elements of `input`.
    fn prepare<U>(batches: &mut Self::Batches, input: &Batch<U>);

    /// Outputs for what comes of the element `now`.
    fn outputs(batches: &mut Self::Batches, now: Option<Element<()>>) -> Self::Outputs<'_>;

    /// Sends what was collected.
    ///
    /// # Errors
    /// Only if the emitters are not those of the batches.
    fn send(batches: &mut Self::Batches, emitters: Self::Emitters<'_>) -> Result<()>;
}

macro_rules! tagged_outputs {
    ($($t:ident $batch:ident $emitter:ident),+) => {
        impl<$($t: Data),+> TaggedOutputs for ($($t,)+) {
            type Outputs<'a> = ($(Output<'a, $t>,)+);
            type Batches = ($(Batch<$t>,)+);

            fn prepare<Input>(($($batch,)+): &mut Self::Batches, input: &Batch<Input>) {
                $(Output::prepare($batch, input);)+
            }

            #[inline]
            fn outputs(($($batch,)+): &mut Self::Batches, now: Option<Element<()>>) -> Self::Outputs<'_> {
                ($(Output::new($batch, now),)+)
            }

            fn send(($($batch,)+): &mut Self::Batches, ($(mut $emitter,)+): Self::Emitters<'_>) -> Result<()> {
                $(if !$batch.is_empty() { $emitter.forward($batch)?; })+
                Ok(())
            }
        }
    };
}
tagged_outputs!(A a x, B b y);
tagged_outputs!(A a x, B b y, C c z);
tagged_outputs!(A a x, B b y, C c z, D d w);
