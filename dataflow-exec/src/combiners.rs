//! The common [`CombineFn`]s.
//!
//! ```
//! use dataflow_core::CombineFn;
//! use dataflow_exec::combiners::Mean;
//!
//! let mean = Mean::of(|n: &i32| f64::from(*n));
//! let mut acc = mean.create();
//! for n in [1, 2, 6] {
//!     mean.add(&mut acc, &n);
//! }
//! assert_eq!(mean.extract(acc), Some(3.0));
//! ```

use dataflow_core::{Coded, CombineFn, Data};
use std::any::Any;
use std::marker::PhantomData;
use std::ops::AddAssign;

/// A function from values to what is combined of them.
pub trait Take<V, N>: Fn(&V) -> N + Clone + Send + Sync + 'static {}
impl<V, N, F: Fn(&V) -> N + Clone + Send + Sync + 'static> Take<V, N> for F {}

macro_rules! combiner {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<V, N, F> {
            take: F,
            types: PhantomData<fn(V) -> N>,
        }
        impl<V, N, F: Take<V, N>> $name<V, N, F> {
            /// Of what `take` finds in a value.
            pub fn of(take: F) -> Self {
                $name { take, types: PhantomData }
            }
        }
        impl<V, N, F: Clone> Clone for $name<V, N, F> {
            fn clone(&self) -> Self {
                $name { take: self.take.clone(), types: PhantomData }
            }
        }
    };
}
combiner! {
    /// The sum. Of no values it is the type's default, zero.
    Sum
}
combiner! {
    /// The arithmetic mean; `None` of no values.
    Mean
}
combiner! {
    /// The smallest; `None` of no values. Values that cannot be compared with it, such as NaN, are passed over unless they
    /// come first.
    Min
}
combiner! {
    /// The largest; `None` of no values. Values that cannot be compared with it, such as NaN, are passed over unless they
    /// come first.
    Max
}

/// How many values there are.
pub struct Count<V>(PhantomData<fn(V)>);

impl<V> Count<V> {
    /// Counts values.
    pub fn new() -> Self {
        Count(PhantomData)
    }
}

impl<V> Default for Count<V> {
    fn default() -> Self {
        Count::new()
    }
}

impl<V> Clone for Count<V> {
    fn clone(&self) -> Self {
        Count(PhantomData)
    }
}

impl<V: Data> CombineFn for Count<V> {
    type In = V;
    type Acc = u64;
    type Out = u64;

    fn create(&self) -> u64 {
        0
    }
    #[inline]
    fn add(&self, acc: &mut u64, _: &V) {
        *acc += 1;
    }
    fn merge(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }
    fn extract(&self, acc: u64) -> u64 {
        acc
    }
    fn retracts(&self) -> bool {
        true
    }
    #[inline]
    fn retract(&self, acc: &mut u64, other: u64) {
        *acc -= other;
    }
}

impl<V: Data, N: Coded + Default + AddAssign, F: Take<V, N>> CombineFn for Sum<V, N, F> {
    type In = V;
    type Acc = N;
    type Out = N;

    fn create(&self) -> N {
        N::default()
    }
    #[inline]
    fn add(&self, acc: &mut N, value: &V) {
        *acc += (self.take)(value);
    }
    fn merge(&self, acc: &mut N, other: N) {
        *acc += other;
    }
    fn extract(&self, acc: N) -> N {
        acc
    }
    fn retracts(&self) -> bool {
        subtract(&mut N::default(), &N::default())
    }
    #[inline]
    fn retract(&self, acc: &mut N, other: N) {
        subtract(acc, &other);
    }
}

/// Takes `other` out of a sum of integers. Returns whether they are: other numbers may be rounded, or know no subtraction.
#[inline]
fn subtract<N: 'static>(sum: &mut N, other: &N) -> bool {
    let (sum, other): (&mut dyn Any, &dyn Any) = (sum, other);
    macro_rules! integers {
        ($($integer:ty)*) => {
            $(if let (Some(sum), Some(other)) = (sum.downcast_mut::<$integer>(), other.downcast_ref()) {
                *sum = sum.wrapping_sub(*other);
                return true;
            })*
        };
    }
    integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize); // which it is is known when this is compiled
    false
}

impl<V: Data, F: Take<V, f64>> CombineFn for Mean<V, f64, F> {
    type In = V;
    type Acc = (f64, u64);
    type Out = Option<f64>;

    fn create(&self) -> (f64, u64) {
        (0.0, 0)
    }
    #[inline]
    fn add(&self, (sum, count): &mut (f64, u64), value: &V) {
        *sum += (self.take)(value);
        *count += 1;
    }
    fn merge(&self, (sum, count): &mut (f64, u64), other: (f64, u64)) {
        *sum += other.0;
        *count += other.1;
    }
    fn extract(&self, (sum, count): (f64, u64)) -> Option<f64> {
        (count > 0).then(|| sum / count as f64)
    }
}

