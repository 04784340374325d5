//! Going over the elements of a batch by reference.

use super::Batch;
use std::collections::VecDeque;
use std::convert::Infallible;

/// So many elements are dropped at a time: few enough to be in the nearest cache still.
const FEW: usize = 8;

/// The elements of a batch, to be looked at from first to last. See [`Batch::look`].
pub struct Looking<T> {
    values: VecDeque<T>,
    at: usize,
    drops: bool,
}

impl<T> Batch<T> {
    /// Lets `look` go over the elements by reference; it gets all that is known of them besides. If nobody else is to look
    /// at the batch ([`is_last`](Self::is_last)), elements are dropped on the way, while they are in the cache: to go over
    /// them once more to drop them takes longer. What `look` returns is returned.
    ///
    /// ```
    /// use dataflow_core::plane::Batch;
    /// use dataflow_windows::Timestamp;
    ///
    /// let mut words = Batch::default();
    /// words.fill(9, |i| ("w".repeat(i), Timestamp::MIN));
    /// let mut sum = 0;
    /// words.look(|_, words| words.each(words.len(), |word| sum += word.len()));
    /// assert_eq!((sum, words.len()), (36, 9));
    /// words.is_last = true;
    /// words.look(|_, words| words.each(words.len(), |word| sum += word.len()));
    /// assert!(words.is_empty());
    /// ```
    #[inline]
    pub fn look<R>(&mut self, look: impl FnOnce(&Batch<T>, &mut Looking<T>) -> R) -> R {
        let drops = self.is_last && const { std::mem::needs_drop::<T>() };
        let mut looking = Looking { values: std::mem::take(&mut self.values).into(), at: 0, drops };
        let result = look(self, &mut looking);
        self.values = looking.values.into(); // it begins where it did, or is empty: nothing is moved
        result
    }
}

impl<T> Looking<T> {
    /// How many elements are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len() - self.at
    }

    /// Whether none are left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those that are left.
    #[inline]
    pub fn rest(&self) -> &[T] {
        &self.values.as_slices().0[self.at..]
    }

    /// Calls `look` with the next `n` elements, one after the other, or with all that are left.
    #[inline]
    pub fn each(&mut self, n: usize, mut look: impl FnMut(&T)) {
        let looked = self.try_each(n, |value| {
            look(value);
            Ok::<_, Infallible>(())
        });
        match looked {
            Ok(()) => {}
        }
    }

    /// [`each`](Self::each) for what may fail. Which elements are left after an error is not said.
    ///
    /// # Errors
    /// As `look`.
    #[inline]
    pub fn try_each<E>(&mut self, n: usize, mut look: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        let mut n = n.min(self.len());
        while n > 0 {
            let few = if self.drops { n.min(FEW) } else { n };
            for value in &self.rest()[..few] {
                look(value)?;
            }
            self.skip(few);
            n -= few;
        }
        Ok(())
    }

    /// Nobody looks at the next `n`, or at all that are left.
    #[inline]
    pub fn skip(&mut self, n: usize) {
        let n = n.min(self.len());
        if self.drops {
            self.values.drain(..n);
        } else {
            self.at += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_windows::Timestamp;
    use std::sync::Arc;

    #[test]
    fn elements_of_the_last_look_are_dropped_on_the_way_and_others_stay() {
        for is_last in [false, true] {
            let shared = Arc::new(());
            let mut batch = Batch::default();
            batch.fill(20, |i| ((i, shared.clone()), Timestamp::MIN));
            batch.is_last = is_last;
            let mut seen = vec![];
            let memory = batch.values.as_ptr();
            batch.look(|meta, elements| {
                assert_eq!(meta.times.get(19), Timestamp::MIN);
                elements.each(11, |(i, _)| seen.push(*i));
                assert_eq!((elements.len(), elements.rest()[0].0), (9, 11));
                assert_eq!(Arc::strong_count(&shared), if is_last { 10 } else { 21 });
                elements.skip(2);
                elements.each(7, |(i, _)| seen.push(*i));
                assert!(elements.is_empty());
            });
            assert_eq!(seen, (0..11).chain(13..20).collect::<Vec<_>>());
            assert_eq!(batch.len(), if is_last { 0 } else { 20 });
            assert_eq!(batch.values.as_ptr(), memory, "it is used again");
        }
    }

    #[test]
    fn an_error_ends_it() {
        let mut batch = Batch::default();
        batch.fill(20, |i| (i.to_string(), Timestamp::MIN));
        let result = batch.look(|_, e| e.try_each(20, |word| if word == "12" { Err(word.clone()) } else { Ok(()) }));
        assert_eq!(result, Err("12".to_owned()));
    }
}
