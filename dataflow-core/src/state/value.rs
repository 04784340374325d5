//! One value.

use super::StateCell;
use crate::{Coded, Result, coder};

/// A cell with one value, or none.
///
/// ```
/// use dataflow_core::state::Value;
///
/// let mut count = Value::<u32>::default();
/// assert_eq!(count.get(), None);
/// *count.or_default() += 1;
/// assert_eq!(count.get_or_default(), 1);
/// assert_eq!(count.take(), Some(1));
/// assert!(count.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value<T>(Option<T>);

impl<T> Default for Value<T> {
    fn default() -> Self {
        Value(None)
    }
}

impl<T> Value<T> {
    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// The value, if there is one, to change it.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }

    /// A copy of the value; the default if there is none.
    #[inline]
    pub fn get_or_default(&self) -> T
    where
        T: Clone + Default,
    {
        self.0.clone().unwrap_or_default()
    }

    /// The value to change it; the default is put in if there is none.
    #[inline]
    pub fn or_default(&mut self) -> &mut T
    where
        T: Default,
    {
        self.0.get_or_insert_with(T::default)
    }

    /// The value to change it; what `make` makes is put in if there is none.
    #[inline]
    pub fn or_insert_with(&mut self, make: impl FnOnce() -> T) -> &mut T {
        self.0.get_or_insert_with(make)
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&mut self, value: T) {
        self.0 = Some(value);
    }

    /// Takes the value out.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    /// Removes the value.
    #[inline]
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Whether there is no value.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: Coded> StateCell for Value<T> {
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
