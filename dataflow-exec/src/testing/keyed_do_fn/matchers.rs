//! Assertions about state and timers that say what differs.

use super::look::contents;
use super::{KeyedDoFnTester, SetTimer};
use crate::testing::diff;
use dataflow_core::KeyedDoFn;
use dataflow_windows::Window;
use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::Hash;

/// Assertions. They panic with what was expected, what is there, and where the clocks stand.
///
/// ```should_panic
/// # use dataflow_core::state::{KeyContext, StateRow, Value};
/// # use dataflow_core::{BoxError, Element, KeyedDoFn, Output};
/// # use dataflow_derive::StateRow;
/// # use dataflow_exec::testing::KeyedDoFnTester;
/// # use dataflow_windows::Timestamp;
/// # #[derive(Default, StateRow)]
/// # struct Seen { count: Value<u64> }
/// # #[derive(Clone)]
/// # struct Count;
/// # impl KeyedDoFn for Count {
/// #     type Key = u64;
/// #     type In = ();
/// #     type Out = ();
/// #     type State = Seen;
/// #     fn process(
/// #         &mut self,
/// #         _: &KeyContext<'_, u64>,
/// #         _: Element<()>,
/// #         seen: &mut Seen,
/// #         _: &mut Output<'_, ()>,
/// #     ) -> Result<(), BoxError> {
/// #         *seen.count.or_default() += 1;
/// #         Ok(())
/// #     }
/// # }
/// let mut tester = KeyedDoFnTester::new(Count);
/// tester.process(&7, (), Timestamp::from_seconds(1)).unwrap();
/// tester.assert_state(&7, |seen| seen.count.get().copied(), Some(2));
/// // the state of key 7 is not as expected
/// //   expected: Some(2)
/// //        was: Some(1)
/// //   (watermark …, processing time …)
/// ```
impl<D: KeyedDoFn> KeyedDoFnTester<D> {
    /// What `read` reads of the key's state is `expected`: one cell, or several as a tuple.
    ///
    /// # Panics
    /// If it is not, if the key has no state, or has some in several windows.
    #[track_caller]
    pub fn assert_state<Q, R>(&self, key: &Q, read: impl FnOnce(&D::State) -> R, expected: R)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
        R: PartialEq + Debug,
    {
        self.compare(&format!("key {key:?}"), key, self.state(key), read, &expected);
    }

    /// As [`assert_state`](Self::assert_state), of the state in `window`.
    ///
    /// # Panics
    /// If it is something else, or the key has no state there.
    #[track_caller]
    pub fn assert_state_in<Q, R>(&self, key: &Q, window: Window, read: impl FnOnce(&D::State) -> R, expected: R)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
        R: PartialEq + Debug,
    {
        self.compare(&format!("key {key:?} in {window}"), key, self.state_in(key, window), read, &expected);
    }

    /// All cells of the key are empty, in all windows.
    ///
    /// # Panics
    /// If not, with a list of what is in them.
    #[track_caller]
    pub fn assert_no_state<Q>(&self, key: &Q)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
    {
        let states = self.states(key);
        if !states.is_empty() {
            let list = |(window, state)| diff::list(&format!("in {window}"), '+', &contents(state));
            let lists: String = states.into_iter().map(list).collect();
            panic!("key {key:?} has state, but should have none{lists}{}", self.clocks());
        }
    }

    /// These timers of the key are set and no others, in any order.
    ///
    /// # Panics
    /// If not, with those that are missing and those that are too much; or if the key has state in several windows.
    #[track_caller]
    pub fn assert_timers<Q>(&self, key: &Q, expected: impl IntoIterator<Item = SetTimer>)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
    {
        self.compare_timers(&format!("key {key:?}"), &self.timers(key), expected.into_iter().collect());
    }

    /// As [`assert_timers`](Self::assert_timers), of the timers in `window`.
    ///
    /// # Panics
    /// If not, with those that are missing and those that are too much.
    #[track_caller]
    pub fn assert_timers_in<Q>(&self, key: &Q, window: Window, expected: impl IntoIterator<Item = SetTimer>)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
    {
        let actual = self.timers_in(key, window);
        self.compare_timers(&format!("key {key:?} in {window}"), &actual, expected.into_iter().collect());
    }

    #[track_caller]
    fn compare<Q, R>(&self, of: &str, key: &Q, state: Option<D::State>, read: impl FnOnce(&D::State) -> R, expected: &R)
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + Debug + ?Sized,
        R: PartialEq + Debug,
    {
        let Some(state) = state else {
            let windows: Vec<String> = self.states(key).into_iter().map(|(window, _)| window.to_string()).collect();
            let elsewhere = diff::list("it has some in", ' ', &windows);
            let clocks = self.clocks();
            panic!("{of} has no state\n  expected: {expected:?}{elsewhere}{clocks}");
        };
        let actual = read(&state);
        if actual != *expected {
            panic!("the state of {of} is not as expected{}{}", diff::two(expected, &actual), self.clocks());
        }
    }

    #[track_caller]
    fn compare_timers(&self, of: &str, actual: &[SetTimer], expected: Vec<SetTimer>) {
        if let Err(difference) = diff::in_any_order(&expected, actual, |i| format!("{:?}", actual[i])) {
            panic!("the timers of {of} are not as expected: {difference}{}", self.clocks());
        }
    }

    fn clocks(&self) -> String {
        format!("\n  (watermark {}, processing time {})", self.watermark, self.now)
    }
}
