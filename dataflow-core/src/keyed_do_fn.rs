//! User code with state and timers.

use crate::state::{KeyContext, StateRow};
use crate::{BoxError, Data, Element, Key, Output};

/// User code with state and timers of a key: Beam's stateful `ParDo`. The [state module](crate::state) is the guide.
/// `KeyedDoFnTester` in `dataflow::testing` is for unit tests of one.
///
/// State belongs to a key and a window. Each thread has its own instance, made by cloning the one given to
/// `par_do_stateful`, and owns a part of the keys.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a KeyedDoFn", note = "implement `KeyedDoFn` for it")]
pub trait KeyedDoFn: Clone + Send + 'static {
    /// The keys.
    type Key: Key;
    /// The values that come under them.
    type In: Data;
    /// The elements it makes.
    type Out: Data;
    /// What is known of a key in a window.
    type State: StateRow;

    /// What is called when a window expires, if anything: `Some(Self::name_of_a_method)`. It is called once for each key
    /// that had an element in the window, after all its timers of event time, also if the state is empty. What it emits
    /// has the last timestamp of the window. State and timers are gone afterwards.
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = None;

    /// Whether elements are only looked at: [`process_ref`](Self::process_ref) is called in place of
    /// [`process`](Self::process). That is faster where elements own memory and there are several threads, as they need not
    /// be moved, and are dropped by the thread that has made them.
    const READS_ONLY: bool = false;

    /// Called once per instance, before anything else.
    ///
    /// # Errors
    /// Any error ends the run; so it is for all methods here.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes an element. What it emits has the timestamp of the element. To be implemented unless
    /// [`READS_ONLY`](Self::READS_ONLY) is set.
    fn process(
        &mut self,
        context: &KeyContext<'_, Self::Key>,
        element: Element<Self::In>,
        state: &mut Self::State,
        out: &mut Output<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        const { assert!(Self::READS_ONLY, "implement `process`, or set `READS_ONLY` and implement `process_ref`") };
        self.process_ref(context, element.with_value(&element.value), state, out)
    }

    /// Looks at an element, if [`READS_ONLY`](Self::READS_ONLY) is set.
    ///
    /// ```
    /// use dataflow_core::state::{KeyContext, StateRow, Value};
    /// use dataflow_core::{BoxError, Element, KeyedDoFn, Output};
    /// use dataflow_derive::StateRow;
    ///
    /// #[derive(Default, StateRow)]
    /// struct Seen {
    ///     bytes: Value<u64>,
    /// }
    ///
    /// /// How much has come under a key.
    /// #[derive(Clone)]
    /// struct Volume;
    ///
    /// impl KeyedDoFn for Volume {
    ///     type Key = u64;
    ///     type In = String;
    ///     type Out = u64;
    ///     type State = Seen;
    ///
    ///     const READS_ONLY: bool = true;
    ///
    ///     fn process_ref(
    ///         &mut self,
    ///         _: &KeyContext<'_, u64>,
    ///         page: Element<&String>,
    ///         seen: &mut Seen,
    ///         out: &mut Output<'_, u64>,
    ///     ) -> Result<(), BoxError> {
    ///         let bytes = seen.bytes.or_default();
    ///         *bytes += page.value.len() as u64;
    ///         out.emit(*bytes);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn process_ref(
        &mut self,
        context: &KeyContext<'_, Self::Key>,
        element: Element<&Self::In>,
        state: &mut Self::State,
        out: &mut Output<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        const { assert!(!Self::READS_ONLY, "elements are only looked at (`READS_ONLY`): implement `process_ref`") };
        self.process(context, element.with_value(element.value.clone()), state, out)
    }

    /// A timer has fired; it is unset now. What is emitted has the timer's output timestamp: by default the time of a
    /// timer of event time, and for one of processing time the timestamp of the element that set it.
    fn on_timer(
        &mut self,
        _context: &KeyContext<'_, Self::Key>,
        _timer: <Self::State as StateRow>::Timer,
        _state: &mut Self::State,
        _out: &mut Output<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        const { assert!(Self::State::TIMERS == 0, "the state has timers: implement `on_timer`") };
        Ok(())
    }

    /// The instance is not needed any more. Called also after an error, as far as possible.
    fn teardown(&mut self) {}
}

/// The type of [`KeyedDoFn::ON_WINDOW_EXPIRATION`].
pub type OnWindowExpiration<D> = fn(
    &mut D,
    &KeyContext<'_, <D as KeyedDoFn>::Key>,
    &mut <D as KeyedDoFn>::State,
    &mut Output<'_, <D as KeyedDoFn>::Out>,
) -> Result<(), BoxError>;
