//! Which element a step is at, for error messages, at no cost per element.

use std::cell::Cell;

thread_local!(static LAST: Cell<usize> = const { Cell::new(0) });

/// Counts the elements of the batch at hand. It lives in a register while all goes well; when the loop is left, also by
/// an error or a panic, its value can be read with [`last_position`].
///
/// ```
/// use dataflow_core::plane::{Cursor, last_position};
/// fn check(values: &[i32]) -> Result<(), String> {
///     let mut cursor = Cursor::default();
///     for (i, v) in values.iter().enumerate() {
///         cursor.0 = i;
///         if *v < 0 {
///             return Err("negative".into());
///         }
///     }
///     Ok(())
/// }
/// assert!(check(&[5, 6, -7, 8]).is_err());
/// assert_eq!(last_position(), 2);
/// ```
#[derive(Default)]
pub struct Cursor(pub usize);

impl Drop for Cursor {
    #[inline]
    fn drop(&mut self) {
        LAST.set(self.0);
    }
}

/// Where the last [`Cursor`] of this thread stood when it was dropped.
pub fn last_position() -> usize {
    LAST.get()
}
