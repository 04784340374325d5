//! How often memory is allocated.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The allocations of threads that have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWN: Own = const { Own(Cell::new(0)) };
}

/// What a thread has counted: it hands it in at its end, so that counting is an addition to memory of its own.
struct Own(Cell<u64>);

impl Drop for Own {
    fn drop(&mut self) {
        ENDED.fetch_add(self.0.get(), Ordering::Relaxed);
    }
}

/// Mimalloc, and a count of what is asked of it. Without this one as the program's global allocator all counts are 0.
pub struct Counting;

#[inline]
fn count() {
    // A thread that is already about to end is not counted.
    _ = OWN.try_with(|own| own.0.set(own.0.get() + 1));
}

// SAFETY: all calls go to mimalloc as they are.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { MiMalloc.dealloc(p, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { MiMalloc.realloc(p, layout, size) }
    }
}

/// How often this thread has allocated so far.
#[inline]
pub fn of_this_thread() -> u64 {
    OWN.try_with(|own| own.0.get()).unwrap_or(0)
}

/// How often this thread and all that have ended have allocated so far.
pub fn so_far() -> u64 {
    ENDED.load(Ordering::Relaxed) + of_this_thread()
}
