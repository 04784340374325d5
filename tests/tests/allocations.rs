//! The engine allocates per batch at most, never per element.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::state::{EventTimer, KeyContext, Value};
use dataflow_core::{BoxError, Element, KeyedDoFn, Output, Pipeline, Poll, Result, Source, SourceReader};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::Way;
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

#[derive(Clone)]
struct Event([u64; 6]);

struct Events(u64);
struct Reader(u64, u64);

impl Source for Events {
    type Element = Event;
    type Split = (u64, u64);
    type Reader = Reader;

    fn splits(&self, _: usize) -> Result<Vec<(u64, u64)>> {
        Ok(vec![(0, self.0 / 2), (self.0 / 2, self.0)])
    }
    fn lower_bound(&self, split: &(u64, u64)) -> Timestamp {
        Timestamp::from_millis(split.0 as i64)
    }
    fn open(&self, (next, end): (u64, u64)) -> Result<Reader> {
        Ok(Reader(next, end))
    }
}

impl SourceReader for Reader {
    type Element = Event;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<Event>) -> Result<Poll> {
        let (next, n) = (self.0, 1024.min(self.1 - self.0));
        batch.fill(n as usize, |i| {
            let id = next + i as u64;
            (Event([id, id % 100, 2, 3, 4, 5]), Timestamp::from_millis(id as i64))
        });
        self.0 += n;
        Ok(if self.0 < self.1 { Poll::More } else { Poll::End })
    }
    fn watermark(&self) -> Timestamp {
        Timestamp::from_millis(self.0 as i64)
    }
    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.0, self.1))
    }
}

fn allocations(events: u64, threads: u16) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let p = Pipeline::new("test");
    let events = p.read("Read", Events(events)).map("Map", |e| e).filter("Filter", |e| e.0[0] % 7 != 3);
    let minutely = events.window("Minutely", FixedWindows::of(Duration::minutes(1)));
    minutely.key_by("Key", |e| e.0[1]).count("Count").filter("None", |_| false).collect("Out");
    Way::on(threads).run(&p).unwrap();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// State and timers of a key: a count, flushed at the end of the window.
#[derive(Default, StateRow)]
struct Counted {
    count: Value<u64>,
    last: Value<Timestamp>,
    flush: EventTimer,
    timeout: EventTimer,
}

#[derive(Clone)]
struct CountAndFlush;

impl KeyedDoFn for CountAndFlush {
    type Key = u64;
    type In = Event;
    type Out = u64;
    type State = Counted;

    fn process(
        &mut self,
        c: &KeyContext<'_, u64>,
        element: Element<Event>,
        state: &mut Counted,
        out: &mut Output<'_, u64>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        state.last.set(element.timestamp);
        state.flush.set(c.window().max_timestamp());
        state.timeout.set(c.within_window(element.timestamp + Duration::seconds(10)));
        out.emit(state.count.get_or_default());
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &KeyContext<'_, u64>,
        timer: CountedTimer,
        state: &mut Counted,
        out: &mut Output<'_, u64>,
    ) -> Result<(), BoxError> {
        match timer {
            CountedTimer::Flush => out.emit(state.count.take().unwrap_or_default()),
            CountedTimer::Timeout => state.last.clear(),
        }
        Ok(())
    }
}

fn stateful_allocations(events: u64, threads: u16) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let p = Pipeline::new("test");
    let minutely = p.read("Read", Events(events)).window("Minutely", FixedWindows::of(Duration::minutes(1)));
    let counts = minutely.key_by("Key", |e| e.0[1]).par_do_stateful("Count", CountAndFlush);
    counts.filter("None", |_| false).collect("Out");
    Way::on(threads).run(&p).unwrap();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

// One test, as allocations of others at the same time would be counted.
#[test]
fn a_million_more_elements_cost_hardly_an_allocation() {
    for threads in [1, 2] {
        allocations(100_000, threads);
        let (few, many) = (allocations(200_000, threads), allocations(1_200_000, threads));
        let per_element = many.saturating_sub(few) as f64 / 1e6;
        println!("{threads} thread(s): {per_element} allocations per element");
        assert!(per_element < 0.005, "{threads} thread(s): {per_element} allocations per element: {few} and {many}");
        let (few, many) = (stateful_allocations(200_000, threads), stateful_allocations(1_200_000, threads));
        let per_element = many.saturating_sub(few) as f64 / 1e6;
        println!("{threads} thread(s), with state: {per_element} allocations per element");
        assert!(per_element < 0.005, "{threads} thread(s), with state: {per_element} allocations: {few} and {many}");
    }
}
