//! Element-wise code of users with state that is the same everywhere.

use crate::{BoxError, Coded, Data, Element, Output};

/// User code with broadcast state: a small stream of rules changes it, and all elements are processed with it.
///
/// Every thread sees all rules in the same order, and has a copy of the state. Elements do not wait for rules: one meets
/// the rules that have come by then. Where the rules of a window are to be complete first, use a side input.
///
/// ```
/// use dataflow_core::{BoxError, BroadcastDoFn, Element, Output};
///
/// /// Lets through what is above the threshold set last.
/// #[derive(Clone)]
/// struct Above;
///
/// impl BroadcastDoFn for Above {
///     type In = i64;
///     type Rule = i64;
///     type Out = i64;
///     type State = i64;
///
///     fn process_broadcast(&self, threshold: &mut i64, rule: Element<i64>) -> Result<(), BoxError> {
///         *threshold = rule.value;
///         Ok(())
///     }
///
///     fn process(&mut self, n: Element<i64>, threshold: &i64, out: &mut Output<'_, i64>) -> Result<(), BoxError> {
///         if n.value > *threshold {
///             out.emit(n.value);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait BroadcastDoFn: Clone + Send + 'static {
    /// The elements it takes.
    type In: Data;
    /// The elements of the small stream.
    type Rule: Data;
    /// The elements it makes.
    type Out: Data;
    /// What is kept of the rules.
    type State: Coded + Default;

    /// See [`DoFn::setup`](crate::DoFn::setup).
    ///
    /// # Errors
    /// Any error ends the run; so it is for all methods here.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes a rule. What becomes of the state must hang on nothing but the state and the rule: it has to be the same
    /// on all threads.
    fn process_broadcast(&self, state: &mut Self::State, rule: Element<Self::Rule>) -> Result<(), BoxError>;

    /// Takes an element.
    fn process(
        &mut self,
        element: Element<Self::In>,
        state: &Self::State,
        out: &mut Output<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// See [`DoFn::teardown`](crate::DoFn::teardown).
    fn teardown(&mut self) {}
}