macro_rules! extremum {
    ($name:ident, $better:tt) => {
        impl<V: Data, N: Coded + PartialOrd, F: Take<V, N>> CombineFn for $name<V, N, F> {
            type In = V;
            type Acc = Option<N>;
            type Out = Option<N>;

            fn create(&self) -> Option<N> {
                None
            }
            #[inline]
            fn add(&self, acc: &mut Option<N>, value: &V) {
                self.merge(acc, Some((self.take)(value)));
            }
            #[inline]
            fn merge(&self, acc: &mut Option<N>, other: Option<N>) {
                if other.as_ref().is_some_and(|o| acc.as_ref().is_none_or(|a| o $better a)) {
                    *acc = other;
                }
            }
            fn extract(&self, acc: Option<N>) -> Option<N> {
                acc
            }
        }
    };
}
extremum!(Min, <);
extremum!(Max, >);

/// The values that rank highest, the highest first. Of values that rank alike any may be kept.
pub struct Top<V, N, F> {
    n: usize,
    rank: F,
    smallest: bool,
    types: PhantomData<fn(V) -> N>,
}

impl<V, N, F: Take<V, N>> Top<V, N, F> {
    /// The `n` values for which `rank` is largest.
    pub fn largest(n: usize, rank: F) -> Self {
        Top { n, rank, smallest: false, types: PhantomData }
    }

    /// The `n` values for which `rank` is smallest.
    pub fn smallest(n: usize, rank: F) -> Self {
        Top { n, rank, smallest: true, types: PhantomData }
    }
}

impl<V, N, F: Clone> Clone for Top<V, N, F> {
    fn clone(&self) -> Self {
        Top { n: self.n, rank: self.rank.clone(), smallest: self.smallest, types: PhantomData }
    }
}

impl<V: Coded, N: Coded + PartialOrd, F: Take<V, N>> CombineFn for Top<V, N, F> {
    type In = V;
    type Acc = Vec<(N, V)>; // sorted, the best first; `n` is small
    type Out = Vec<V>;

    fn create(&self) -> Self::Acc {
        Vec::new()
    }

    #[inline]
    fn add(&self, acc: &mut Self::Acc, value: &V) {
        let rank = (self.rank)(value);
        let ahead = |(theirs, _): &(N, V)| if self.smallest { *theirs <= rank } else { *theirs >= rank };
        if self.n == 0 || (acc.len() == self.n && acc.last().is_some_and(ahead)) {
            return;
        }
        let at = acc.partition_point(ahead);
        acc.truncate(self.n - 1);
        acc.insert(at.min(acc.len()), (rank, value.clone()));
    }

    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc) {
        for (_, value) in other {
            self.add(acc, &value);
        }
    }

    fn extract(&self, acc: Self::Acc) -> Vec<V> {
        acc.into_iter().map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// However the values are grouped, the result is that of all at once.
    fn grouped<C: CombineFn>(combine: &C, groups: &[Vec<C::In>]) -> C::Out {
        let mut whole = combine.create();
        for group in groups {
            let mut acc = combine.create();
            group.iter().for_each(|v| combine.add(&mut acc, v));
            combine.merge(&mut whole, acc);
        }
        combine.extract(whole)
    }

    #[test]
    fn sums_of_integers_can_be_taken_apart_and_those_of_other_numbers_cannot() {
        assert!(Count::<i64>::new().retracts() && Sum::of(|n: &i64| *n as u16).retracts());
        assert!(!Sum::of(|n: &f64| *n).retracts() && !Max::of(|n: &i64| *n).retracts());
        let sum = Sum::of(|n: &i64| *n);
        let mut acc = 5;
        sum.merge(&mut acc, i64::MAX - 5);
        sum.merge(&mut acc, -7);
        sum.retract(&mut acc, i64::MAX - 5);
        assert_eq!(acc, -2);
        let count = Count::<i64>::new();
        let mut acc = 7;
        count.retract(&mut acc, 3);
        assert_eq!(acc, 4);
    }

    proptest! {
        #[test]
        fn combiners_do_not_care_how_values_are_grouped(groups in prop::collection::vec(prop::collection::vec(-50i64..50, 0..6), 0..6)) {
            let mut all: Vec<i64> = groups.iter().flatten().copied().collect();
            prop_assert_eq!(grouped(&Count::new(), &groups), all.len() as u64);
            prop_assert_eq!(grouped(&Sum::of(|n: &i64| *n), &groups), all.iter().sum::<i64>());
            prop_assert_eq!(grouped(&Min::of(|n: &i64| *n), &groups), all.iter().min().copied());
            prop_assert_eq!(grouped(&Max::of(|n: &i64| *n), &groups), all.iter().max().copied());
            let mean = (!all.is_empty()).then(|| all.iter().sum::<i64>() as f64 / all.len() as f64);
            prop_assert_eq!(grouped(&Mean::of(|n: &i64| *n as f64), &groups), mean);
            all.sort_unstable();
            let lowest: Vec<i64> = all.iter().copied().take(3).collect();
            prop_assert_eq!(grouped(&Top::smallest(3, |n: &i64| *n), &groups), lowest);
            let highest: Vec<i64> = all.iter().rev().copied().take(3).collect();
            prop_assert_eq!(grouped(&Top::largest(3, |n: &i64| *n), &groups), highest);
        }
    }
}
