//! Element-wise code of users that has something to look up in.

use crate::{BoxError, Coded, Data, Element, Output};

/// A [`DoFn`](crate::DoFn) with a side input: the content of the side window that belongs to the element's window.
///
/// Elements that wait for their side input are kept in state, so they must be serialisable.
///
/// ```
/// use dataflow_core::{BoxError, Element, Output, SideInputDoFn};
///
/// /// Lets through what is larger than all of the side input.
/// #[derive(Clone)]
/// struct Largest;
///
/// impl SideInputDoFn for Largest {
///     type In = i64;
///     type Side = Vec<i64>;
///     type Out = i64;
///
///     fn process(&mut self, n: Element<i64>, side: &Vec<i64>, out: &mut Output<'_, i64>) -> Result<(), BoxError> {
///         if side.iter().all(|other| *other < n.value) {
///             out.emit(n.value);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait SideInputDoFn: Clone + Send + 'static {
    /// The elements it takes.
    type In: Coded;
    /// The content of the side input.
    type Side;
    /// The elements it makes.
    type Out: Data;

    /// See [`DoFn::setup`](crate::DoFn::setup).
    ///
    /// # Errors
    /// Any error ends the run; so it is for all methods here.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// See [`DoFn::start_bundle`](crate::DoFn::start_bundle).
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes an element, once for each of its windows.
    fn process(
        &mut self,
        element: Element<Self::In>,
        side: &Self::Side,
        out: &mut Output<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// See [`DoFn::finish_bundle`](crate::DoFn::finish_bundle).
    fn finish_bundle(&mut self, _out: &mut Output<'_, Self::Out>) -> Result<(), BoxError> {
        Ok(())
    }

    /// See [`DoFn::teardown`](crate::DoFn::teardown).
    fn teardown(&mut self) {}
}
