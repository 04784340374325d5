//! Valid events pass from their line to the row of the lake without the allocator.

use dataflow_windows::Timestamp;
use examples::lake::event::EnrichedEvent;
use examples::lake::simulate::Simulation;
use examples::lake::users::Users;
use examples::lake::validate;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps this function's contract, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn parsing_and_enriching_valid_events_allocates_nothing() {
    let simulation = Simulation::new(50_000, 1);
    let users = Users::built_in();
    let mut line = Vec::with_capacity(512);
    let (mut valid, mut allocations) = (0, 0);
    for index in 0..simulation.len() {
        line.clear();
        let before = ALLOCATIONS.get();
        simulation.line(index, &mut line);
        if let Ok(event) = validate::parse(&line) {
            let user = users.get(event.user_id);
            let row = EnrichedEvent::new(event, user, Timestamp::MIN);
            assert!(row.user_id > 0);
            drop(row);
            valid += 1;
            allocations += ALLOCATIONS.get() - before;
        }
    }
    assert!(valid > 48_000);
    assert_eq!(allocations, 0);
}
