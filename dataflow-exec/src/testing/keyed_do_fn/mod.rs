//! Steps a `KeyedDoFn` without a pipeline.

mod look;
mod matchers;
#[cfg(test)]
mod tests;

pub use look::SetTimer;

use crate::transforms::ByFirst;
use crate::transforms::stateful::{Machine, check_windows};
use dataflow_core::plane::{Batch, Emitter, Outbox, StateReader, StateWriter, StepState, typed};
use dataflow_core::{Counter, Element, Error, ErrorKind, KeyedDoFn, Result, coder};
use dataflow_windows::{Duration, PaneInfo, Timestamp, WindowingStrategy};
use std::borrow::Borrow;
use std::cell::RefCell;

/// Steps a [`KeyedDoFn`] in a unit test, and lets the test look at state, timers, outputs and the watermark in between.
///
/// It is the operator of `par_do_stateful` that is stepped, the one that runners execute. What differs is who calls: the
/// test, one step at a time, with clocks that only it moves. The watermark begins at the beginning of time, processing
/// time at 1970.
///
/// Each step has all its effects, timers included, before it returns. After an error in user code a run would be over;
/// steps after it are errors.
///
/// ```
/// use dataflow_core::state::{EventTimer, KeyContext, StateRow, Value};
/// use dataflow_core::{BoxError, Element, KeyedDoFn, Output};
/// use dataflow_derive::StateRow;
/// use dataflow_exec::testing::{KeyedDoFnTester, SetTimer};
/// use dataflow_windows::{Duration, Timestamp};
///
/// #[derive(Default, StateRow)]
/// struct Session {
///     clicks: Value<u64>,
///     end: EventTimer,
/// }
///
/// /// Counts the clicks of each user up to a minute without any.
/// #[derive(Clone)]
/// struct CountClicks;
///
/// impl KeyedDoFn for CountClicks {
///     type Key = String;
///     type In = ();
///     type Out = u64;
///     type State = Session;
///
///     fn process(
///         &mut self,
///         context: &KeyContext<'_, String>,
///         _: Element<()>,
///         session: &mut Session,
///         _: &mut Output<'_, u64>,
///     ) -> Result<(), BoxError> {
///         *session.clicks.or_default() += 1;
///         session.end.set_relative(context, Duration::minutes(1));
///         Ok(())
///     }
///
///     fn on_timer(
///         &mut self,
///         _: &KeyContext<'_, String>,
///         SessionTimer::End: SessionTimer,
///         session: &mut Session,
///         out: &mut Output<'_, u64>,
///     ) -> Result<(), BoxError> {
///         session.clicks.take().into_iter().for_each(|clicks| out.emit(clicks));
///         Ok(())
///     }
/// }
///
/// let at = Timestamp::from_seconds;
/// let mut tester = KeyedDoFnTester::new(CountClicks);
/// tester.process("ann", (), at(10))?;
/// tester.process("ann", (), at(20))?;
/// assert_eq!(tester.state("ann").unwrap().clicks.get(), Some(&2));
/// assert_eq!(tester.timers("ann"), [SetTimer::new("end", at(80))]);
///
/// tester.advance_watermark_to(at(80))?; // a timer fires when the watermark is after its time
/// assert!(tester.take_values().is_empty());
/// tester.restart()?; // its state is written and read back by a new instance
/// tester.advance_watermark_to(at(81))?;
/// assert_eq!(tester.take_timestamped(), [(2, at(80))]);
/// tester.assert_no_state("ann");
/// # Ok::<(), dataflow_core::Error>(())
/// ```
#[doc(alias = "DoFnTester")]
#[doc(alias = "KeyedOneInputStreamOperatorTestHarness")]
pub struct KeyedDoFnTester<D: KeyedDoFn> {
    do_fn: D,
    strategy: WindowingStrategy,
    /// Made by the first step. Cells are shown only to those who may change them, hence the `RefCell`.
    machine: RefCell<Option<Machine<D>>>,
    outbox: Outbox,
    outputs: Vec<Element<D::Out>>,
    watermark: Timestamp,
    now: Timestamp,
    output_watermark: Timestamp,
    dropped_late: Counter,
    restarts: bool,
    failed: bool,
}

impl<D: KeyedDoFn> KeyedDoFnTester<D> {
    /// Steps clones of `do_fn`, in the global window. The first step sets one up.
    pub fn new(do_fn: D) -> Self {
        KeyedDoFnTester {
            do_fn,
            strategy: WindowingStrategy::default(),
            machine: RefCell::new(None),
            outbox: Outbox::default(),
            outputs: Vec::new(),
            watermark: Timestamp::MIN,
            now: Timestamp::from_micros(0),
            output_watermark: Timestamp::MIN,
            dropped_late: Counter::default(),
            restarts: false,
            failed: false,
        }
    }

    /// With these windows and their lateness. Windows that a pipeline would refuse are an error of the first step.
    ///
    /// # Panics
    /// After the first step.
    #[must_use]
    #[track_caller]
    pub fn windowed(self, strategy: impl Into<WindowingStrategy>) -> Self {
        assert!(self.machine.borrow().is_none(), "`windowed` after the first step: call it before");
        KeyedDoFnTester { strategy: strategy.into(), ..self }
    }

    /// [Restarts](Self::restart) after each step, if `restarts`: all that is not in the state is lost each time.
    #[must_use]
    pub fn restart_after_each_step(self, restarts: bool) -> Self {
        KeyedDoFnTester { restarts, ..self }
    }

    /// An element comes, as a bundle of its own. It is dropped if its window has expired, as in a run.
    ///
    /// # Errors
    /// An error of user code, or of a timer that is set for a time that is not possible.
    pub fn process<Q>(&mut self, key: &Q, value: D::In, timestamp: Timestamp) -> Result<()>
    where
        D::Key: Borrow<Q>,
        Q: ToOwned<Owned = D::Key> + ?Sized,
    {
        self.process_bundle([(key.to_owned(), value, timestamp)])
    }

