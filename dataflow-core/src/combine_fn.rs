//! How many values become one.

use crate::{Coded, Data};

/// Combines any number of values into one, by way of an accumulator: Beam's `CombineFn`.
///
/// The result must not hang on the order of the values nor on how they are grouped before they are merged, since the
/// engine combines on several threads and in advance. (Sums of floating-point numbers are equal only up to rounding.)
///
/// ```
/// use dataflow_core::CombineFn;
///
/// /// The span between the smallest and the largest value.
/// #[derive(Clone)]
/// struct Span;
///
/// impl CombineFn for Span {
///     type In = i64;
///     type Acc = Option<(i64, i64)>;
///     type Out = i64;
///
///     fn create(&self) -> Self::Acc {
///         None
///     }
///     fn add(&self, acc: &mut Self::Acc, value: &i64) {
///         let (min, max) = acc.get_or_insert((*value, *value));
///         (*min, *max) = ((*min).min(*value), (*max).max(*value));
///     }
///     fn merge(&self, acc: &mut Self::Acc, other: Self::Acc) {
///         if let Some((min, max)) = other {
///             self.add(acc, &min);
///             self.add(acc, &max);
///         }
///     }
///     fn extract(&self, acc: Self::Acc) -> i64 {
///         acc.map_or(0, |(min, max)| max - min)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a CombineFn",
    note = "use one from `dataflow::combiners`, such as `Sum::of(|x| ..)`, or implement `CombineFn` for your own type"
)]
pub trait CombineFn: Clone + Send + Sync + 'static {
    /// The values that are combined.
    type In: Data;
    /// What is known of the values so far. It is kept in state, so it must be serialisable.
    type Acc: Coded;
    /// The result.
    type Out: Data;

    /// An accumulator of no values.
    fn create(&self) -> Self::Acc;
    /// Adds a value.
    fn add(&self, acc: &mut Self::Acc, value: &Self::In);
    /// Adds what another accumulator has.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    /// The result.
    fn extract(&self, acc: Self::Acc) -> Self::Out;

    /// Whether [`retract`](Self::retract) undoes [`merge`](Self::merge), to the last bit. Overlapping windows are cheaper
    /// then: what has left a window is taken out, and what is left need not be merged again.
    fn retracts(&self) -> bool {
        false
    }

    /// Takes out what was merged before. To be implemented where it can be done exactly, as for counts and sums of
    /// integers, not of floating-point numbers: `merge(&mut a, b)` and then `retract(&mut a, b)` must leave `a` as it was,
    /// also if others were merged between them.
    ///
    /// ```
    /// use dataflow_core::CombineFn;
    ///
    /// /// The bits that an odd number of values have.
    /// #[derive(Clone)]
    /// struct Parity;
    ///
    /// impl CombineFn for Parity {
    ///     type In = u64;
    ///     type Acc = u64;
    ///     type Out = u64;
    ///
    ///     fn create(&self) -> u64 {
    ///         0
    ///     }
    ///     fn add(&self, acc: &mut u64, value: &u64) {
    ///         *acc ^= value;
    ///     }
    ///     fn merge(&self, acc: &mut u64, other: u64) {
    ///         *acc ^= other;
    ///     }
    ///     fn extract(&self, acc: u64) -> u64 {
    ///         acc
    ///     }
    ///     fn retracts(&self) -> bool {
    ///         true
    ///     }
    ///     fn retract(&self, acc: &mut u64, other: u64) {
    ///         *acc ^= other;
    ///     }
    /// }
    /// ```
    fn retract(&self, _acc: &mut Self::Acc, _other: Self::Acc) {}
}
