//! A combined value.

use super::StateCell;
use crate::{CombineFn, Result, coder};

/// A cell with the accumulator of a [`CombineFn`], which must have a `Default`.
///
/// ```
/// use dataflow_core::CombineFn;
/// use dataflow_core::state::Combining;
///
/// #[derive(Clone, Default)]
/// struct Sum;
///
/// impl CombineFn for Sum {
///     type In = i64;
///     type Acc = i64;
///     type Out = i64;
///     fn create(&self) -> i64 { 0 }
///     fn add(&self, acc: &mut i64, value: &i64) { *acc += value }
///     fn merge(&self, acc: &mut i64, other: i64) { *acc += other }
///     fn extract(&self, acc: i64) -> i64 { acc }
/// }
///
/// let mut sum = Combining::<Sum>::default();
/// assert_eq!(sum.get(), 0);
/// sum.add(&5);
/// sum.add(&-2);
/// assert_eq!(sum.get(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Combining<F: CombineFn>(Option<F::Acc>);

impl<F: CombineFn> Default for Combining<F> {
    fn default() -> Self {
        Combining(None)
    }
}

impl<F: CombineFn + Default> Combining<F> {
    fn accumulator(&mut self) -> &mut F::Acc {
        self.0.get_or_insert_with(|| F::default().create())
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: &F::In) {
        F::default().add(self.accumulator(), value);
    }

    /// Adds what another accumulator has.
    pub fn merge(&mut self, other: F::Acc) {
        F::default().merge(self.accumulator(), other);
    }

    /// The result; that of no values if there are none.
    pub fn get(&self) -> F::Out {
        let combine = F::default();
        combine.extract(self.0.clone().unwrap_or_else(|| combine.create()))
    }

    /// The accumulator, if a value was added.
    pub fn accumulated(&self) -> Option<&F::Acc> {
        self.0.as_ref()
    }

    /// Takes the result out; none if no value was added.
    pub fn take(&mut self) -> Option<F::Out> {
        self.0.take().map(|acc| F::default().extract(acc))
    }

    /// Whether no value was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl<F: CombineFn + Default> StateCell for Combining<F> {
    #[inline]
    fn is_vacant(&self) -> bool {
        self.0.is_none()
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<()> {
        coder::encode(&self.0, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<()> {
        self.0 = coder::decode(from)?;
        Ok(())
    }
}