    /// Elements come, as one bundle: timers that they set for the past fire after the last of them.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub fn process_bundle(&mut self, elements: impl IntoIterator<Item = (D::Key, D::In, Timestamp)>) -> Result<()> {
        let mut batch = Batch::default();
        for (key, value, timestamp) in elements {
            for window in self.strategy.window_fn.windows(timestamp) {
                batch.push_in((key.clone(), value.clone()), timestamp, window, PaneInfo::NO_FIRING);
            }
        }
        self.step(|tester, machine| {
            let mut out = Emitter::new(&mut tester.outbox);
            machine.batch(&ByFirst, &mut batch, &mut out, None)?;
            machine.fire(&mut out)?;
            tester.advance(machine)
        })
    }

    /// The watermark comes to `to`: timers of event time fire, windows expire.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    ///
    /// # Panics
    /// If that is a step back.
    #[track_caller]
    pub fn advance_watermark_to(&mut self, to: Timestamp) -> Result<()> {
        let was = self.watermark;
        assert!(to >= was, "the watermark cannot step back from {was} to {to}: give it times in their order");
        self.step(|tester, machine| {
            tester.watermark = to;
            tester.advance(machine)
        })
    }

    /// Processing time moves on: its timers fire.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    ///
    /// # Panics
    /// If `by` is negative.
    #[track_caller]
    pub fn advance_processing_time(&mut self, by: Duration) -> Result<()> {
        assert!(by >= Duration::ZERO, "processing time cannot go back, by {by}: give it 0 or more to move on");
        self.step(|tester, machine| {
            tester.now = tester.now + by;
            if machine.processing_time(tester.now) { tester.advance(machine) } else { Ok(()) }
        })
    }

    /// All input has come: the watermark comes to the end of time, and all windows expire.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub fn finish(&mut self) -> Result<()> {
        self.advance_watermark_to(Timestamp::MAX)
    }

    /// Writes the state to bytes, as a checkpoint does, and goes on with a new instance that has read them. Nothing else
    /// is kept: what the DoFn has in fields of its own is as it was when it was given to [`new`](Self::new).
    ///
    /// # Errors
    /// If the state cannot be written or read, or `setup` fails.
    pub fn restart(&mut self) -> Result<()> {
        self.step(|tester, machine| {
            let mut to = StateWriter::default();
            machine.snapshot(&mut to)?;
            let mut bytes = Vec::new();
            coder::encode(&to.finish(), &mut bytes)?;
            let state: StepState = coder::decode(&mut &bytes[..])?;
            *machine = tester.instance()?;
            machine.restore(StateReader::new(&state, 0, 1))?;
            tester.advance(machine)
        })
    }

    /// What was emitted since the last time, in its order.
    pub fn take_outputs(&mut self) -> Vec<Element<D::Out>> {
        std::mem::take(&mut self.outputs)
    }

    /// As [`take_outputs`](Self::take_outputs), without timestamps and windows.
    pub fn take_values(&mut self) -> Vec<D::Out> {
        self.take_outputs().into_iter().map(|element| element.value).collect()
    }

    /// As [`take_outputs`](Self::take_outputs), without windows.
    pub fn take_timestamped(&mut self) -> Vec<(D::Out, Timestamp)> {
        self.take_outputs().into_iter().map(|element| (element.value, element.timestamp)).collect()
    }

    /// How many elements were dropped so far as their window had expired; those of several windows once for each.
    pub fn dropped_late(&self) -> u64 {
        self.dropped_late.get()
    }

    /// The watermark of the input.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// The watermark of the output: that of the input, or less where a timer holds it.
    pub fn output_watermark(&self) -> Timestamp {
        self.output_watermark
    }

    /// The processing time.
    pub fn processing_time(&self) -> Timestamp {
        self.now
    }

    /// Does `act`, and what is to be done before and after each step.
    fn step(&mut self, act: impl FnOnce(&mut Self, &mut Machine<D>) -> Result<()>) -> Result<()> {
        if self.failed {
            let message = "an earlier step of this tester has failed, which ends a run: make a new one";
            return Err(Error::new(ErrorKind::User, message));
        }
        let mut machine = match self.machine.take() {
            Some(machine) => machine,
            None => self.instance()?,
        };
        let result = act(self, &mut machine);
        self.failed = result.is_err();
        self.machine = RefCell::new(Some(machine));
        result?;
        if std::mem::take(&mut self.restarts) {
            let restarted = self.restart();
            self.restarts = true;
            return restarted;
        }
        Ok(())
    }

    /// A new instance, which knows the time.
    fn instance(&self) -> Result<Machine<D>> {
        self.strategy.check().and_then(|()| check_windows(&self.strategy)).map_err(Error::graph)?;
        let mut machine = Machine::new(self.do_fn.clone(), self.strategy.clone(), self.dropped_late.clone())?;
        machine.processing_time(self.now);
        Ok(machine)
    }

    /// Tells the watermark, until all that is due is done.
    fn advance(&mut self, machine: &mut Machine<D>) -> Result<()> {
        loop {
            let advance = machine.advance(self.watermark, &mut Emitter::new(&mut self.outbox))?;
            while let Some(mut batch) = self.outbox.pop() {
                let made = typed::<D::Out>(&mut *batch)?;
                made.explode();
                let values = std::mem::take(&mut made.values);
                self.outputs.extend(values.into_iter().enumerate().map(|(i, value)| Element::of(made, i, value)));
            }
            self.output_watermark = advance.watermark;
            if !advance.more {
                return Ok(());
            }
        }
    }
}
